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

    /// A text between quotes, with the escapes that Go writes and so Docker: each byte that is no part of UTF-8 becomes U+FFFD, and what HTML or
    /// JavaScript may take for something of theirs is escaped, too.
    mutating func string(_ text: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        var next = 0
        // All that stands in front of `next` and needs no change, at once.
        func flush(_ bytes: inout [UInt8]) {
            if start < next { bytes.append(contentsOf: text.prefix(next).dropFirst(start)) }
        }
        while next < text.count {
            let byte = text[next]
            if byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), !Self.isOfHTML(byte) {
                next += 1
                continue
            }
            if byte >= 0x80 {
                let length = UTF8Text.sequenceLength(text, at: next)
                if let escaped = Self.separator(text, at: next) {
                    flush(&bytes)
                    bytes.append(contentsOf: escaped.utf8)
                    next += 2
                } else if length > 0 {
                    next += length
                    continue
                } else {
                    flush(&bytes)
                    bytes.append(contentsOf: "\\ufffd".utf8)
                }
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

    /// A value that is known to be JSON, as Go writes it when it is handed on: without blanks, and with the same escapes more.
    mutating func compact(_ json: [UInt8]) {
        var isText = false
        var isEscaped = false
        json.withUnsafeBytes { json in
            var next = 0
            while next < json.count {
                let byte = json[next]
                if !isText, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
                    next += 1
                } else if let escaped = Self.separator(json, at: next) {
                    bytes.append(contentsOf: escaped.utf8)
                    next += 3
                } else {
                    if Self.isOfHTML(byte) { Self.escape(byte, into: &bytes) } else { bytes.append(byte) }
                    if byte == UInt8(ascii: "\""), !isEscaped { isText.toggle() }
                    isEscaped = isText && !isEscaped && byte == UInt8(ascii: "\\")
                    next += 1
                }
            }
        }
    }

    private static func isOfHTML(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "&")
    }

    /// U+2028 and U+2029, line ends in JavaScript, escaped; `nil` for anything else.
    private static func separator(_ text: UnsafeRawBufferPointer, at place: Int) -> String? {
        guard place + 2 < text.count, text[place] == 0xE2, text[place + 1] == 0x80 else { return nil }
        switch text[place + 2] {
        case 0xA8: return "\\u2028"
        case 0xA9: return "\\u2029"
        default: return nil
        }
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
            bytes.append(UInt8(ascii: "0") + byte >> 4)
            let low = byte & 0x0F
            bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        }
    }
}
