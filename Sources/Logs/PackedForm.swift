import CZlib

/// The form of a packed log file: members of gzip (RFC 1952), one behind the other, which every gunzip reads as one file. Each says in its extra
/// field how long it is and how much of the log it has, so that a reader comes to any place without unpacking what is before it.
enum PackedForm {
    /// What each member but the last has of the log.
    static let blockBytes = 256 << 10

    /// The beginning of a member.
    struct Head: Equatable {
        static let bytes = 40
        /// Behind the packed bytes: their checksum and how many they were.
        static let tailBytes = 8
        private static let fieldBytes = 24

        /// The member's bytes, head and tail with them.
        var length: UInt32
        /// Of the log, in this member.
        var plain: UInt32
        /// Of the log, in all members.
        var total: UInt64
        /// `st_ino` of the file that was packed: positions in the log name it.
        var origin: UInt64

        /// As it is written.
        var encoded: [UInt8] {
            // Deflated, with an extra field, of no time, made on Unix.
            var bytes: [UInt8] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3]
            bytes += Self.encoded(UInt16(clamping: Self.fieldBytes + 4))
            bytes += [UInt8(ascii: "A"), UInt8(ascii: "p")] + Self.encoded(UInt16(clamping: Self.fieldBytes))
            return bytes + Self.encoded(length) + Self.encoded(plain) + Self.encoded(total) + Self.encoded(origin)
        }

        init(length: UInt32, plain: UInt32, total: UInt64, origin: UInt64) {
            self.length = length
            self.origin = origin
            self.plain = plain
            self.total = total
        }

        /// `nil` for what is no member of this form, or a damaged one.
        init?(_ bytes: ArraySlice<UInt8>) {
            guard bytes.count >= Self.bytes else { return nil }
            func number(_ start: Int, _ count: Int) -> UInt64 {
                bytes.dropFirst(start).prefix(count).reversed().reduce(0) { $0 << 8 | UInt64(clamping: $1) }
            }
            let found = Head(
                length: UInt32(clamping: number(16, 4)), plain: UInt32(clamping: number(20, 4)), total: number(24, 8),
                origin: number(32, 8))
            guard found.encoded.elementsEqual(bytes.prefix(Self.bytes)), found.length > Self.bytes + Self.tailBytes,
                found.length <= PackedForm.longestMember, found.plain > 0, found.plain <= PackedForm.blockBytes
            else { return nil }
            self = found
        }

        private static func encoded(_ number: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
    }

    /// What cannot be packed is longer than it was, but not by so much.
    static let longestMember = blockBytes + (blockBytes >> 6) + 1024

    /// What packed bytes were.
    /// - Parameter member: Without the head.
    /// - Returns: `nil` for damaged ones.
    static func unpacked(_ member: ArraySlice<UInt8>, _ head: Head) -> [UInt8]? {
        let count = Int(clamping: head.plain)
        guard member.count > Head.tailBytes, count <= blockBytes else { return nil }
        var stream = z_stream()
        guard inflateInit2_(&stream, -15, ZLIB_VERSION, CInt(clamping: MemoryLayout<z_stream>.size)) == Z_OK else {
            return nil
        }
        defer { inflateEnd(&stream) }
        var packed = Array(member.dropLast(Head.tailBytes))
        var isWhole = false
        let plain = [UInt8](unsafeUninitializedCapacity: count) { room, filled in
            packed.withUnsafeMutableBufferPointer { packed in
                stream.next_in = packed.baseAddress
                stream.avail_in = UInt32(clamping: packed.count)
                stream.next_out = room.baseAddress
                stream.avail_out = UInt32(clamping: count)
                isWhole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0
            }
            filled = isWhole ? count : 0
        }
        let told = member.suffix(Head.tailBytes).prefix(4).reversed().reduce(UInt(0)) { $0 << 8 | UInt(clamping: $1) }
        return isWhole && checksum(plain) == told ? plain : nil
    }

    /// As gzip has it.
    static func checksum(_ bytes: [UInt8]) -> UInt {
        bytes.withUnsafeBufferPointer { crc32(crc32(0, nil, 0), $0.baseAddress, UInt32(clamping: $0.count)) }
    }
}

/// Makes members one after the other, with one state of zlib's (256 KB).
final class MemberPacker {
    /// Logs are packed to less than a tenth by any level; this one is three times as fast as gzip's usual one.
    private static let level: CInt = 1

    private let stream: UnsafeMutablePointer<z_stream>
    private let total: UInt64
    private let origin: UInt64

    /// - Returns: `nil` when there is no memory for it.
    init?(total: UInt64, origin: UInt64) {
        self.origin = origin
        self.total = total
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let made = deflateInit2_(
            stream, Self.level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            CInt(clamping: MemoryLayout<z_stream>.size))
        // Given back by the end, which does nothing to a state that was not made.
        if made != Z_OK { return nil }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// One member; `nil` when zlib refuses.
    /// - Parameter block: At most ``PackedForm/blockBytes``.
    func member(_ block: [UInt8]) -> [UInt8]? {
        guard deflateReset(stream) == Z_OK, block.count <= PackedForm.blockBytes else { return nil }
        let bound = PackedForm.longestMember - PackedForm.Head.bytes - PackedForm.Head.tailBytes
        var source = block
        var isWhole = false
        let packed = [UInt8](unsafeUninitializedCapacity: bound) { room, filled in
            source.withUnsafeMutableBufferPointer { source in
                stream.pointee.next_in = source.baseAddress
                stream.pointee.avail_in = UInt32(clamping: source.count)
                stream.pointee.next_out = room.baseAddress
                stream.pointee.avail_out = UInt32(clamping: bound)
                isWhole = deflate(stream, Z_FINISH) == Z_STREAM_END
                filled = isWhole ? max(0, bound - Int(clamping: stream.pointee.avail_out)) : 0
                stream.pointee.next_in = nil
                stream.pointee.next_out = nil
            }
        }
        guard isWhole else { return nil }
        let head = PackedForm.Head(
            length: UInt32(clamping: PackedForm.Head.bytes + packed.count + PackedForm.Head.tailBytes),
            plain: UInt32(clamping: block.count), total: total, origin: origin)
        let check = UInt32(clamping: PackedForm.checksum(block)).littleEndian
        let count = UInt32(clamping: block.count).littleEndian
        return head.encoded + packed + withUnsafeBytes(of: check) { Array($0) }
            + withUnsafeBytes(of: count) { Array($0) }
    }
}
