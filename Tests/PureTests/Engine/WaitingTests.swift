import Concurrency
import EngineInterface
import Faults
import Model
import Synchronization
import TestKit
import Testing

@testable import Engine

@Suite struct WaitingTests {
    @Test func `operations on one container never overlap, and all are done`() async {
        let serializer = KeyedLock<String>()
        let watch = Watch()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await serializer.run("a") {
                        watch.enter()
                        await Task.yield()
                        watch.leave()
                    }
                }
            }
        }
        #expect(watch.state.withLock { $0.done } == 50)
        #expect(watch.state.withLock { $0.most } == 1)
    }

    private final class Watch: Sendable {
        let state = Mutex((inside: 0, most: 0, done: 0))
        func enter() {
            state.withLock {
                $0.inside += 1; $0.most = max($0.most, $0.inside)
            }
        }
        func leave() {
            state.withLock {
                $0.inside -= 1; $0.done += 1
            }
        }
    }

    @Test func `a wait that was registered before the end sees it, one for removal does not`() async throws {
        let waiters = ExitWaiters()
        let end = waiters.register("a", .exit)
        let removal = waiters.register("a", .removed)
        waiters.ended("a", ExitResult(statusCode: 3))
        #expect(try await end.result().statusCode == 3)
        waiters.removed("a", ExitResult(statusCode: 4))
        #expect(try await removal.result().statusCode == 4)
    }

    @Test(arguments: [Int.max, Int.max / 2, 1, 0])
    func `a grace of any length can be waited for, and is rounded up`(seconds: Int) async throws {
        let time = try #require(StopGrace(seconds: seconds).duration)
        let wait = Task { try await Task.sleep(for: time) }  // Cancelled: that it begins is what is tried.
        await Task.yield()
        wait.cancel()
        _ = await wait.result
        #expect(StopGrace(seconds: -1).duration == nil)
        #expect(StopGrace(nanoseconds: 1_000_000_001).duration == .seconds(2))
        #expect(StopGrace(nanoseconds: 2_000_000_000).duration == .seconds(2))
        #expect(StopGrace(nanoseconds: .max).duration == .seconds(Int(Int32.max)))
    }

    @Test func `a cancelled wait ends`() async {
        let waiters = ExitWaiters()
        let wait = waiters.register("a", .exit)
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await wait.result() }
                group.cancelAll()
                try await group.next()
            }
        }
    }

    @Test func `a wait that nobody can ask for any more is forgotten`() async throws {
        let waiters = ExitWaiters()
        _ = waiters.register("a", .exit)
        #expect(waiters.count == 0)
        let kept = waiters.register("a", .exit)
        #expect(waiters.count == 1)
        waiters.ended("a", ExitResult(statusCode: 3))
        #expect(try await kept.result().statusCode == 3)
    }

    @Test func `events of before are told first, then new ones, filtered`() async throws {
        let log = EventLog()
        let start = Timestamp.now
        log.publish("container", "start", "abcdef", ["name": "web", "image": "nginx"])
        log.publish("network", "create", "n1", ["name": "net"])
        let filter = try EventFilter(Filters(["type": ["container"]]))
        let events = log.follow(since: start, until: nil) { filter.matches($0) }
        log.publish("container", "die", "abcdef", ["name": "web"])
        var actions: [String] = []
        for await event in events {
            actions.append(event.action)
            if actions.count == 2 { break }
        }
        #expect(actions == ["start", "die"])
        #expect(throws: APIError(.invalidInput, "invalid filter 'bogus'")) {
            try told {
                try EventFilter(Filters(["bogus": ["1"]]))
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a reader that falls behind loses the oldest events, and time ends a reader`() async {
        let log = EventLog()
        let events = log.follow(since: nil, until: nil) { _ in true }
        let most = EventLog.capacity + EventLog.capacity / 4
        let count = most + 10
        for number in 0..<count { log.publish("container", "\(number)", "c") }
        var actions: [String] = []
        for await event in events {
            actions.append(event.action)
            if event.action == "\(count - 1)" { break }
        }
        #expect(actions.count <= most)
        let numbers: [Int] = actions.compactMap { Int($0) }
        #expect(numbers.count == actions.count)
        let last = count - 1
        #expect(numbers.suffix(3) == [last - 2, last - 1, last])
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { (one: Int, next: Int) in one + 1 == next })
        let soon = Timestamp.now.advanced(bySeconds: 1)
        for await _ in log.follow(since: nil, until: soon, matching: { _ in true }) {
            Issue.record("nothing happens any more")
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a reader may wait until any moment`() async {
        let log = EventLog()
        for seconds in [9_223_372_037, Int64.max] {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        log.publish("container", "start", "c")
                        // So far apart that the reader waits in between; cancelled when it has had enough.
                        try? await Task.sleep(for: .milliseconds(5))
                    }
                }
                var count = 0
                for await _ in log.follow(since: nil, until: Timestamp(seconds: seconds), matching: { _ in true }) {
                    count += 1
                    if count == 5 { break }
                }
                #expect(count == 5)
                group.cancelAll()
            }
            for await _ in log.follow(since: nil, until: Timestamp(seconds: -seconds - 1), matching: { _ in true }) {
                Issue.record("there are no events of that time")
            }
        }
    }

    /// A lock that is held while readers are woken up would stop both sides for good.
    @Test(.timeLimit(.minutes(1))) func `readers come and are cancelled while events are told`() async {
        let log = EventLog()
        let end = Flag()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { while !end.isSet.withLock({ $0 }) { log.publish("container", "start", "c") } }
            group.addTask {
                for _ in 0..<500 {
                    let first = Flag()
                    // To be cancelled while it reads.
                    let reader = Task {
                        for await _ in log.follow(since: nil, until: nil, matching: { _ in true }) {
                            first.isSet.withLock { $0 = true }
                        }
                    }
                    while !first.isSet.withLock({ $0 }) { await Task.yield() }
                    reader.cancel()
                    await reader.value
                }
                end.isSet.withLock { $0 = true }
            }
        }
        #expect(log.followerCount == 0)
    }

    private final class Flag: Sendable {
        let isSet = Mutex(false)
    }
}
