/// What bytes mean as UTF-8 (RFC 3629), without making a `String` of them.
enum UTF8Text {
    /// Bytes of the well-formed sequence that begins at an index within `bytes`; 0 when none does.
    static func sequenceLength(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        guard index >= 0, index < bytes.count else { return 0 }
        let first = bytes[index]
        let length: Int
        // The second byte's range: no overlong forms, no surrogates, nothing beyond U+10FFFF (RFC 3629 §4).
        var (low, high): (UInt8, UInt8) = (0x80, 0xBF)
        switch first {
        case 0..<0x80: return 1
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, low) = (3, 0xA0)
        case 0xED: (length, high) = (3, 0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, low) = (4, 0x90)
        case 0xF4: (length, high) = (4, 0x8F)
        case 0xF1...0xF3: length = 4
        default: return 0
        }
        guard bytes.count - index >= length else { return 0 }
        for place in 1..<length {
            let byte = bytes[index + place]
            guard byte >= low, byte <= high else { return 0 }
            (low, high) = (0x80, 0xBF)
        }
        return length
    }

    static func isValid(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { source in
            var next = 0
            while next < source.count {
                let length = source[next] < 0x80 ? 1 : sequenceLength(source, at: next)
                if length == 0 { return false }
                next += length
            }
            return true
        }
    }

    /// The bytes, each that is no part of UTF-8 as U+FFFD.
    static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { source in
            var result: [UInt8] = []
            var start = 0
            var next = 0
            while next < source.count {
                let length = source[next] < 0x80 ? 1 : sequenceLength(source, at: next)
                if length > 0 {
                    next += length
                    continue
                }
                result += source.prefix(next).dropFirst(start)
                result += [0xEF, 0xBF, 0xBD]
                next += 1
                start = next
            }
            if start == 0 { return bytes }
            return result + source.prefix(next).dropFirst(start)
        }
    }

    /// Cuts between characters, so that no piece is longer than `most` bytes. What is no UTF-8 is cut where it must be.
    /// - Parameter most: At least 4, else 4.
    static func pieces(_ bytes: [UInt8], most: Int) -> [ArraySlice<UInt8>] {
        let most = max(4, most)
        var rest = bytes[...]
        var pieces: [ArraySlice<UInt8>] = []
        while rest.count > most {
            var cut = rest.startIndex + most
            // Back to the first byte of the character that would be torn, if it is one.
            var back = 0
            while back < 3, rest[cut] & 0xC0 == 0x80 {
                cut -= 1
                back += 1
            }
            if rest[cut] & 0xC0 == 0x80 { cut += back }
            let piece = rest[..<cut]
            pieces.append(piece)
            rest = rest[cut...]
        }
        pieces.append(rest)
        return pieces
    }
}
