import EngineInterface
import Faults
import Model
import Synchronization
import Testing

@testable import Engine

@Suite struct WaitingTests {
    @Test func `operations on one container follow one another in order of arrival`() async {
        let serializer = KeyedSerializer()
        let order = Mutex<[Int]>([])
        let inside = Mutex(0)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    await serializer.run("a") {
                        #expect(inside.withLock { $0 += 1; return $0 } == 1)
                        await Task.yield()
                        order.withLock { $0.append(number) }
                        inside.withLock { $0 -= 1 }
                    }
                }
            }
        }
        #expect(order.withLock { $0.count } == 50)
    }

    @Test func `a wait that was registered before the end sees it, one for removal does not`() async throws {
        let waiters = ExitWaiters()
        let end = waiters.register("a", .nextExit)
        let removal = waiters.register("a", .removed)
        waiters.ended("a", ExitResult(statusCode: 3))
        #expect(try await end.result().statusCode == 3)
        waiters.removed("a", ExitResult(statusCode: 4))
        #expect(try await removal.result().statusCode == 4)
    }

    @Test func `a cancelled wait ends`() async {
        let waiters = ExitWaiters()
        let wait = waiters.register("a", .nextExit)
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await wait.result() }
                group.cancelAll()
                try await group.next()
            }
        }
    }

    @Test func `events of before are told first, then new ones, filtered`() async throws {
        let log = EventLog()
        let start = Timestamp.now
        log.publish("container", "start", "abcdef", ["name": "web", "image": "nginx"])
        log.publish("network", "create", "n1", ["name": "net"])
        let filter = try EventFilter(Filters(["type": ["container"]]))
        let events = log.follow(since: start, until: nil, matching: filter.matches)
        log.publish("container", "die", "abcdef", ["name": "web"])
        var actions: [String] = []
        for await event in events {
            actions.append(event.action)
            if actions.count == 2 { break }
        }
        #expect(actions == ["start", "die"])
        #expect(throws: Refusal(.invalidInput, "invalid filter 'bogus'")) { try EventFilter(Filters(["bogus": ["1"]])) }
    }
}
