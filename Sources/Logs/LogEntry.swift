package import Faults
package import Model

/// One line of a container's output, or a piece of a long one, or what came last without a line's end.
package struct LogEntry: Sendable, Equatable {
    /// The numbers that Docker's frames carry.
    package enum Stream: UInt8, Sendable, CaseIterable { case output = 1, error = 2 }

    package var stream: Stream
    /// When its first byte was read from the container.
    package var timestamp: Timestamp
    /// With the line's end, if it has one.
    package var bytes: [UInt8]

    package init(stream: Stream, timestamp: Timestamp, bytes: [UInt8]) {
        self.bytes = bytes
        self.stream = stream
        self.timestamp = timestamp
    }
}

/// Which lines are wanted.
package struct LogSelection: Sendable, Equatable {
    /// Wait for more at the end.
    package var follows = false
    /// The last so many entries, of both streams together; `nil` for all.
    package var tail: Int?
    package var since: Timestamp?
    package var until: Timestamp?

    package init() {}
}

/// A log that cannot be read or rotated.
package struct LogError: Fault, Equatable {
    package let message: String

    package init(_ message: String) { self.message = message }

    package var kind: FaultKind { .defect }
    package var description: String { message }
}
