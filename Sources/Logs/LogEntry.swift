package import Model

/// One line that a container wrote, without conmon's wrapping.
package struct LogEntry: Sendable, Equatable {
    package enum Stream: String, Sendable { case output = "stdout", error = "stderr" }

    package var stream: Stream
    /// When its first piece was written.
    package var timestamp: Timestamp
    /// With its line end, if it had one.
    package var bytes: [UInt8]

    package init(stream: Stream, timestamp: Timestamp, bytes: [UInt8]) {
        self.bytes = bytes
        self.stream = stream
        self.timestamp = timestamp
    }
}

/// Puts entries together from the lines of a log in conmon's `k8s-file` form.
///
/// Each line is `TIME STREAM TAG TEXT`. A tag `P` says that the text was cut at the end of one read, wherever that fell; the
/// pieces of a stream are joined until one has the tag `F`. Lines that are damaged, as a crash leaves them, are passed over.
package struct LogAssembler: Sendable {
    /// A line that grows beyond this is given out in parts.
    package static let longestLine = 1 << 20

    private var pending: [LogEntry.Stream: LogEntry] = [:]
    /// Lines that could not be read.
    package private(set) var damaged = 0

    package init() {}

    /// Takes one line without its line end and gives the entry that it completes, if any.
    package mutating func take(_ line: some Collection<UInt8>) -> LogEntry? {
        guard let piece = Self.parse(line) else {
            damaged += 1
            return nil
        }
        var entry =
            pending[piece.entry.stream]
            ?? LogEntry(stream: piece.entry.stream, timestamp: piece.entry.timestamp, bytes: [])
        entry.bytes += piece.entry.bytes
        if piece.isFull || entry.bytes.count >= Self.longestLine {
            pending[entry.stream] = nil
            if piece.isFull { entry.bytes.append(UInt8(ascii: "\n")) }
            return entry
        }
        pending[entry.stream] = entry
        return nil
    }

    /// What has begun and will not be completed, in order of time.
    package mutating func finish() -> [LogEntry] {
        defer { pending = [:] }
        return pending.values.sorted { $0.timestamp < $1.timestamp }
    }

    private static func parse(_ line: some Collection<UInt8>) -> (entry: LogEntry, isFull: Bool)? {
        let space = UInt8(ascii: " ")
        guard let timeEnd = line.firstIndex(of: space) else { return nil }
        let afterTime = line[line.index(after: timeEnd)...]
        guard let streamEnd = afterTime.firstIndex(of: space),
            let stream = LogEntry.Stream(rawValue: String(decoding: afterTime[..<streamEnd], as: UTF8.self)),
            let timestamp = Timestamp(String(decoding: line[..<timeEnd], as: UTF8.self))
        else { return nil }
        let afterStream = afterTime[afterTime.index(after: streamEnd)...]
        guard let tag = afterStream.first, tag == UInt8(ascii: "F") || tag == UInt8(ascii: "P") else { return nil }
        var text = afterStream.dropFirst()
        // A full line may be empty, and then nothing follows the tag.
        if let next = text.first {
            guard next == space else { return nil }
            text = text.dropFirst()
        }
        return (LogEntry(stream: stream, timestamp: timestamp, bytes: Array(text)), tag == UInt8(ascii: "F"))
    }
}
