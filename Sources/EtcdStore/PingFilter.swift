package import NIOCore

/// Finds the PING requests in a stream of HTTP/2 frames and takes them out, however the stream is cut into reads.
///
/// Frame layout: RFC 9113 §4.1, 9 bytes of header (24 bits length, 8 type, 8 flags, 32 stream) and the payload; PING: §6.7.
package struct PingFilter: Sendable {
    private static let headerBytes = 9
    private static let pingBytes = 8
    private static let pingType: UInt8 = 6
    private static let acknowledgement: UInt8 = 1

    /// The beginning of a frame not yet known to pass: at most a header and a PING's payload.
    private var held: [UInt8] = []
    /// Payload bytes to come of a frame that passes.
    private var remaining = 0

    package init() {}

    /// Takes a read in.
    ///
    /// - Returns: the bytes to pass on, in order, and the payloads of PINGs to answer.
    package mutating func receive(_ read: ByteBuffer) -> (passing: ByteBuffer, pings: [UInt64]) {
        var read = read
        var passing = ByteBuffer()
        var pings: [UInt64] = []
        while read.readableBytes > 0 {
            if remaining > 0 {
                guard var part = read.readSlice(length: min(remaining, read.readableBytes)) else { break }
                remaining -= part.readableBytes
                passing.writeBuffer(&part)
                continue
            }
            let wanted = held.count < Self.headerBytes ? Self.headerBytes : Self.headerBytes + Self.pingBytes
            guard let part = read.readBytes(length: min(wanted - held.count, read.readableBytes)) else { break }
            held += part
            if held.count == Self.headerBytes, !isPingRequest {
                remaining = length
                passing.writeBytes(held)
                held.removeAll(keepingCapacity: true)
            } else if held.count == Self.headerBytes + Self.pingBytes {
                pings.append(held.dropFirst(Self.headerBytes).reduce(0) { $0 << 8 | UInt64(clamping: $1) })
                held.removeAll(keepingCapacity: true)
            }
        }
        return (passing, pings)
    }

    /// A whole frame with the ACK flag and the same eight octets (RFC 9113 section 6.7).
    package static func answer(to ping: UInt64) -> [UInt8] {
        [0, 0, UInt8(clamping: pingBytes), pingType, acknowledgement, 0, 0, 0, 0]
            + (0..<8).map { UInt8(truncatingIfNeeded: ping >> (56 - 8 * $0)) }
    }

    private var length: Int { held.prefix(3).reduce(0) { $0 << 8 | Int(clamping: $1) } }

    /// A malformed PING is not answered but passed on, for the HTTP/2 handler to refuse.
    private var isPingRequest: Bool {
        let rest = held.dropFirst(3)
        return rest.first == Self.pingType && rest.dropFirst().prefix(1).allSatisfy { $0 & Self.acknowledgement == 0 }
            && length == Self.pingBytes && rest.dropFirst(2).prefix(4).allSatisfy { $0 == 0 }
    }
}
