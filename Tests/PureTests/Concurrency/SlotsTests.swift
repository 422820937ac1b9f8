import Concurrency
import Synchronization
import TestKit
import Testing

@Suite struct SlotsTests {
    private struct Counts: Sendable {
        var now = 0
        var most = 0
        var order: [Int] = []
    }

    @Test func `so many go on at a time, and the others follow in order`() async throws {
        let slots = Slots(2)
        let counts = Kept(Counts())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    try await slots.run {
                        counts.withLock { counts in
                            counts.now += 1
                            counts.most = max(counts.most, counts.now)
                            counts.order.append(number)
                        }
                        try await Task.sleep(for: .milliseconds(1))
                        counts.withLock { $0.now -= 1 }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(counts.withLock { $0.most } == 2)
        #expect(counts.withLock { $0.order.sorted() } == Array(0..<20))
        #expect(slots.waiterCount == 0)
    }

    @Test func `who is cancelled while waiting gives way, and an error gives the slot back`() async throws {
        let slots = Slots(1)
        let (gate, entered) = (Promise<Void>(), Promise<Void>())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await slots.run {
                    entered.succeed(())
                    try await gate.value()
                }
            }
            try await entered.value()
            // Cancelled alone.
            let waiting = Task { try await slots.run {} }
            try await eventually { slots.waiterCount == 1 }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            gate.fail(CancellationError())
            _ = await group.nextResult()
        }
        #expect(try await slots.run { 7 } == 7)
    }
}
