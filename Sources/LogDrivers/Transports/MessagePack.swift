/// MessagePack, as far as the Forward protocol needs it: https://github.com/msgpack/msgpack/blob/master/spec.md
struct MessagePackWriter {
    private(set) var bytes: [UInt8] = []

    /// Writes behind what is there already; the same once more gives it back. Nothing is copied.
    mutating func exchange(_ other: inout [UInt8]) { swap(&bytes, &other) }

    mutating func array(_ count: Int) { head(count, small: 0x90, smallest: 15, wide: (0xdc, 0xdd)) }
    mutating func map(_ count: Int) { head(count, small: 0x80, smallest: 15, wide: (0xde, 0xdf)) }

    mutating func string(_ text: String) { string(Array(text.utf8)) }

    /// A text of any bytes: readers that want UTF-8 have rules of their own for others.
    mutating func string(_ text: [UInt8]) { text.withUnsafeBytes { string($0) } }

    mutating func string(_ text: UnsafeRawBufferPointer) {
        if text.count < 32 {
            bytes.append(0xa0 | UInt8(truncatingIfNeeded: text.count))
        } else {
            length(text.count, (0xd9, 0xda, 0xdb))
        }
        bytes += text
    }

    /// Values that are encoded already.
    mutating func raw(_ values: [UInt8]) { bytes += values }

    /// What is before so many bytes of binary data.
    mutating func binaryHead(_ count: Int) { length(count, (0xc4, 0xc5, 0xc6)) }

    mutating func unsigned(_ value: UInt64) {
        switch value {
        case 0..<128: bytes.append(UInt8(truncatingIfNeeded: value))
        case 0..<(1 << 8): put(0xcc, value, 1)
        case 0..<(1 << 16): put(0xcd, value, 2)
        case 0..<(1 << 32): put(0xce, value, 4)
        default: put(0xcf, value, 8)
        }
    }

    /// A time in whole seconds, as the signed number that Docker's client writes for any later than 1970-01-01T09:06:07Z.
    mutating func seconds(_ value: Int64) {
        if let short = Int32(exactly: value) {
            put(0xd2, UInt64(clamping: UInt32(bitPattern: short)), 4)
        } else {
            put(0xd3, UInt64(bitPattern: value), 8)
        }
    }

    /// An extension of eight bytes: the Forward protocol's EventTime is type 0.
    mutating func extension8(type: UInt8, _ high: UInt32, _ low: UInt32) {
        bytes += [0xd7, type]
        big(UInt64(clamping: high), 4)
        big(UInt64(clamping: low), 4)
    }

    private mutating func head(_ count: Int, small: UInt8, smallest: Int, wide: (UInt8, UInt8)) {
        if count <= smallest {
            bytes.append(small | UInt8(truncatingIfNeeded: count))
        } else if count < 1 << 16 {
            put(wide.0, UInt64(clamping: count), 2)
        } else {
            put(wide.1, UInt64(clamping: count), 4)
        }
    }

    private mutating func length(_ count: Int, _ marks: (UInt8, UInt8, UInt8)) {
        switch count {
        case 0..<(1 << 8): put(marks.0, UInt64(clamping: count), 1)
        case 0..<(1 << 16): put(marks.1, UInt64(clamping: count), 2)
        default: put(marks.2, UInt64(clamping: count), 4)
        }
    }

    private mutating func put(_ mark: UInt8, _ value: UInt64, _ count: Int) {
        bytes.append(mark)
        big(value, count)
    }

    private mutating func big(_ value: UInt64, _ count: Int) {
        withUnsafeBytes(of: value.bigEndian) { bytes += $0.suffix(count) }
    }
}

/// What a receiver says: small values of MessagePack.
indirect enum MessagePackValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case bytes([UInt8])
    case array([MessagePackValue])
    /// Pairs in their order.
    case map([[MessagePackValue]])

    var text: String? {
        guard case .bytes(let bytes) = self else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    var data: [UInt8]? {
        guard case .bytes(let bytes) = self else { return nil }
        return bytes
    }

    /// The value of a map's key.
    subscript(key: String) -> MessagePackValue? {
        guard case .map(let pairs) = self else { return nil }
        return pairs.first { $0.first?.text == key }?.last
    }

    /// The elements of an array.
    var elements: [MessagePackValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }
}

/// Reads values from bytes that come in parts. Whoever sends them is not trusted: depth and size are bound.
struct MessagePackReader {
    private static let deepest = 8
    private static let largest = 64 << 10

    struct Malformed: Error {}
    /// The value is not whole yet.
    private struct Incomplete: Error {}

    private var pending: [UInt8] = []

    mutating func append(_ bytes: [UInt8]) { pending += bytes }

    /// The next value; `nil` while it is not whole.
    mutating func next() throws(Malformed) -> MessagePackValue? {
        guard !pending.isEmpty else { return nil }
        var rest = pending[...]
        do {
            let value = try Self.value(&rest, depth: 0)
            pending = Array(rest)
            return value
        } catch is Incomplete {
            guard pending.count <= Self.largest else { throw Malformed() }
            return nil
        } catch { throw Malformed() }
    }

    private static func value(_ rest: inout ArraySlice<UInt8>, depth: Int) throws -> MessagePackValue {
        guard depth < deepest else { throw Malformed() }
        let mark = try UInt8(truncatingIfNeeded: unsigned(&rest, 1))
        switch mark {
        case 0x00...0x7f: return .integer(Int64(clamping: mark))
        case 0xe0...0xff: return .integer(Int64(clamping: Int8(bitPattern: mark)))
        case 0x80...0x8f: return try map(&rest, UInt64(clamping: mark & 0x0f), depth)
        case 0x90...0x9f: return try array(&rest, UInt64(clamping: mark & 0x0f), depth)
        case 0xa0...0xbf: return try .bytes(take(&rest, UInt64(clamping: mark & 0x1f)))
        case 0xc0: return .null
        case 0xc2: return .bool(false)
        case 0xc3: return .bool(true)
        case 0xc4, 0xd9: return try .bytes(take(&rest, unsigned(&rest, 1)))
        case 0xc5, 0xda: return try .bytes(take(&rest, unsigned(&rest, 2)))
        case 0xc6, 0xdb: return try .bytes(take(&rest, unsigned(&rest, 4)))
        case 0xcc: return try .integer(Int64(clamping: unsigned(&rest, 1)))
        case 0xcd: return try .integer(Int64(clamping: unsigned(&rest, 2)))
        case 0xce: return try .integer(Int64(clamping: unsigned(&rest, 4)))
        case 0xcf: return try .integer(Int64(clamping: unsigned(&rest, 8)))
        case 0xd0: return try .integer(Int64(clamping: Int8(truncatingIfNeeded: unsigned(&rest, 1))))
        case 0xd1: return try .integer(Int64(clamping: Int16(truncatingIfNeeded: unsigned(&rest, 2))))
        case 0xd2: return try .integer(Int64(clamping: Int32(truncatingIfNeeded: unsigned(&rest, 4))))
        case 0xd3: return try .integer(Int64(truncatingIfNeeded: unsigned(&rest, 8)))
        case 0xdc: return try array(&rest, unsigned(&rest, 2), depth)
        case 0xdd: return try array(&rest, unsigned(&rest, 4), depth)
        case 0xde: return try map(&rest, unsigned(&rest, 2), depth)
        case 0xdf: return try map(&rest, unsigned(&rest, 4), depth)
        default: throw Malformed()
        }
    }

    private static func array(_ rest: inout ArraySlice<UInt8>, _ count: UInt64, _ depth: Int) throws
        -> MessagePackValue
    {
        guard count <= UInt64(clamping: largest) else { throw Malformed() }
        var elements: [MessagePackValue] = []
        for _ in 0..<count { elements.append(try value(&rest, depth: depth + 1)) }
        return .array(elements)
    }

    private static func map(_ rest: inout ArraySlice<UInt8>, _ count: UInt64, _ depth: Int) throws -> MessagePackValue {
        guard count <= UInt64(clamping: largest) else { throw Malformed() }
        var pairs: [[MessagePackValue]] = []
        for _ in 0..<count {
            pairs.append([try value(&rest, depth: depth + 1), try value(&rest, depth: depth + 1)])
        }
        return .map(pairs)
    }

    private static func take(_ rest: inout ArraySlice<UInt8>, _ count: UInt64) throws -> [UInt8] {
        guard count <= UInt64(clamping: largest) else { throw Malformed() }
        let taken = rest.prefix(Int(clamping: count))
        guard UInt64(clamping: taken.count) == count else { throw Incomplete() }
        rest = rest.dropFirst(taken.count)
        return Array(taken)
    }

    private static func unsigned(_ rest: inout ArraySlice<UInt8>, _ count: Int) throws -> UInt64 {
        let taken = rest.prefix(count)
        guard taken.count == count else { throw Incomplete() }
        rest = rest.dropFirst(count)
        return taken.reduce(0) { $0 << 8 | UInt64(clamping: $1) }
    }
}
