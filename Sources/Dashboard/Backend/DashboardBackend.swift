/// What the dashboard needs of the cluster. Everything is asked on behalf of somebody who has signed in.
package protocol DashboardBackend: Sendable {
    /// All that there is now, from memory.
    /// - Throws: ``DashboardError`` with `.noSwarm` on a node that manages none.
    func state() async throws -> DashboardState
    /// The same, told as what has changed.
    /// - Parameter number: That of the look before, ``DashboardChanges/number``; `nil` for all there is. Who asks with another one than the last that was given
    ///   is told all there is.
    /// - Throws: As ``state()``.
    func look(since number: UInt64?) async throws -> DashboardChanges
    /// Yields when ``state()`` may be another one. What is missed is seen all the same, some seconds later.
    func changes() async -> AsyncStream<Void>
    /// - Throws: ``DashboardError`` with `.notKept` where there is no history, `.notFound` for what is not there, and `.tooManyForChart`.
    func metrics(_ query: DashboardMetricsQuery) async throws -> DashboardMetrics
    /// The newest lines that fit, in order of time; within some seconds, and says how far back it came.
    func logs(_ query: DashboardLogQuery) async throws -> DashboardLogPage
    /// The first `limit` lines of a window in order of time, as fast as they are taken; marks of ours have what is missing.
    func allLines(_ query: DashboardLogQuery) async throws -> AsyncThrowingStream<[DashboardLogLine], any Error>
    /// Counted within some seconds; says how far it came.
    func logVolume(_ query: DashboardLogQuery, buckets: Int) async throws -> DashboardLogVolume
    /// Hands over new lines from now on, until the task is cancelled or there is nobody left who could write any.
    func followLines(
        _ scopes: [DashboardScope], _ take: @escaping @Sendable ([DashboardLogLine]) -> Void
    ) async throws
    /// The newest of a window, in order of time.
    func events(_ window: DashboardWindow, limit: Int) async throws -> DashboardEventPage
    /// Hands over events after a cursor, then new ones, every one of them, until the task is cancelled.
    /// - Parameter after: `nil` for new ones only.
    func followEvents(after: String?, _ take: @escaping @Sendable (EventView) -> Void) async throws
    /// Rules, silences and what is over.
    /// - Throws: ``DashboardError`` with `.notKept` where nobody keeps them.
    func alertBook() async throws -> DashboardAlertBook
    /// Does what an operator asks for, and keeps a record of it: who, what, and how it ended.
    func perform(_ action: DashboardAction, by user: String) async throws
    /// Keeps a record of what was asked for and refused before it came here.
    func refused(_ refusal: DashboardRefusal) async
    /// Begins a shell in a container, wherever in the swarm it is, and keeps a record of who has.
    /// - Throws: ``DashboardError`` with `.notKept` where this manager opens none.
    func openTerminal(in container: String, size: DashboardTerminalSize, by user: String) async throws
        -> any DashboardTerminal
}

extension DashboardBackend {
    /// All there is, where nobody keeps what was told.
    package func look(since number: UInt64?) async throws -> DashboardChanges {
        DashboardChanges(whole: try await state())
    }
}
