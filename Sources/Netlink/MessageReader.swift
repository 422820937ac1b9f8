/// One netlink message as it was received (`struct nlmsghdr`, netlink(7)).
package struct NetlinkMessage: Sendable, Equatable {
    /// `RTM_…` or, of netfilter, subsystem and message; below 16 netlink's own.
    package let type: UInt16
    /// See ``MessageFlags``.
    package let flags: UInt16
    /// The request's number that this answers; 0 in notifications.
    package let sequence: UInt32
    /// Of the socket that it is for; 0 is the kernel.
    package let port: UInt32
    package let payload: ArraySlice<UInt8>

    /// All messages of one datagram. Lengths that contradict each other throw ``NetlinkError/Code/malformed``.
    package static func decode(_ datagram: some Collection<UInt8>) throws(NetlinkError) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var rest = ArraySlice(datagram)
        while !rest.isEmpty {
            let header = FixedPart(rest)
            let length = Int(clamping: try header.number(at: 0, as: UInt32.self))
            guard length >= MessageWriter.headerLength, length <= rest.count else {
                throw NetlinkError(code: .malformed, attempting: "read a netlink message of length \(length)")
            }
            messages.append(
                NetlinkMessage(
                    type: try header.number(at: 4), flags: try header.number(at: 6), sequence: try header.number(at: 8),
                    port: try header.number(at: 12),
                    payload: rest.dropFirst(MessageWriter.headerLength).prefix(
                        max(0, length - MessageWriter.headerLength))))
            rest = rest.dropFirst(aligned(length))
        }
        return messages
    }

    /// The family's fixed part, and the attributes behind its `length` bytes.
    package func parts(fixed length: Int) throws(NetlinkError) -> (fixed: FixedPart, attributes: Attributes) {
        guard payload.count >= length else {
            throw NetlinkError(code: .malformed, attempting: "read a netlink message of type \(type)")
        }
        return (FixedPart(payload.prefix(length)), try Attributes(payload.dropFirst(aligned(length))))
    }
}

func aligned(_ length: Int) -> Int { (length + MessageWriter.alignment - 1) & ~(MessageWriter.alignment - 1) }

/// Bytes with numbers at fixed offsets.
package struct FixedPart {
    let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type = Number.self) throws(NetlinkError)
        -> Number
    {
        guard offset + MemoryLayout<Number>.size <= bytes.count else {
            throw NetlinkError(code: .malformed, attempting: "read \(bytes.count) bytes of a netlink message")
        }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}

/// The attributes of a message or of a nest, by type (`struct nlattr`, netlink(7)). Of several of one type the last counts.
package struct Attributes {
    private var values: [UInt16: ArraySlice<UInt8>] = [:]

    /// NLA_F_NESTED and NLA_F_NET_BYTEORDER.
    private static let flagBits: UInt16 = 0xc000

    /// - Throws: ``NetlinkError`` with `.malformed` when a length leads beyond the bytes.
    package init(_ bytes: ArraySlice<UInt8>) throws(NetlinkError) {
        var rest = bytes
        while rest.count >= 4 {
            let header = FixedPart(rest)
            let length = Int(clamping: try header.number(at: 0, as: UInt16.self))
            let type = try header.number(at: 2, as: UInt16.self)
            guard length >= 4, length <= rest.count else {
                throw NetlinkError(code: .malformed, attempting: "read a netlink attribute of length \(length)")
            }
            values[type & ~Self.flagBits] = rest.dropFirst(4).prefix(max(0, length - 4))
            rest = rest.dropFirst(aligned(length))
        }
    }

    /// An attribute's value as it is, without padding; `nil` when it is missing. The same holds for the other readers.
    package func bytes(_ type: UInt16) -> ArraySlice<UInt8>? { values[type] }

    /// `nil` when the attribute is missing or of another size.
    package func number<Number: FixedWidthInteger>(_ type: UInt16, as: Number.Type = Number.self) -> Number? {
        guard let value = values[type], value.count == MemoryLayout<Number>.size else { return nil }
        return value.withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
    }

    /// A number in network byte order, as netfilter has most of its own.
    package func bigEndian<Number: FixedWidthInteger>(_ type: UInt16, as: Number.Type = Number.self) -> Number? {
        number(type, as: Number.self).map { Number(bigEndian: $0) }
    }

    /// A number of one byte that is 0 or not.
    package func flag(_ type: UInt16) -> Bool? { number(type, as: UInt8.self).map { $0 != 0 } }

    /// Text up to its first zero.
    package func string(_ type: UInt16) -> String? {
        values[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// The attributes within an attribute.
    package func nest(_ type: UInt16) throws(NetlinkError) -> Attributes? {
        guard let value = values[type] else { return nil }
        return try Attributes(value)
    }
}
