/// JSON (RFC 8259) written byte by byte: a log line is no `String`, and hundreds of thousands a second are to be written.
///
/// The caller sets commas and braces; what this does is texts and numbers.
struct JSONBytes {
    private(set) var bytes: [UInt8] = []

    init(reserving count: Int = 0) { bytes.reserveCapacity(count) }

    /// JSON as it stands: names that need no escapes, punctuation, values that were written before.
    mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func raw(_ json: [UInt8]) { bytes.append(contentsOf: json) }

    mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { string(UnsafeRawBufferPointer($0)) }
    }

    mutating func string(_ text: [UInt8]) { text.withUnsafeBytes { string($0) } }

    mutating func string(_ text: ArraySlice<UInt8>) { text.withUnsafeBytes { string($0) } }

    /// A text between quotes. Each byte that is no part of UTF-8 becomes U+FFFD, as Go writes it and so Docker.
    mutating func string(_ text: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        var next = 0
        // All that stands in front of `next` and needs no change, at once.
        func flush(_ bytes: inout [UInt8]) {
            if start < next { bytes.append(contentsOf: text[start..<next]) }
        }
        while next < text.count {
            let byte = text[next]
            if byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                next += 1
                continue
            }
            if byte >= 0x80 {
                let length = UTF8Text.sequenceLength(text, at: next)
                if length > 0 {
                    next += length
                    continue
                }
                flush(&bytes)
                bytes.append(contentsOf: [0xEF, 0xBF, 0xBD])
            } else {
                flush(&bytes)
                Self.escape(byte, into: &bytes)
            }
            next += 1
            start = next
        }
        flush(&bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A decimal number.
    mutating func number(_ value: Int64) { raw(String(value)) }

    private static func escape(_ byte: UInt8, into bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
        case 0x0A: bytes.append(contentsOf: "\\n".utf8)
        case 0x0D: bytes.append(contentsOf: "\\r".utf8)
        case 0x09: bytes.append(contentsOf: "\\t".utf8)
        default:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            let low = byte & 0x0F
            bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        }
    }
}
