/// One line of a container's output, or a piece of a very long one, or what came last without a line's end.
package struct LogEntry: Sendable, Equatable {
    /// The numbers that Docker's frames carry.
    package enum Stream: UInt8, Sendable, CaseIterable { case output = 1, error = 2 }

    package var stream: Stream
    /// When its last byte was read from the container: the entries of a log are in order of it.
    package var timestamp: Timestamp
    /// With the line's end, if it has one.
    package var bytes: [UInt8]
    /// Where several logs are told as one: the id of the task that wrote it.
    package var origin: String?

    package init(stream: Stream, timestamp: Timestamp, bytes: [UInt8], origin: String? = nil) {
        self.bytes = bytes
        self.origin = origin
        self.stream = stream
        self.timestamp = timestamp
    }
}

/// Which lines of a log are wanted.
package struct LogSelection: Sendable, Equatable {
    /// Wait for more at the end.
    package var follows = false
    /// The last so many entries, of both streams together; `nil` for all.
    package var tail: Int?
    /// Both bounds are included.
    package var since: Timestamp?
    package var until: Timestamp?

    package init() {}
}

/// A stretch of a log, in order of writing.
package struct LogPart: Sendable, Equatable {
    package var entries: [LogEntry]
    /// Every line that was stamped before then is in this part or an earlier one. `nil` says nothing.
    package var completeUntil: Timestamp?
    /// With this part everything has been told that was there when the reader began.
    package var isCaughtUp: Bool

    package init(_ entries: [LogEntry] = [], completeUntil: Timestamp? = nil, isCaughtUp: Bool = false) {
        self.completeUntil = completeUntil
        self.entries = entries
        self.isCaughtUp = isCaughtUp
    }
}
