/// Writes one netlink message: header, the family's fixed part, attributes with lengths and padding (netlink(7)).
///
/// Numbers are in the machine's byte order unless said otherwise.
package struct MessageWriter {
    /// NLMSG_ALIGNTO and NLA_ALIGNTO.
    static let alignment = 4
    static let headerLength = 16

    private(set) var bytes: [UInt8]

    /// Starts a message; `sequence` and the total length are filled in by ``finished(sequence:)``.
    package init(type: UInt16, flags: UInt16) {
        bytes = []
        bytes.reserveCapacity(256)
        put(UInt32(0))
        put(type)
        put(flags)
        put(UInt32(0))
        put(UInt32(0))
    }

    /// The whole message.
    package func finished(sequence: UInt32) -> [UInt8] { finished(sequence: sequence, acknowledged: false) }

    /// The same; `acknowledged`: it is to be answered in any case.
    func finished(sequence: UInt32, acknowledged: Bool) -> [UInt8] {
        var whole = bytes
        if acknowledged {
            let flags = whole.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 6, as: UInt16.self) }
            Self.store(flags | MessageFlags.acknowledge, in: &whole, at: 6)
        }
        Self.store(UInt32(clamping: whole.count), in: &whole, at: 0)
        Self.store(sequence, in: &whole, at: 8)
        return whole
    }

    /// A number of the fixed part.
    package mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
    }

    /// Bytes of padding, or members of a fixed part that mean nothing here.
    package mutating func put(zeros count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }

    // MARK: attributes

    /// An attribute (`struct nlattr`): length, type and value, padded to four bytes.
    package mutating func bytes(_ type: UInt16, _ value: some Collection<UInt8>) {
        put(UInt16(clamping: 4 + value.count))
        put(type)
        bytes.append(contentsOf: value)
        pad()
    }

    /// An attribute that is a number in this machine's byte order.
    package mutating func number<Number: FixedWidthInteger>(_ type: UInt16, _ value: Number) {
        withUnsafeBytes(of: value) { bytes(type, Array($0)) }
    }

    /// A number in network order.
    package mutating func bigEndian<Number: FixedWidthInteger>(_ type: UInt16, _ value: Number) {
        number(type, value.bigEndian)
    }

    /// An attribute of one byte, 1 or 0.
    package mutating func flag(_ type: UInt16, _ value: Bool) { number(type, (value ? 1 : 0) as UInt8) }

    /// Text with the zero at its end.
    package mutating func string(_ type: UInt16, _ value: String) { bytes(type, Array(value.utf8) + [0]) }

    /// Attributes within an attribute. `marked`: with NLA_F_NESTED, as families younger than rtnetlink's links want it.
    package mutating func nest(_ type: UInt16, marked: Bool = false, _ content: (inout Self) throws -> Void) rethrows {
        let start = bytes.count
        put(UInt16(0))
        put(type | (marked ? 0x8000 : 0))
        try content(&self)
        Self.store(UInt16(clamping: bytes.count - start), in: &bytes, at: start)
        pad()
    }

    private mutating func pad() { put(zeros: (Self.alignment - bytes.count % Self.alignment) % Self.alignment) }

    private static func store<Number: FixedWidthInteger>(_ number: Number, in bytes: inout [UInt8], at offset: Int) {
        withUnsafeBytes(of: number) { raw in
            bytes.replaceSubrange(bytes.indices.clamped(to: offset..<offset + raw.count), with: raw)
        }
    }
}
