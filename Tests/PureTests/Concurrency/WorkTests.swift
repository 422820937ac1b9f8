import TestKit
import Testing

@testable import Concurrency

extension ConcurrencyTests {
    private struct Late: Error {}

    @Test func `what takes too long is cancelled, and the error says so`() async throws {
        let clock = ManualClock()
        let wasCancelled = Kept(false)
        // Beside the one that moves the clock on.
        let task = Task {
            try await withDeadline(.seconds(3600), clock: clock, orThrow: Late()) {
                do { try await Promise<Void>().value() } catch {
                    wasCancelled.withLock { $0 = true }
                    throw error
                }
            }
        }
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(3600))
        await #expect(throws: Late.self) { try await task.value }
        #expect(wasCancelled.withLock { $0 })
    }

    @Test func `what comes in time is given, errors as well, and no clock is left running`() async throws {
        let clock = ManualClock()
        #expect(try await withDeadline(.seconds(1), clock: clock) { 5 } == 5)
        await #expect(throws: Late.self) { try await withDeadline(.seconds(1), clock: clock) { throw Late() } }
        #expect(try await withDeadline(.seconds(1), clock: clock) { Int?.none } == nil)
    }

    @Test func `the outcome of a cancelled caller is what the body makes of it`() async throws {
        let (begun, clock) = (Promise<Void>(), ManualClock())
        // To be cancelled.
        let task = Task {
            try await withDeadline(.seconds(1), clock: clock) {
                begun.succeed(())
                // It has something to finish: that counts.
                do { try await Promise<Void>().value() } catch {
                    for _ in 0..<20 { await Task.yield() }
                }
                return 6
            }
        }
        try await begun.value()
        try await clock.waitForSleepers(1)
        task.cancel()
        #expect(try await task.value == 6)
    }

    @Test func `every job is run, those of before as well, and all have ended with the run`() async throws {
        let tasks = BackgroundTasks()
        let (begun, ended) = (ObservableValue(0), ObservableValue(0))
        let job: BackgroundTasks.Job = {
            begun.change { $0 += 1 }
            // Only cancellation ends it.
            _ = try? await Promise<Void>().value()
            for _ in 0..<3 { await Task.yield() }
            ended.change { $0 += 1 }
        }
        for _ in 0..<50 { tasks.begin(job) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await tasks.run() }
            for _ in 0..<50 { tasks.begin(job) }
            try await begun.wait { $0 == 100 ? true : nil }
            #expect(ended.value == 0)
            group.cancelAll()
        }
        #expect(ended.value == 100)
        // Nobody runs it any more.
        tasks.begin { Issue.record("begun") }
    }

    @Test func `tasks are cancelled with their owner, and forgotten when they have ended`() async throws {
        var owned: OwnedTasks? = OwnedTasks()
        let ended = ObservableValue(0)
        for _ in 0..<500 { owned?.begin { ended.change { $0 += 1 } } }
        try await ended.wait { $0 == 500 ? true : nil }
        try await Self.settled("ended tasks are forgotten") { [owned] in owned?.count == 0 }
        for _ in 0..<50 {
            owned?.begin {
                _ = try? await Promise<Void>().value()  // Only cancellation ends it.
                ended.change { $0 += 1 }
            }
        }
        #expect(owned?.count == 50)
        owned = nil
        try await ended.wait { $0 == 550 ? true : nil }
    }

    @Test func `what is begun after the end is cancelled from its beginning`() async throws {
        let owned = OwnedTasks()
        owned.cancel()
        let end = Promise<Bool>()
        owned.begin {
            // Only cancellation ends it.
            _ = try? await Promise<Void>().value()
            end.succeed(Task.isCancelled)
        }
        #expect(try await end.value())
    }

    @Test func `what must not be left half done sees nothing of a cancellation`() async throws {
        let (begun, gate) = (Promise<Void>(), Promise<Int>())
        // To be cancelled.
        let task = Task {
            try await uncancelled {
                begun.succeed(())
                let value = try await gate.value()
                #expect(!Task.isCancelled)
                return value
            }
        }
        try await begun.value()
        task.cancel()
        for _ in 0..<20 { await Task.yield() }
        gate.succeed(8)
        #expect(try await task.value == 8)
    }
}
