import Foundation
package import Model

extension Wire.LogRequest {
    package init(id: String, tasks: [String], isFinal: Bool, details: Bool = false, _ selection: LogSelection) {
        self.init()
        self.id = id
        self.details = details
        taskIds = tasks
        self.isFinal = isFinal
        follow = selection.follows
        tail = selection.tail.map { Int64(clamping: $0) } ?? -1
        since = selection.since?.clampedNanosecondsSinceEpoch ?? 0
        until = selection.until?.clampedNanosecondsSinceEpoch ?? 0
    }

    package var selection: LogSelection {
        var selection = LogSelection()
        selection.follows = follow
        selection.tail = tail < 0 ? nil : Int(clamping: tail)
        selection.since = since == 0 ? nil : Timestamp(nanosecondsSinceEpoch: since)
        selection.until = until == 0 ? nil : Timestamp(nanosecondsSinceEpoch: until)
        return selection
    }
}

extension Wire.LogLine {
    package init(_ entry: LogEntry) {
        self.init()
        taskID = entry.origin ?? ""
        stream = UInt32(clamping: entry.stream.rawValue)
        time = entry.timestamp.nanosecondsSinceEpoch
        text = Data(entry.bytes)
    }

    /// `nil` when it names no stream.
    package var entry: LogEntry? {
        guard let stream = UInt8(exactly: stream).flatMap(LogEntry.Stream.init(rawValue:)) else { return nil }
        return LogEntry(
            stream: stream, timestamp: Timestamp(nanosecondsSinceEpoch: time), bytes: Array(text), origin: taskID)
    }
}
