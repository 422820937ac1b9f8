/// Whether bytes are one value of JSON (RFC 8259) and nothing else, so that they can be put into a text of ours as they stand.
///
/// Keeps a stack instead of calling itself: how deep others nest does not matter.
struct JSONCheck {
    private static let deepest = 512

    private let text: [UInt8]
    private var place = 0

    static func isValue(_ text: [UInt8]) -> Bool {
        guard UTF8Text.isValid(text) else { return false }
        var check = JSONCheck(text: text)
        return check.run()
    }

    private init(text: [UInt8]) { self.text = text }

    private var byte: UInt8? { text.indices.contains(place) ? text[place] : nil }

    private mutating func run() -> Bool {
        // The ends of what is open, innermost last.
        var open: [UInt8] = []
        while true {
            skipBlanks()
            // A value begins here.
            guard let first = byte else { return false }
            if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
                place += 1
                guard open.count < Self.deepest else { return false }
                open.append(first + 2)
                skipBlanks()
                if byte != first + 2 {
                    if first == UInt8(ascii: "{"), !takeName() { return false }
                    continue
                }
            } else if !takeScalar(first) {
                return false
            }
            // A value has ended.
            var isNext = false
            while let end = open.last, !isNext {
                skipBlanks()
                guard let byte else { return false }
                place += 1
                if byte == end {
                    _ = open.popLast()
                } else if byte == UInt8(ascii: ",") {
                    skipBlanks()
                    if end == UInt8(ascii: "}"), !takeName() { return false }
                    isNext = true
                } else {
                    return false
                }
            }
            if isNext { continue }
            skipBlanks()
            return place == text.count
        }
    }

    private mutating func skipBlanks() {
        while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { place += 1 }
    }

    private mutating func takeName() -> Bool {
        guard byte == UInt8(ascii: "\""), takeString() else { return false }
        skipBlanks()
        guard byte == UInt8(ascii: ":") else { return false }
        place += 1
        return true
    }

    private mutating func takeScalar(_ first: UInt8) -> Bool {
        switch first {
        case UInt8(ascii: "\""): takeString()
        case UInt8(ascii: "t"): take("true")
        case UInt8(ascii: "f"): take("false")
        case UInt8(ascii: "n"): take("null")
        default: takeNumber()
        }
    }

    private mutating func take(_ word: String) -> Bool {
        for expected in word.utf8 {
            guard byte == expected else { return false }
            place += 1
        }
        return true
    }

    private mutating func takeString() -> Bool {
        place += 1
        while let byte {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case ..<0x20: return false
            case UInt8(ascii: "\\"):
                guard let escaped = self.byte else { return false }
                place += 1
                if escaped == UInt8(ascii: "u") {
                    for _ in 0..<4 {
                        guard let digit = self.byte, Self.isHexadecimal(digit) else { return false }
                        place += 1
                    }
                } else if !"\"\\/bfnrt".utf8.contains(escaped) {
                    return false
                }
            default: break
            }
        }
        return false
    }

    private mutating func takeNumber() -> Bool {
        if byte == UInt8(ascii: "-") { place += 1 }
        if byte == UInt8(ascii: "0") { place += 1 } else if !takeDigits() { return false }
        if byte == UInt8(ascii: ".") {
            place += 1
            guard takeDigits() else { return false }
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            place += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { place += 1 }
            guard takeDigits() else { return false }
        }
        return true
    }

    private mutating func takeDigits() -> Bool {
        let start = place
        while let byte, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { place += 1 }
        return place > start
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
