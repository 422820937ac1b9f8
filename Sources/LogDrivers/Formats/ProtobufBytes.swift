/// Protocol buffers' wire format, as far as telemetry needs it: varints, fixed numbers, texts and messages within messages.
///
/// Source: protobuf.dev, "Encoding".
package struct ProtobufBytes: Sendable, Equatable {
    /// Of the fields so far.
    package private(set) var bytes: [UInt8] = []

    /// A message without fields.
    package init() {}

    /// Left out when it is 0, as proto3 has it.
    package mutating func varint(_ field: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        raw(field << 3)
        raw(value)
    }

    /// Left out when it is 0.
    package mutating func fixed64(_ field: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        raw(field << 3 | 1)
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    /// Also when it is 0: of a choice of fields, one that is there is chosen.
    package mutating func chosenFixed64(_ field: UInt64, _ value: UInt64) {
        raw(field << 3 | 1)
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    /// Left out when it is empty.
    package mutating func text(_ field: UInt64, _ value: String) {
        guard !value.isEmpty else { return }
        block(field, Array(value.utf8))
    }

    /// Also when it is false: of a choice of fields, one that is there is chosen.
    package mutating func flag(_ field: UInt64, _ value: Bool) {
        raw(field << 3)
        raw(value ? 1 : 0)
    }

    /// Also of nothing: a message that is there and empty is another thing than none.
    package mutating func message(_ field: UInt64, _ value: ProtobufBytes) { block(field, value.bytes) }

    /// Also of nothing.
    package mutating func block(_ field: UInt64, _ value: [UInt8]) {
        raw(field << 3 | 2)
        raw(UInt64(clamping: value.count))
        bytes += value
    }

    private mutating func raw(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// Reads a message's fields one by one; those of other kinds than numbers and blocks are passed over.
struct ProtobufReader {
    enum Value: Equatable {
        case number(UInt64)
        case block([UInt8])
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// `nil` at the end, and at what is no message.
    mutating func next() -> (field: UInt64, value: Value)? {
        while let key = varint() {
            let field = key >> 3
            switch key & 7 {
            case 0:
                guard let number = varint() else { return nil }
                return (field, .number(number))
            case 1:
                guard rest.count >= 8 else { return nil }
                rest = rest.dropFirst(8)
            case 2:
                guard let length = varint().flatMap({ Int(exactly: $0) }), length <= rest.count else { return nil }
                let block = Array(rest.prefix(length))
                rest = rest.dropFirst(length)
                return (field, .block(block))
            case 5:
                guard rest.count >= 4 else { return nil }
                rest = rest.dropFirst(4)
            default: return nil
            }
        }
        return nil
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            guard shift < 64 else { return nil }
            value |= UInt64(clamping: byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
