import Glibc
import Model
import Orchestration
import StateStore
import Testing

/// How the planner's loop sleeps.
@Suite struct StateMailboxTests {
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// A reader whose first sleep ended by its deadline must still sleep, and be woken, the next time.
    @Test(.timeLimit(.minutes(1))) func `a sleep that a deadline ended is followed by one that costs nothing`()
        async throws
    {
        let board = StateMailbox()
        board.take(.snapshot(StoreListing(values: [], revision: 1)))
        _ = try await board.next(after: 1, notLaterThan: nil)
        _ = try await board.next(after: 1, notLaterThan: Timestamp.now.advanced(bySeconds: 1))
        async let later = board.next(after: 1, notLaterThan: nil)
        let before = Self.processorSeconds()
        try await ContinuousClock().sleep(for: .seconds(1))
        #expect(Self.processorSeconds() - before < 0.7)
        board.take(.snapshot(StoreListing(values: [], revision: 2)))
        #expect(try await later.state.revision == 2)
    }

    /// A planner that does not see what it has just written would make it once more, as second tasks of a place.
    @Test(.timeLimit(.minutes(1)))
    func `a deadline that has passed does not bring a state older than what was written`()
        async throws
    {
        let board = StateMailbox()
        board.take(.snapshot(StoreListing(values: [], revision: 1)))
        async let next = board.next(after: 2, notLaterThan: Timestamp.now)
        try await ContinuousClock().sleep(for: .milliseconds(200))
        board.take(.snapshot(StoreListing(values: [], revision: 2)))
        #expect(try await next.state.revision == 2)
    }
}
