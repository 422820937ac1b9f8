/// How the log drivers of a node do together.
package struct LogTotals: Sendable, Equatable {
    /// Lines that were given up, and stretches of unknown length.
    package var dropped = 0
    /// Receivers.
    package var down = 0
    package var sentLines = 0
    package var sentBytes = 0

    package init() {}
}
