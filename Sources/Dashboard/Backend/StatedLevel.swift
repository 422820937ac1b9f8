/// The level that a log's line states itself, in a field that is known. Nothing is guessed: `0 errors` has none.
package enum StatedLevel: String, Sendable {
    case error, warn, info, debug

    /// Looks at JSON's `level` or `severity`, logfmt's `level=` or `lvl=`, a word in brackets among the first, and syslog's `<PRI>`.
    package init?(line: some StringProtocol) {
        let head = Array(line.utf8.prefix(Self.looked))
        guard let found = Self.field(head) ?? Self.bracketed(head) ?? Self.priority(head) else { return nil }
        self = found
    }

    /// Bytes of a line that are looked at.
    private static let looked = 512

    private static let words: [String: StatedLevel] = [
        "error": .error, "err": .error, "fatal": .error, "crit": .error, "critical": .error, "panic": .error,
        "emerg": .error, "alert": .error, "warn": .warn, "warning": .warn, "info": .info, "notice": .info,
        "debug": .debug, "trace": .debug,
    ]

    private static func word(_ bytes: ArraySlice<UInt8>) -> StatedLevel? {
        let letters = bytes.drop { $0 == 0x22 || $0 == 0x20 }.prefix { isLetter($0) }.prefix(9)
        return words[String(decoding: letters, as: UTF8.self).lowercased()]
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }

    private static let names = ["\"level\":", "\"severity\":", "level=", "lvl=", "severity="].map { Array($0.utf8) }

    private static func field(_ head: [UInt8]) -> StatedLevel? {
        for name in names {
            guard let start = head.firstRange(of: name) else { continue }
            // `loglevel=` is another field.
            if name.first != 0x22, let before = head[..<start.lowerBound].last, isLetter(before) { continue }
            if let level = word(head[start.upperBound...]) { return level }
        }
        return nil
    }

    private static func bracketed(_ head: [UInt8]) -> StatedLevel? {
        var rest = head[...].prefix(96)
        for _ in 0..<4 {
            guard let open = rest.firstIndex(of: 0x5B) else { return nil }
            let inner = rest[open...].dropFirst()
            guard let close = inner.firstIndex(of: 0x5D) else { return nil }
            if inner[..<close].allSatisfy(isLetter), let level = word(inner[..<close]) { return level }
            rest = inner[close...]
        }
        return nil
    }

    /// RFC 5424: the priority's last three bits.
    private static func priority(_ head: [UInt8]) -> StatedLevel? {
        guard head.first == 0x3C else { return nil }
        let digits = head.dropFirst().prefix { (0x30...0x39).contains($0) }
        guard (1...3).contains(digits.count), head.dropFirst(1 + digits.count).first == 0x3E,
            let number = Int(String(decoding: digits, as: UTF8.self)), number <= 191
        else { return nil }
        switch number & 7 {
        case 0...3: return .error
        case 4: return .warn
        case 7: return .debug
        default: return .info
        }
    }
}
