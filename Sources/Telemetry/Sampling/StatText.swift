import Glibc

/// Text of the kernel's files as it was read, without a copy: lines of words and numbers.
struct StatText {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next word of the present line; `nil` at its end.
    mutating func word() -> Slice<UnsafeRawBufferPointer>? {
        while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
        let start = position
        while position < bytes.count, bytes[position] > 0x20 { position += 1 }
        return position > start ? bytes[start..<position] : nil
    }

    /// The next word as a number; `nil` when it is none, as `max`.
    mutating func number() -> Int64? { word().flatMap(Self.number) }

    /// - Returns: Whether there is another line.
    mutating func nextLine() -> Bool {
        while position < bytes.count, bytes[position] != 0x0a { position += 1 }
        if position < bytes.count { position += 1 }
        return position < bytes.count
    }

    /// Digits; more than fit are the largest number.
    static func number(_ word: Slice<UnsafeRawBufferPointer>) -> Int64? {
        if word.isEmpty { return nil }
        var value: Int64 = 0
        for byte in word {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            let (product, isTooMuch) = value.multipliedReportingOverflow(by: 10)
            let (sum, isOver) = product.addingReportingOverflow(Int64(clamping: byte - 0x30))
            if isTooMuch || isOver { return .max }
            value = sum
        }
        return value
    }
}

extension Slice<UnsafeRawBufferPointer> {
    func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount
            && elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
    var text: String { String(decoding: self, as: UTF8.self) }
}
