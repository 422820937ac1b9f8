import Crypto
import Logs
import Model

/// A container's lines as what `_bulk` takes: an action and a document, a line of JSON each, with the names of the Elastic Common Schema.
struct BulkItems: LineEncoder {
    /// With strftime's `%Y %m %d %H`, of the line's time in UTC.
    let index: String
    private let origin: String
    /// From the comma behind the line's own fields to the closing brace.
    private let tail: [UInt8]

    init(_ container: LoggedContainer, index: String) {
        self.index = index
        let about = container.origin
        origin = about.id
        var tail = JSONBytes()
        func pair(_ head: String, _ value: String) {
            tail.raw(head)
            tail.string(value)
        }
        pair(",\"host\":{\"name\":", container.hostname)
        pair("},\"container\":{\"id\":", about.id)
        pair(",\"name\":", about.name)
        pair(",\"image\":{\"name\":", about.imageName)
        pair("}},\"tag\":", container.tag)
        tail.raw(",\"labels\":{")
        for (number, value) in container.attributes.sorted(by: { $0.key < $1.key }).enumerated() {
            if number > 0 { tail.raw(",") }
            // A dot would make an object of it, which another label may have as a text.
            tail.string(value.key.replacing(".", with: "_"))
            pair(":", value.value)
        }
        tail.raw("}}\n")
        self.tail = tail.bytes
    }

    /// A document is made, never replaced: data streams take nothing else, and one that is there already was sent twice.
    func encode(_ line: ShippedLine) -> [EncodedLine] {
        var json = JSONBytes(reserving: line.text.count + tail.count + 256)
        json.raw("{\"create\":{\"_index\":")
        json.string(IndexName.expand(index, at: line.time))
        json.raw(",\"_id\":")
        json.string(Self.id(origin, line.position.key))
        json.raw("}}\n{\"@timestamp\":")
        json.string(line.time.fixedWidth)
        json.raw(",\"message\":")
        json.string(line.text)
        json.raw(
            line.stream == .error
                ? ",\"log\":{\"iostream\":\"stderr\",\"level\":\"error\""
                : ",\"log\":{\"iostream\":\"stdout\",\"level\":\"info\"")
        json.raw(",\"offset\":")
        json.number(line.position.place?.offset ?? 0)
        if let piece = line.piece {
            json.raw(",\"partial\":{\"id\":")
            json.string(piece.id)
            json.raw(",\"ordinal\":")
            json.number(Int64(clamping: piece.ordinal))
            json.raw(piece.isLast ? ",\"last\":true}" : ",\"last\":false}")
        }
        json.raw("}")
        json.raw(tail)
        return [EncodedLine(line, json.bytes)]
    }

    /// The same whenever the line is read: 120 bits of a hash, in the alphabet of URLs.
    private static func id(_ container: String, _ key: String) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text: [UInt8] = []
        var bits: UInt32 = 0
        for (number, byte) in SHA256.hash(data: Array("\(container)/\(key)".utf8)).prefix(15).enumerated() {
            bits = bits << 8 | UInt32(clamping: byte)
            guard number % 3 == 2 else { continue }
            for shift in [18, 12, 6, 0] as [UInt32] {
                let digit = Int(clamping: bits >> shift & 63)
                if digit < digits.count { text.append(digits[digit]) }
            }
            bits = 0
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// The name of an index that changes with the day.
enum IndexName {
    static func expand(_ pattern: String, at time: Timestamp) -> String {
        guard pattern.contains("%") else { return pattern }
        // 2026-01-02T15:04:05Z
        let stamp = Array(Timestamp(seconds: time.seconds).description.utf8)
        func part(_ range: Range<Int>) -> String {
            String(decoding: stamp.prefix(range.upperBound).dropFirst(range.lowerBound), as: UTF8.self)
        }
        return pattern.replacing("%Y", with: part(0..<4)).replacing("%m", with: part(5..<7))
            .replacing("%d", with: part(8..<10)).replacing("%H", with: part(11..<13))
    }

    /// Elasticsearch's rules for names, as far as they are not the cluster's business.
    static func isValid(_ pattern: String) -> Bool {
        let name = expand(pattern, at: Timestamp(seconds: 0))
        guard !name.isEmpty, name.utf8.count <= 255, let first = name.first, !"-_+.".contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            && !name.contains { "\\/*?\"<>|,#:%".contains($0) || $0.isUppercase }
    }
}
