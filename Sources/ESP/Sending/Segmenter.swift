/// Takes frames as they are to be sent, one after the other, each only until the next.
protocol FrameTaker: ~Copyable {
    /// There are ``ESPLayout/prefix`` bytes to write to before the frame, and eight after it, which have to be put back.
    mutating func take(_ frame: PacketBytes, _ count: Int)
}

/// Makes frames for the wire of what a TAP device gives: super-frames of TCP and UDP are cut, checksums that were left open are written.
///
/// The payload of a segment stays where it is; its headers are written right before it, over the end of the one before, which has been taken by
/// then. What comes from the device was made by a container, so nothing that it says is believed before it was compared.
enum Segmenter {
    enum Outcome: Equatable {
        case taken(segments: Int)
        /// It is not what its header says.
        case malformed
    }

    /// Longest headers of a frame that is cut: Ethernet, IPv6 with extension headers, TCP with options.
    static let longestHeaders = 200
    /// Of one frame: what 65,535 bytes make with 16 bytes each. Smaller ones cost the node more than they carry.
    static let mostSegments = 4096

    /// - Parameters:
    ///   - vnet: `struct virtio_net_hdr`, and after it the frame of `count` bytes. Before it there is room for 64 bytes, after the frame for 16.
    ///   - scratch: Room for ``longestHeaders``.
    @inline(__always) static func cut<Taker: FrameTaker & ~Copyable>(
        _ vnet: PacketBytes, count: Int, scratch: PacketBytes, into taker: inout Taker
    ) -> Outcome {
        let frame = vnet + ESPLayout.vnetHeader
        guard count >= ESPLayout.ethernet else { return .malformed }
        let kind = vnet.octet(1) & ~SegmentationKind.ecn
        let start = Int(truncatingIfNeeded: vnet.rawShort(6))
        if kind == SegmentationKind.none {
            // Its checksum may be open: the field has the sum of the pseudo-header.
            if vnet.octet(0) & 1 != 0 {
                let offset = Int(truncatingIfNeeded: vnet.rawShort(8))
                guard start >= ESPLayout.ethernet, start + offset + 2 <= count else { return .malformed }
                let sum = ~InternetChecksum.fold(InternetChecksum.sum(frame + start, count - start))
                frame.putRawShort(start + offset, sum == 0 && offset == 6 ? 0xffff : sum)
            }
            taker.take(frame, count)
            return .taken(segments: 1)
        }
        return segment(frame, count, kind, start, Int(truncatingIfNeeded: vnet.rawShort(4)), scratch, &taker)
    }

    @inline(__always) private static func segment<Taker: FrameTaker & ~Copyable>(
        _ frame: PacketBytes, _ count: Int, _ kind: Int, _ l4: Int, _ size: Int, _ header: PacketBytes,
        _ taker: inout Taker
    ) -> Outcome {
        let isTCP = kind == SegmentationKind.tcp4 || kind == SegmentationKind.tcp6
        guard isTCP || kind == SegmentationKind.udp, size > 0, l4 >= 34, l4 + (isTCP ? 20 : 8) <= count else {
            return .malformed
        }
        let isV6 = frame.short(12) == ESPLayout.ipv6
        if isV6 {
            guard kind != SegmentationKind.tcp4, l4 >= 54, frame.octet(14) >> 4 == 6 else { return .malformed }
        } else {
            guard kind != SegmentationKind.tcp6, frame.short(12) == ESPLayout.ipv4, frame.octet(14) >> 4 == 4,
                ESPLayout.ethernet + (frame.octet(14) & 15) * 4 == l4,
                frame.octet(23) == (isTCP ? ESPLayout.tcp : ESPLayout.udp)
            else { return .malformed }
        }
        let l4Length = isTCP ? (frame.octet(l4 + 12) >> 4) * 4 : 8
        let headers = l4 + l4Length
        guard l4Length >= (isTCP ? 20 : 8), headers < count, headers <= longestHeaders else { return .malformed }
        let payload = count - headers
        guard (payload - 1) / size < mostSegments else { return .malformed }
        header.copyMemory(from: frame, byteCount: headers)
        let field = l4 + (isTCP ? 16 : 6)
        header.putRawShort(field, 0)
        let identification = isV6 ? 0 : header.short(18)
        let sequence = isTCP ? header.word(l4 + 4) : 0
        let flags = isTCP ? header.octet(l4 + 13) : 0
        let number = isTCP ? ESPLayout.tcp : ESPLayout.udp
        var offset = 0
        var index = 0
        while offset < payload {
            let length = min(size, payload - offset)
            if isV6 {
                header.putShort(18, headers - 54 + length)
            } else {
                header.putShort(16, headers - 14 + length)
                header.putShort(18, identification + index)
                InternetChecksum.putHeader(header + 14, length: l4 - 14)
            }
            if isTCP {
                header.putWord(l4 + 4, sequence &+ UInt32(truncatingIfNeeded: offset))
                // FIN and PSH belong to the last, CWR to the first.
                let first = index == 0 ? flags : flags & ~0x80
                header.putOctet(l4 + 13, offset + length < payload ? first & ~0x09 : first)
            } else {
                header.putShort(l4 + 4, 8 + length)
            }
            let piece = frame + offset
            piece.copyMemory(from: header, byteCount: headers)
            let pseudo = InternetChecksum.pseudo(
                ip: header + 14, isV6: isV6, protocol: number, length: l4Length + length)
            let sum = ~InternetChecksum.fold(InternetChecksum.sum(piece + l4, l4Length + length, pseudo))
            piece.putRawShort(field, sum == 0 && !isTCP ? 0xffff : sum)
            taker.take(piece, headers + length)
            offset += length
            index += 1
        }
        return .taken(segments: index)
    }
}
