/// Headers of tar archives that hold plain files (POSIX.1-2017, pax, "ustar Interchange Format").
package enum TarHeader {
    package static let blockBytes = 512
    /// What ends an archive.
    package static let end = [UInt8](repeating: 0, count: 2 * blockBytes)
    /// The largest size that fits into eleven octal digits; beyond it GNU tar's binary form is used.
    private static let largestOctal: Int64 = 0o77_777_777_777

    /// One header block.
    /// - Parameters:
    ///   - name: At most 100 bytes; a directory's ends with a slash.
    ///   - modified: Seconds since 1970.
    package static func bytes(_ name: String, size: Int64, modified: Int64 = 0) -> [UInt8] {
        let isDirectory = name.hasSuffix("/")
        var block = [UInt8](repeating: 0, count: blockBytes)
        func put(_ text: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in text.enumerated() { block[offset + index] = byte }
        }
        put(name.utf8.prefix(100), at: 0)
        put(octal(isDirectory ? 0o755 : 0o644, digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        put(size <= largestOctal ? octal(size, digits: 11) : binary(size), at: 124)
        put(octal(max(0, min(modified, largestOctal)), digits: 11), at: 136)
        block[156] = UInt8(ascii: isDirectory ? "5" : "0")
        put("ustar\u{0}00".utf8, at: 257)
        // The sum is taken with blanks in its own place.
        put(repeatElement(UInt8(ascii: " "), count: 8), at: 148)
        let sum = block.reduce(into: Int64(0)) { $0 += Int64($1) }
        put(octal(sum, digits: 6) + [0, UInt8(ascii: " ")], at: 148)
        return block
    }

    /// Zeros that follow `size` bytes of content.
    package static func padding(after size: Int64) -> [UInt8] {
        let rest = Int(size % Int64(blockBytes))
        return [UInt8](repeating: 0, count: rest == 0 ? 0 : blockBytes - rest)
    }

    private static func octal(_ value: Int64, digits: Int) -> [UInt8] {
        let text = String(value, radix: 8)
        return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
    }

    /// Twelve bytes, big-endian, with the top bit set.
    private static func binary(_ value: Int64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 12)
        for index in 0..<8 { bytes[11 - index] = UInt8(truncatingIfNeeded: value >> (8 * Int64(index))) }
        bytes[0] = 0x80
        return bytes
    }
}
