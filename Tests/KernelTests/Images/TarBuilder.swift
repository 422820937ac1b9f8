/// Archives made by hand, so that they can hold what no tool writes.
struct TarBuilder {
    /// The type flag of an entry (POSIX.1-2017, pax).
    enum Kind: Character {
        case file = "0"
        case hardLink = "1"
        case symbolicLink = "2"
        case characterDevice = "3"
        case directory = "5"
        case fifo = "6"
    }

    private(set) var entries: [UInt8] = []

    /// The archive up to here.
    var bytes: [UInt8] { entries + [UInt8](repeating: 0, count: 1024) }

    mutating func add(
        _ name: String, _ kind: Kind = .file, content: [UInt8] = [], mode: Int = 0o644, owner: Int = 0,
        link: String = "",
        device: (major: Int, minor: Int) = (0, 0), attributes: [String: String] = [:], modified: Int = 1_700_000_000
    ) {
        if !attributes.isEmpty {
            let records = attributes.sorted { $0.key < $1.key }.map { Self.record("SCHILY.xattr.\($0.key)", $0.value) }
            append("pax", "x", Array(records.joined().utf8), 0o644, 0, "", (0, 0), modified)
        }
        append(name, kind.rawValue, content, mode, owner, link, device, modified)
    }

    /// A file that is nothing but a hole, as GNU tar writes it.
    mutating func add(_ name: String, hole: UInt64) {
        let start = entries.count
        append(name, "S", [], 0o644, 0, "", (0, 0), 1_700_000_000)
        func put(_ bytes: [UInt8], at offset: Int) {
            for (index, byte) in bytes.enumerated() { entries[start + offset + index] = byte }
        }
        put(Array("ustar  \u{0}".utf8), at: 257)
        // The map has no piece of data; then the whole size, in base 256.
        let size = [0x80, 0, 0, 0] + (0..<8).map { UInt8(truncatingIfNeeded: hole >> UInt64(56 - 8 * $0)) }
        put(size, at: 483)
        put([UInt8](repeating: 0x20, count: 8), at: 148)
        let sum = String(entries[start..<(start + 512)].reduce(0) { $0 + Int($1) }, radix: 8)
        put(Array((String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ").utf8), at: 148)
    }

    mutating func add(_ name: String, text: String) { add(name, content: Array(text.utf8)) }

    /// `LENGTH KEY=VALUE\n`, where the length counts itself.
    private static func record(_ key: String, _ value: String) -> String {
        let rest = " \(key)=\(value)\n"
        var length = rest.utf8.count
        while String(length).utf8.count + rest.utf8.count != length {
            length = String(length).utf8.count + rest.utf8.count
        }
        return "\(length)\(rest)"
    }

    private mutating func append(
        _ name: String, _ flag: Character, _ content: [UInt8], _ mode: Int, _ owner: Int, _ link: String,
        _ device: (major: Int, minor: Int), _ modified: Int
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(String(name.prefix(100)), at: 0)
        put(octal(mode, 7), at: 100)
        put(octal(owner, 7), at: 108)
        put(octal(owner, 7), at: 116)
        put(octal(content.count, 11), at: 124)
        put(octal(modified, 11), at: 136)
        put(String(repeating: " ", count: 8), at: 148)
        put(String(flag), at: 156)
        put(String(link.prefix(100)), at: 157)
        put("ustar\u{0}00", at: 257)
        put(octal(device.major, 7), at: 329)
        put(octal(device.minor, 7), at: 337)
        put(octal(block.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
        entries += block + content
        if content.count % 512 > 0 { entries += [UInt8](repeating: 0, count: 512 - content.count % 512) }
    }
}
