import Synchronization
import TestKit
import Testing

@testable import Concurrency

extension ConcurrencyTests {
    private final class Watch: Sendable {
        private struct State {
            var inside: [Int: Int] = [:]
            var most = 0
            var entered: [Int] = []
        }
        private let state = Mutex(State())

        func enter(_ key: Int, _ number: Int = 0) {
            state.withLock { state in
                state.inside[key, default: 0] += 1
                state.most = max(state.most, state.inside[key] ?? 0)
                state.entered.append(number)
            }
        }
        func leave(_ key: Int) { state.withLock { $0.inside[key, default: 0] -= 1 } }
        var most: Int { state.withLock { $0.most } }
        var entered: [Int] { state.withLock { $0.entered } }
    }

    @Test(arguments: [1, 2, 3]) func `one at a time holds a key, whoever is cancelled`(seed: UInt64) async throws {
        let (lock, watch) = (KeyedLock<Int>(), Watch())
        let counts = Kept((ran: 0, cancelled: 0))
        var random = SplitMix(state: seed)
        let plans = (0..<2000).map { _ in
            (
                key: Int.random(in: 0..<4, using: &random), isCancellable: Bool.random(using: &random),
                isCancelled: Bool.random(using: &random), pauses: Int.random(in: 0..<4, using: &random)
            )
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for plan in plans {
                // A task of its own, to be cancelled by itself.
                let task = Task {
                    do {
                        let body: @Sendable () async -> Void = {
                            watch.enter(plan.key)
                            for _ in 0..<plan.pauses { await Task.yield() }
                            watch.leave(plan.key)
                            counts.withLock { $0.ran += 1 }
                        }
                        if plan.isCancellable {
                            try await lock.runUnlessCancelled(plan.key) { await body() }
                        } else {
                            await lock.run(plan.key) { await body() }
                        }
                    } catch {
                        #expect(error is CancellationError && plan.isCancelled && plan.isCancellable)
                        counts.withLock { $0.cancelled += 1 }
                    }
                }
                if plan.isCancelled {
                    for _ in 0..<plan.pauses { await Task.yield() }
                    task.cancel()
                }
                group.addTask { await task.value }
            }
            try await group.waitForAll()
        }
        #expect(watch.most == 1)
        #expect(counts.withLock { $0.ran + $0.cancelled } == plans.count)
        #expect(lock.lockedCount == 0)
    }

    @Test func `turns come in order of arrival, past those who have given up`() async throws {
        let (lock, watch) = (KeyedLock<Int>(), Watch())
        let gate = Promise<Void>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await lock.run(0) { _ = try? await gate.value() } }  // Never fails.
            try await Self.settled { lock.lockedCount == 1 }
            var waiters: [Task<Void, any Error>] = []
            for number in 0..<100 {
                // To be cancelled one by one.
                waiters.append(
                    Task {
                        try await lock.runUnlessCancelled(0) {
                            watch.enter(0, number); watch.leave(0)
                        }
                    })
                try await Self.settled { lock.waiterCount(0) == number + 1 }
            }
            for number in stride(from: 0, to: 100, by: 3) { waiters[number].cancel() }
            try await Self.settled { lock.waiterCount(0) == 66 }
            gate.succeed(())
            for (number, waiter) in waiters.enumerated() {
                switch await waiter.result {
                case .success: #expect(number % 3 != 0)
                case .failure(let error): #expect(error is CancellationError && number % 3 == 0)
                }
            }
            try await group.waitForAll()
        }
        #expect(watch.entered == (0..<100).filter { $0 % 3 != 0 })
        #expect(lock.lockedCount == 0)
    }

    @Test func `who is cancelled while waiting leaves at once, and does not run`() async throws {
        let lock = KeyedLock<String>()
        let gate = Promise<Void>()
        async let holder: Void? = lock.run("a") { try? await gate.value() }  // Never fails.
        try await Self.settled { lock.lockedCount == 1 }
        await #expect(throws: DeadlinePassed.self) {
            try await withDeadline(.milliseconds(20)) {
                try await lock.runUnlessCancelled("a") { Issue.record("ran") }
            }
        }
        #expect(lock.waiterCount("a") == 0)
        // Other keys are free.
        #expect(try await lock.runUnlessCancelled("b") { 7 } == 7)
        gate.succeed(())
        _ = await holder
        #expect(lock.lockedCount == 0)
    }

    @Test func `an error gives the lock back`() async throws {
        let lock = KeyedLock<Int>()
        await #expect(throws: DeadlinePassed.self) { try await lock.run(1) { throw DeadlinePassed() } }
        await #expect(throws: DeadlinePassed.self) {
            try await lock.runUnlessCancelled(1) { throw DeadlinePassed() }
        }
        #expect(lock.lockedCount == 0)
    }

    @Test func `a list does not grow by those who come and go`() async throws {
        var list = WaitList<Void>()
        let kept = Ticket()
        _ = await withCheckedContinuation { (waiter: Waiter<Void>) in
            list.append(waiter, kept)
            for _ in 0..<10_000 {
                // The same continuation under other names: the list resumes nobody by itself.
                let passing = Ticket()
                list.append(waiter, passing)
                _ = list.remove(passing)
            }
            #expect(list.count == 1)
            #expect(list.size < 100)
            list.popFirst()?.resume(returning: ())
        }
        #expect(list.isEmpty)
    }
}
