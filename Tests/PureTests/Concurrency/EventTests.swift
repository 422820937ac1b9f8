import TestKit
import Testing

@testable import Concurrency

extension ConcurrencyTests {
    @Test func `no signal is lost between producers and a consumer`() async throws {
        let event = AsyncEvent()
        let inbox = Kept<[Int]>([])
        let total = 20_000
        await withTaskGroup(of: Void.self) { group in
            for producer in 0..<4 {
                group.addTask {
                    for number in 0..<total / 4 {
                        inbox.withLock { $0.append(number) }
                        event.signal()
                        if number % (producer + 3) == 0 { await Task.yield() }
                    }
                }
            }
            var taken = 0
            while taken < total {
                taken += inbox.withLock { inbox in
                    defer { inbox = [] }
                    return inbox.count
                }
                if taken < total { await event.wait() }
            }
            #expect(taken == total)
        }
        #expect(event.waiterCount == 0)
    }

    @Test func `signals of before count once, and each wakes one of those who wait`() async throws {
        let event = AsyncEvent()
        event.signal()
        event.signal()
        await event.wait()
        let woken = Kept(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    await event.wait()
                    woken.withLock { $0 += 1 }
                }
            }
            while event.waiterCount < 3 { await Task.yield() }
            event.signal()
            while event.waiterCount > 2 { await Task.yield() }
            #expect(event.waiterCount == 2)
            // Those left are let go by cancellation.
            group.cancelAll()
        }
        #expect(woken.withLock { $0 } == 3)
        #expect(event.waiterCount == 0)
    }

    @Test func `who is cancelled before it waits does not wait`() async throws {
        let event = AsyncEvent()
        // To be cancelled before it waits.
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            await event.wait()
            await event.wait(until: ManualClock().now.advanced(by: .seconds(3600)), clock: ManualClock())
        }
        task.cancel()
        await task.value
        #expect(event.waiterCount == 0)
    }

    @Test func `a wait ends at its deadline by the clock that it is given`() async throws {
        let (event, clock) = (AsyncEvent(), ManualClock())
        let isOver = ObservableValue(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await event.wait(until: clock.now.advanced(by: .seconds(3600)), clock: clock)
                isOver.set(true)
            }
            try await clock.waitForSleepers(1)
            clock.advance(by: .seconds(3599))
            #expect(!isOver.value)
            clock.advance(by: .seconds(1))
            try await group.waitForAll()
        }
        #expect(isOver.value && event.waiterCount == 0)
    }

    @Test func `every waiter for a value sees it, whoever else is cancelled`() async throws {
        let value = ObservableValue(0)
        let last = 300
        let seen = Kept(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            var tasks: [Task<Void, any Error>] = []
            for number in 0..<400 {
                // To be cancelled one by one.
                tasks.append(Task { _ = try await value.wait { $0 >= number % last ? true : nil } })
            }
            group.addTask { [tasks] in
                for (number, task) in tasks.enumerated() where number % 5 == 4 {
                    task.cancel()
                    await Task.yield()
                }
            }
            group.addTask {
                for next in 1...last {
                    value.set(next)
                    if next % 7 == 0 { await Task.yield() }
                }
            }
            try await group.waitForAll()
            for (number, task) in tasks.enumerated() {
                switch await task.result {
                case .success: seen.withLock { $0 += 1 }
                case .failure(let error): #expect(error is CancellationError && number % 5 == 4)
                }
            }
        }
        #expect(seen.withLock { $0 } >= 320)
        #expect(value.waiterCount == 0)
    }

    @Test func `two values that answer each other never miss a change`() async throws {
        let (ping, pong) = (ObservableValue(0), ObservableValue(0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 1...5000 {
                    ping.set(number)
                    try await pong.wait { $0 == number ? true : nil }
                }
            }
            group.addTask {
                for number in 1...5000 {
                    try await ping.wait { $0 == number ? true : nil }
                    pong.set(number)
                }
            }
            try await group.waitForAll()
        }
        #expect(pong.value == 5000)
    }

    @Test func `a value that is there counts, though the task is cancelled`() async throws {
        let value = ObservableValue<Int?>(3)
        let promise = Promise<Int>()
        promise.succeed(4)
        // To be cancelled before it waits.
        let there = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await value.wait { $0 } + promise.value()
        }
        there.cancel()
        #expect(try await there.value == 7)
        // The same.
        let missing = Task {
            while !Task.isCancelled { await Task.yield() }
            _ = try await value.wait { $0 == 5 ? true : nil }
        }
        missing.cancel()
        await #expect(throws: CancellationError.self) { try await missing.value }
    }

    @Test func `a key's waiters look again at each signal, and only they wait on`() async throws {
        let condition = KeyedCondition<Int>()
        let holders = Kept<[Int: Int]>([:])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask {
                    try await condition.wait(number % 10) { (holders.withLock { $0[number % 10] } ?? 0) < number }
                }
            }
            group.addTask {
                for step in 0...300 {
                    let key = step % 10
                    holders.withLock { $0[key] = step }
                    condition.signal([key])
                    if step % 5 == 0 { await Task.yield() }
                }
                for key in 0..<10 { holders.withLock { $0[key] = 300 } }
                condition.signal(0..<10)
            }
            try await group.waitForAll()
        }
        #expect(condition.waiterCount == 0)
        // Given up, nothing is left of it.
        await #expect(throws: DeadlinePassed.self) {
            try await withDeadline(.milliseconds(10)) { try await condition.wait(1) { true } }
        }
        #expect(condition.waiterCount == 0)
    }

    @Test func `no signal is missed between a look and the wait`() async throws {
        let condition = KeyedCondition<Bool>()
        let turns = Kept(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for isOdd in [false, true] {
                group.addTask {
                    for number in 0..<5000 {
                        let mine = 2 * number + (isOdd ? 1 : 0)
                        try await condition.wait(isOdd) { turns.withLock { $0 } < mine }
                        turns.withLock { $0 += 1 }
                        condition.signal([!isOdd])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(turns.withLock { $0 } == 10_000)
        #expect(condition.waiterCount == 0)
    }

    @Test(arguments: [4, 5]) func `a promise's result reaches all, once, and the first counts`(seed: UInt64)
        async throws
    {
        var random = SplitMix(state: seed)
        for _ in 0..<200 {
            let promise = Promise<Int>()
            let isCancelled = (0..<8).map { _ in Int.random(in: 0..<4, using: &random) == 0 }
            // To be cancelled one by one.
            let tasks = isCancelled.map { _ in Task { try await promise.value() } }
            for (task, isCancelled) in zip(tasks, isCancelled) where isCancelled { task.cancel() }
            promise.succeed(1)
            promise.fail(DeadlinePassed())
            for (task, isCancelled) in zip(tasks, isCancelled) {
                switch await task.result {
                case .success(let value): #expect(value == 1)
                case .failure(let error): #expect(isCancelled && error is CancellationError)
                }
            }
            #expect(promise.waiterCount == 0)
        }
    }
}
