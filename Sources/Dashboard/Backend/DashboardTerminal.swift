package import EngineInterface
package import NIOCore

/// A shell with a terminal in a container, which an operator has begun.
package protocol DashboardTerminal: Sendable {
    /// What it writes, until it has ended. Whoever takes slowly slows it down. Asked for once.
    var output: AsyncThrowingStream<OutputChunk, any Error> { get }
    /// Types, and returns when that has been taken.
    func write(_ bytes: ByteBuffer) async throws
    /// The window has another size.
    func resize(_ size: DashboardTerminalSize) async throws
    /// Once its output has ended; `nil` where nobody knows.
    func exitCode() async -> Int?
    /// Whoever looked has gone: the shell is told to end.
    func leave() async
}

/// How large a terminal is.
package struct DashboardTerminalSize: Sendable, Equatable {
    /// Of characters.
    package var columns: Int
    /// Of characters.
    package var rows: Int

    /// `nil` for what no terminal has: from 2 to 1000 of each.
    package init?(columns: Int, rows: Int) {
        guard (2...1000).contains(columns), (2...1000).contains(rows) else { return nil }
        self.columns = columns
        self.rows = rows
    }
}
