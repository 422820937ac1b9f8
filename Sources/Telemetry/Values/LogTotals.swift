/// How the log drivers of a node do together.
package struct LogTotals: Sendable, Equatable {
    /// Lines that were given up, and stretches of unknown length.
    package var dropped = 0
    /// Receivers.
    package var down = 0
    package var sentLines = 0
    package var sentBytes = 0
    /// Age of the oldest line that was read and that its receiver does not have; of all receivers the one that is furthest behind.
    package var behindSeconds = 0

    package init() {}
}
