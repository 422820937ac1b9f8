import Model

/// A container's lines as events of Splunk's HTTP Event Collector, in Docker's three formats.
struct SplunkEvents: LineEncoder {
    enum Format: String, Sendable {
        case inline
        case json
        case raw
    }

    private let format: Format
    /// From the comma behind the event: host, and source, source type and index where the options name them.
    private let tail: [UInt8]
    /// `inline`, `json`: tag and attributes, each with a comma in front. `raw`: what stands before the line.
    private let about: [UInt8]

    /// - Parameter container: With an empty tag where the option is an empty text, which leaves it out.
    init(_ container: LoggedContainer, format: Format, source: String?, sourceType: String?, index: String?) {
        self.format = format
        var tail = JSONBytes()
        tail.raw(",\"host\":")
        tail.string(container.hostname)
        for (name, value) in [("source", source), ("sourcetype", sourceType), ("index", index)] {
            guard let value, !value.isEmpty else { continue }
            tail.raw(",\"\(name)\":")
            tail.string(value)
        }
        tail.raw("}")
        self.tail = tail.bytes
        let attributes = container.attributes.sorted { $0.key < $1.key }
        if format == .raw {
            let tag = container.tag.isEmpty ? "" : container.tag + " "
            about = Array((tag + attributes.map { "\($0.key)=\($0.value) " }.joined()).utf8)
            return
        }
        var about = JSONBytes()
        if !container.tag.isEmpty {
            about.raw(",\"tag\":")
            about.string(container.tag)
        }
        if !attributes.isEmpty {
            about.raw(",\"attrs\":{")
            for (number, value) in attributes.enumerated() {
                if number > 0 { about.raw(",") }
                about.string(value.key)
                about.raw(":")
                about.string(value.value)
            }
            about.raw("}")
        }
        self.about = about.bytes
    }

    func encode(_ line: ShippedLine) -> [EncodedLine] {
        // The collector takes no event without text.
        if format == .raw, line.text.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { return [] }
        var json = JSONBytes(reserving: line.text.count + about.count + tail.count + 96)
        json.raw("{\"event\":")
        if format == .raw {
            json.string(about + line.text)
        } else {
            json.raw("{\"line\":")
            if format == .json, JSONCheck.isValue(line.text) { json.compact(line.text) } else { json.string(line.text) }
            json.raw(line.stream == .error ? ",\"source\":\"stderr\"" : ",\"source\":\"stdout\"")
            if let piece = line.piece {
                json.raw(",\"partial\":{\"id\":")
                json.string(piece.id)
                json.raw(",\"ordinal\":")
                json.number(Int64(clamping: piece.ordinal))
                json.raw(piece.isLast ? ",\"last\":true}" : ",\"last\":false}")
            }
            json.raw(about)
            json.raw("}")
        }
        json.raw(",\"time\":\"")
        json.raw("\(line.time.seconds).\(String(1_000_000 + line.time.nanoseconds / 1000).dropFirst())\"")
        json.raw(tail)
        return [EncodedLine(line, json.bytes)]
    }
}
