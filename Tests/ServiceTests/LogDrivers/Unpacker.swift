/// A reader of MessagePack of the test's own.
enum Unpacker {
    indirect enum Value: Sendable {
        case other
        case integer(Int64)
        case bytes([UInt8])
        case array([Value])
        case map([String: Value])
    }

    /// - Returns: `nil` while it is not whole.
    static func value(_ bytes: ArraySlice<UInt8>) -> (Value, ArraySlice<UInt8>)? {
        guard let mark = bytes.first else { return nil }
        let rest = bytes.dropFirst()
        func number(_ count: Int) -> (Int, ArraySlice<UInt8>)? {
            guard rest.count >= count else { return nil }
            return (rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }, rest.dropFirst(count))
        }
        func text(_ size: (Int, ArraySlice<UInt8>)?) -> (Value, ArraySlice<UInt8>)? {
            guard let (count, rest) = size, rest.count >= count else { return nil }
            return (.bytes(Array(rest.prefix(count))), rest.dropFirst(count))
        }
        func many(_ size: (Int, ArraySlice<UInt8>)?, _ each: Int) -> ([Value], ArraySlice<UInt8>)? {
            guard var (count, rest) = size else { return nil }
            count *= each
            var values: [Value] = []
            for _ in 0..<count {
                guard let (value, more) = Unpacker.value(rest) else { return nil }
                values.append(value)
                rest = more
            }
            return (values, rest)
        }
        func array(_ size: (Int, ArraySlice<UInt8>)?) -> (Value, ArraySlice<UInt8>)? {
            many(size, 1).map { (.array($0.0), $0.1) }
        }
        func map(_ size: (Int, ArraySlice<UInt8>)?) -> (Value, ArraySlice<UInt8>)? {
            guard let (values, rest) = many(size, 2) else { return nil }
            var fields: [String: Value] = [:]
            for index in stride(from: 0, to: values.count - 1, by: 2) {
                if case .bytes(let name) = values[index] {
                    fields[String(decoding: name, as: UTF8.self)] = values[index + 1]
                }
            }
            return (.map(fields), rest)
        }
        switch mark {
        case 0x00...0x7f: return (.integer(Int64(mark)), rest)
        case 0x80...0x8f: return map((Int(mark & 15), rest))
        case 0x90...0x9f: return array((Int(mark & 15), rest))
        case 0xa0...0xbf: return text((Int(mark & 31), rest))
        case 0xc0, 0xc2, 0xc3: return (.other, rest)
        case 0xc4, 0xd9: return text(number(1))
        case 0xc5, 0xda: return text(number(2))
        case 0xc6, 0xdb: return text(number(4))
        case 0xcc: return number(1).map { (.integer(Int64($0.0)), $0.1) }
        case 0xcd: return number(2).map { (.integer(Int64($0.0)), $0.1) }
        case 0xce, 0xd2: return number(4).map { (.integer(Int64($0.0)), $0.1) }
        case 0xd7: return rest.count >= 9 ? (.other, rest.dropFirst(9)) : nil
        case 0xdc: return array(number(2))
        case 0xde: return map(number(2))
        default: return (.other, [])
        }
    }
}
