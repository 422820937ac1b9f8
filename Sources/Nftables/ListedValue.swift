/// A value of nft's JSON listing (libnftables-json(5)): RFC 8259, numbers as integers only.
enum ListedValue: Sendable {
    case null
    case flag(Bool)
    case number(Int)
    case text(String)
    case list([ListedValue])
    case object([String: ListedValue])

    subscript(_ key: String) -> ListedValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: Int? { if case .number(let number) = self { number } else { nil } }
    var list: [ListedValue]? { if case .list(let list) = self { list } else { nil } }

    /// `nil` when the text is not JSON, or nested deeper than any listing.
    init?(parsing text: String) {
        var parser = ListingParser(bytes: Array(text.utf8))
        guard let value = parser.value(depth: 0), parser.isAtEnd() else { return nil }
        self = value
    }
}

private struct ListingParser {
    private static let deepest = 64

    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func isAtEnd() -> Bool {
        skipSpace()
        return position == bytes.count
    }

    mutating func value(depth: Int) -> ListedValue? {
        skipSpace()
        guard depth < Self.deepest, position < bytes.count else { return nil }
        switch bytes[position] {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return list(depth: depth)
        case UInt8(ascii: "\""): return string().map { .text($0) }
        case UInt8(ascii: "t"): return word("true") ? .flag(true) : nil
        case UInt8(ascii: "f"): return word("false") ? .flag(false) : nil
        case UInt8(ascii: "n"): return word("null") ? .null : nil
        default: return number()
        }
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func word(_ text: String) -> Bool {
        guard bytes.dropFirst(position).starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func object(depth: Int) -> ListedValue? {
        position += 1
        var members: [String: ListedValue] = [:]
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\""), let key = string(), take(":"),
                let member = value(depth: depth + 1)
            else { return nil }
            members[key] = member
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func list(depth: Int) -> ListedValue? {
        position += 1
        var values: [ListedValue] = []
        if take("]") { return .list(values) }
        repeat {
            guard let element = value(depth: depth + 1) else { return nil }
            values.append(element)
        } while take(",")
        return take("]") ? .list(values) : nil
    }

    private mutating func number() -> ListedValue? {
        let start = position
        while position < bytes.count, bytes[position] == UInt8(ascii: "-") || (48...57).contains(bytes[position]) {
            position += 1
        }
        return Int(String(decoding: bytes.prefix(position).dropFirst(start), as: UTF8.self), radix: 10).map {
            .number($0)
        }
    }

    private mutating func string() -> String? {
        position += 1
        var out: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: out, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                out.append(contentsOf: String(Character(scalar)).utf8)
            default: out.append(byte)
            }
        }
        return nil
    }

    /// The character an escape stands for; halves of a surrogate pair become U+FFFD: nft prints none.
    private mutating func escape() -> Unicode.Scalar? {
        guard position < bytes.count else { return nil }
        let kind = bytes[position]
        position += 1
        switch kind {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(kind)
        case UInt8(ascii: "u"):
            guard position + 4 <= bytes.count,
                let number = UInt32(String(decoding: bytes.dropFirst(position).prefix(4), as: UTF8.self), radix: 16)
            else { return nil }
            position += 4
            return Unicode.Scalar(number) ?? "\u{fffd}"
        default: return nil
        }
    }
}
