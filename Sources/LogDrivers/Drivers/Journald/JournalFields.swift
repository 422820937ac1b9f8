import Model

/// journald's native protocol: fields, each `NAME=value` and a newline; one whose value has newlines is its name, a newline, the value's length in 64 bits
/// little-endian, the value, a newline. Source: systemd, "Native Journal Protocol".
struct JournalFields: Sendable {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ name: String, _ value: String) { append(name, Array(value.utf8)) }

    mutating func append(_ name: String, _ value: [UInt8]) {
        bytes += name.utf8
        if value.contains(0x0A) {
            bytes.append(0x0A)
            withUnsafeBytes(of: UInt64(clamping: value.count).littleEndian) { bytes += $0 }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value
        bytes.append(0x0A)
    }

    mutating func append(_ fields: JournalFields) { bytes += fields.bytes }

    /// A label's or variable's name as a field's: letters in upper case, what is neither letter nor digit as `_`, none in front; 64 bytes, which is all that
    /// journald takes. `nil` when nothing is left, or what is left would begin with a digit, for which journald throws the whole field away.
    static func name(_ text: String) -> String? {
        var name = ""
        for character in text.unicodeScalars {
            switch character {
            case "a"..."z": name.unicodeScalars.append(Unicode.Scalar(UInt8(clamping: character.value - 32)))
            case "A"..."Z": name.unicodeScalars.append(character)
            case "0"..."9": name.unicodeScalars.append(character)
            default: if !name.isEmpty { name.append("_") }
            }
        }
        guard let first = name.first, !first.isNumber else { return nil }
        return String(name.prefix(64))
    }
}
