import LinuxSystem
package import Logs
package import Model

/// One line of a container's output on its way to a receiver, or a piece of one that is longer than the receiver takes.
package struct ShippedLine: Sendable, Equatable {
    /// Which part of a longer line a piece is.
    package struct Piece: Sendable, Equatable {
        /// The same for all pieces of a line: 64 hexadecimal digits, as Docker's.
        package var id: String
        /// From 1 on.
        package var ordinal: Int
        package var isLast: Bool

        package init(id: String, ordinal: Int, isLast: Bool) {
            self.id = id
            self.isLast = isLast
            self.ordinal = ordinal
        }
    }

    package var stream: LogEntry.Stream
    /// When it was read from the container.
    package var time: Timestamp
    /// Without the line's end. Any bytes: a receiver that takes UTF-8 only is given U+FFFD for others by the encoder.
    package var text: [UInt8]
    /// `nil` for a whole line.
    package var piece: Piece?
    /// It was written without a line's end, and nothing came behind it.
    package var isUnended = false
    /// Where the log goes on behind this line. Different for every line and piece of a container, and the same when a line is read again.
    package var position: LogPosition

    package init(
        stream: LogEntry.Stream, time: Timestamp, text: [UInt8], piece: Piece? = nil, position: LogPosition
    ) {
        self.piece = piece
        self.position = position
        self.stream = stream
        self.text = text
        self.time = time
    }
}

/// Several whole lines of one stream and one stamp, one behind the other.
package struct ShippedRun: Sendable, Equatable {
    package var stream: LogEntry.Stream
    /// When they were read from the container.
    package var time: Timestamp
    /// With a line's end between two lines, and none at the end. Any bytes otherwise.
    package var text: [UInt8]
    /// How many lines.
    package var count: Int
    /// Where the log goes on behind the last one.
    package var position: LogPosition

    package init(stream: LogEntry.Stream, time: Timestamp, text: [UInt8], count: Int, position: LogPosition) {
        self.count = count
        self.position = position
        self.stream = stream
        self.text = text
        self.time = time
    }
}

extension ShippedLine {
    /// What Docker's drivers tell of a line that is told in part: a piece, or one without its end, of which they say that it goes on.
    package var part: Piece? {
        guard isUnended else { return piece }
        return Piece(id: piece?.id ?? RandomID.docker(), ordinal: piece?.ordinal ?? 1, isLast: false)
    }
}

/// What is sent for one line, or for several that the encoder has joined.
package struct EncodedLine: Sendable, Equatable {
    /// As the transport wants it: a datagram, a frame, an element of a request's body.
    package var bytes: [UInt8]
    /// Of the first line in it.
    package var time: Timestamp
    /// Of the last line in it: what is stored once the receiver has it.
    package var position: LogPosition
    /// How many lines are in it.
    package var count: Int
    /// What it counts for in a batch: a piece in which no line ends is one, too.
    var weight: Int { max(1, count) }

    package init(bytes: [UInt8], time: Timestamp, position: LogPosition, count: Int = 1) {
        self.bytes = bytes
        self.count = count
        self.position = position
        self.time = time
    }

    /// One line's.
    package init(_ line: ShippedLine, _ bytes: [UInt8]) {
        self.init(bytes: bytes, time: line.time, position: line.position)
    }
}
