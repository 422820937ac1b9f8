import Model

/// A container's lines as events of CloudWatch Logs: texts in UTF-8, several lines in one event where a pattern says which line begins one.
struct AWSLogsEncoder: LineEncoder {
    let group: [UInt8]
    let longestText: Int
    let longestHold: Duration?
    /// The pattern of the first line of an event; `nil` where each line is one.
    private let beginning: AWSLogsPattern?
    private var kept: EncodedLine?

    /// - Parameters:
    ///   - longestText: Bytes of an event.
    ///   - hold: How long lines may wait for others of their event.
    init(_ group: AWSLogsGroup, beginning: AWSLogsPattern?, longestText: Int, hold: Duration) {
        self.group = group.bytes
        self.beginning = beginning
        self.longestText = longestText
        longestHold = beginning == nil ? nil : hold
    }

    /// Empty lines are left out: an event must have text.
    mutating func encode(_ line: ShippedLine) -> [EncodedLine] {
        let text = UTF8Text.repaired(line.text)
        guard let beginning else {
            // A byte that is no UTF-8 takes three.
            return text.isEmpty
                ? [] : pieces(of: EncodedLine(bytes: text, time: line.time, position: line.position, count: 1))
        }
        var done: [EncodedLine] = []
        if beginning.matches(text) || (kept?.bytes.count ?? 0) + text.count + 1 > longestText { done = flush() }
        var event = kept ?? EncodedLine(bytes: [], time: line.time, position: line.position, count: 0)
        event.bytes += text
        event.bytes.append(0x0A)
        event.position = line.position
        event.count += 1
        kept = event
        return done
    }

    mutating func flush() -> [EncodedLine] {
        guard let event = kept else { return [] }
        kept = nil
        return pieces(of: event)
    }

    private func pieces(of event: EncodedLine) -> [EncodedLine] {
        UTF8Text.pieces(event.bytes, most: longestText).enumerated().map { index, piece in
            EncodedLine(
                bytes: Array(piece), time: event.time, position: event.position, count: index == 0 ? event.count : 0)
        }
    }
}
