import Glibc

/// Takes frames for a device: what `vectors` gather begins with `struct virtio_net_hdr`. They are good for as long as the call.
protocol FrameWriter: ~Copyable {
    mutating func write(_ vectors: UnsafePointer<iovec>, _ count: Int, network: Int, frames: Int)
}

/// Joins frames of one flow to super-frames, by the rules of the kernel's GRO, so that the device is written to once for many.
///
/// A frame joins only where cutting the super-frame gives it back (but for the number of an IPv4 packet that must not be cut), and only with a checksum that was found right: the super-frame gets another,
/// which would hide the damage. A frame of the same flow that cannot join writes the flow first, so its order stays. Frames stay where they are
/// until ``flushAll(into:)``, and have ``ESPLayout/vnetHeader`` bytes before them.
struct Coalescer: ~Copyable {
    /// Flows that are open at a time; the oldest makes room.
    static let mostFlows = 8
    static let mostFrames = 64
    static let longestFrame = 65_535

    private struct Flow {
        var head: PacketBytes
        var network = 0
        /// Where TCP or UDP begins; 0 for what belongs to no flow.
        var l4 = 0
        var headers = 0
        var segment = 0
        var payload = 0
        var frames = 0
        var nextSequence: UInt32 = 0
        var isV6 = false
        var isTCP = false
        var isClosed = false
        var pushes = false
    }

    private let flows: UnsafeMutablePointer<Flow>
    private let vectors: UnsafeMutablePointer<iovec>
    private var open = 0
    /// Frames whose inner checksum was wrong: they go on as they are.
    private(set) var badChecksums: UInt64 = 0
    /// Frames that became part of another.
    private(set) var merged: UInt64 = 0

    init() {
        vectors = .allocate(capacity: Self.mostFlows * Self.mostFrames)
        vectors.initialize(repeating: iovec(), count: Self.mostFlows * Self.mostFrames)
        flows = .allocate(capacity: Self.mostFlows)
        flows.initialize(repeating: Flow(head: PacketBytes(vectors)), count: Self.mostFlows)
    }

    deinit {
        vectors.deallocate()
        flows.deallocate()
    }

    /// What a frame is to joining.
    private struct Shape {
        var l4 = 0
        var headers = 0
        var isV6 = false
        var isTCP = false
        var joins = false
    }

    /// Takes a frame of at least ``ESPLayout/ethernet`` bytes.
    @inline(__always) mutating func add<Writer: FrameWriter & ~Copyable>(
        _ frame: PacketBytes, _ count: Int, network: Int, into writer: inout Writer
    ) {
        var shape = Self.shape(frame, count)
        if shape.joins {
            let pseudo = InternetChecksum.pseudo(
                ip: frame + 14, isV6: shape.isV6, protocol: shape.isTCP ? ESPLayout.tcp : ESPLayout.udp,
                length: count - shape.l4)
            let sum = InternetChecksum.sum(frame + shape.l4, count - shape.l4, pseudo)
            if InternetChecksum.fold(sum) != 0xffff {
                shape.joins = false
                badChecksums &+= 1
            }
        }
        if shape.l4 != 0, let index = find(frame, shape, network) {
            if shape.joins, canJoin(index, frame, count, shape) {
                join(index, frame, count, shape)
                return
            }
            flush(index, into: &writer)
        }
        if open == Self.mostFlows { flush(0, into: &writer) }
        begin(frame, count, shape, network)
        if shape.l4 == 0 { flush(open - 1, into: &writer) }
    }

    /// Writes all that is open, the oldest first.
    @inline(__always) mutating func flushAll<Writer: FrameWriter & ~Copyable>(into writer: inout Writer) {
        while open > 0 { flush(0, into: &writer) }
    }

    @inline(__always) private static func shape(_ frame: PacketBytes, _ count: Int) -> Shape {
        var shape = Shape()
        guard count >= 42 else { return shape }
        var number = 0
        let type = frame.short(12)
        if type == ESPLayout.ipv4 {
            // Neither options nor fragments, and exactly as long as it says.
            guard frame.octet(14) == 0x45, frame.short(20) & 0x3fff == 0, frame.short(16) == count - 14 else {
                return shape
            }
            (shape.l4, number) = (34, frame.octet(23))
        } else if type == ESPLayout.ipv6, count >= 62 {
            guard frame.octet(14) >> 4 == 6, frame.short(18) == count - 54 else { return shape }
            (shape.l4, number, shape.isV6) = (54, frame.octet(20), true)
        }
        if number == ESPLayout.tcp, count >= shape.l4 + 20 {
            shape.isTCP = true
            shape.headers = shape.l4 + (frame.octet(shape.l4 + 12) >> 4) * 4
            // Data, and no flag but ACK and PSH.
            shape.joins =
                shape.headers >= shape.l4 + 20 && shape.headers < count
                && frame.octet(shape.l4 + 13) & ~0x08 == 0x10 && frame.short(shape.l4 + 12) & 0x0f00 == 0
        } else if number == ESPLayout.udp {
            shape.headers = shape.l4 + 8
            shape.joins =
                shape.headers < count && frame.rawShort(shape.l4 + 6) != 0
                && frame.short(shape.l4 + 4) == count - shape.l4
        } else {
            shape.l4 = 0
        }
        return shape
    }

    @inline(__always) private func find(_ frame: PacketBytes, _ shape: Shape, _ network: Int) -> Int? {
        var index = 0
        while index < open {
            let flow = flows + index
            if flow.pointee.l4 == shape.l4, flow.pointee.isTCP == shape.isTCP, flow.pointee.network == network {
                let head = flow.pointee.head
                let isSame =
                    shape.isV6
                    ? head.rawLong(22) == frame.rawLong(22) && head.rawLong(30) == frame.rawLong(30)
                        && head.rawLong(38) == frame.rawLong(38) && head.rawLong(46) == frame.rawLong(46)
                    : head.rawLong(26) == frame.rawLong(26)
                if isSame, head.rawWord(shape.l4) == frame.rawWord(shape.l4) { return index }
            }
            index &+= 1
        }
        return nil
    }

    @inline(__always) private func canJoin(_ index: Int, _ frame: PacketBytes, _ count: Int, _ shape: Shape) -> Bool {
        let flow = flows + index
        let head = flow.pointee.head
        let payload = count - shape.headers
        if flow.pointee.isClosed || shape.headers != flow.pointee.headers || payload > flow.pointee.segment {
            return false
        }
        if flow.pointee.frames >= Self.mostFrames { return false }
        if shape.headers + flow.pointee.payload + payload > Self.longestFrame { return false }
        // Ethernet: both addresses and the type.
        if head.rawLong(0) != frame.rawLong(0) || head.rawLong(6) != frame.rawLong(6) { return false }
        if shape.isV6 {
            // Class and label, hop limit.
            if head.rawWord(14) != frame.rawWord(14) || head.octet(21) != frame.octet(21) { return false }
        } else {
            if head.rawShort(14) != frame.rawShort(14) || head.rawShort(20) != frame.rawShort(20) { return false }
            if head.octet(22) != frame.octet(22) { return false }
            // Of packets that must not be cut further the number means nothing (RFC 6864 section 4.1); others' are in sequence.
            if head.octet(20) & 0x40 == 0, frame.short(18) != (head.short(18) &+ flow.pointee.frames) & 0xffff {
                return false
            }
        }
        if shape.isTCP {
            let l4 = shape.l4
            if frame.word(l4 + 4) != flow.pointee.nextSequence || head.rawWord(l4 + 8) != frame.rawWord(l4 + 8) {
                return false
            }
            if head.octet(l4 + 12) != frame.octet(l4 + 12) || head.rawShort(l4 + 14) != frame.rawShort(l4 + 14) {
                return false
            }
            var at = l4 + 20
            while at < shape.headers {
                if head.rawWord(at) != frame.rawWord(at) { return false }
                at &+= 4
            }
        }
        return true
    }

    @inline(__always) private mutating func join(_ index: Int, _ frame: PacketBytes, _ count: Int, _ shape: Shape) {
        let flow = flows + index
        let payload = count - shape.headers
        vectors[index &* Self.mostFrames &+ flow.pointee.frames] = iovec(
            iov_base: frame + shape.headers, iov_len: payload)
        flow.pointee.frames &+= 1
        flow.pointee.payload &+= payload
        if shape.isTCP {
            flow.pointee.nextSequence = flow.pointee.nextSequence &+ UInt32(truncatingIfNeeded: payload)
            if frame.octet(shape.l4 + 13) & 0x08 != 0 { (flow.pointee.pushes, flow.pointee.isClosed) = (true, true) }
        }
        if payload < flow.pointee.segment { flow.pointee.isClosed = true }
        merged &+= 1
    }

    @inline(__always) private mutating func begin(_ frame: PacketBytes, _ count: Int, _ shape: Shape, _ network: Int) {
        let payload = count - shape.headers
        var flow = Flow(head: frame)
        (flow.network, flow.l4, flow.headers, flow.isV6, flow.isTCP) =
            (network, shape.l4, shape.headers, shape.isV6, shape.isTCP)
        (flow.segment, flow.payload, flow.frames) = (payload, payload, 1)
        flow.isClosed = !shape.joins
        if shape.joins, shape.isTCP {
            flow.nextSequence = frame.word(shape.l4 + 4) &+ UInt32(truncatingIfNeeded: payload)
            if frame.octet(shape.l4 + 13) & 0x08 != 0 { flow.isClosed = true }
        }
        flows[open] = flow
        vectors[open &* Self.mostFrames] = iovec(
            iov_base: frame - ESPLayout.vnetHeader, iov_len: count + ESPLayout.vnetHeader)
        open &+= 1
    }

    @inline(__always) private mutating func flush<Writer: FrameWriter & ~Copyable>(
        _ index: Int, into writer: inout Writer
    ) {
        let flow = flows + index
        let frame = flow.pointee.head
        let vnet = frame - ESPLayout.vnetHeader
        vnet.putRawLong(0, 0)
        vnet.putRawShort(8, 0)
        if flow.pointee.frames > 1 { finish(flow, frame, vnet) }
        writer.write(
            vectors + index &* Self.mostFrames, flow.pointee.frames, network: flow.pointee.network,
            frames: flow.pointee.frames)
        open &-= 1
        // The others keep their order.
        var at = index
        while at < open {
            flows[at] = flows[at &+ 1]
            let to = vectors + at &* Self.mostFrames
            to.update(from: vectors + (at &+ 1) &* Self.mostFrames, count: flows[at].frames)
            at &+= 1
        }
    }

    /// The headers of a super-frame: lengths, the sum that the kernel goes on from, and how it is to be cut.
    @inline(__always) private func finish(_ flow: UnsafeMutablePointer<Flow>, _ frame: PacketBytes, _ vnet: PacketBytes)
    {
        let l4 = flow.pointee.l4
        let total = flow.pointee.headers + flow.pointee.payload
        let (isTCP, isV6) = (flow.pointee.isTCP, flow.pointee.isV6)
        if isV6 {
            frame.putShort(18, total - 54)
        } else {
            frame.putShort(16, total - 14)
            InternetChecksum.putHeader(frame + 14, length: 20)
        }
        if !isTCP { frame.putShort(l4 + 4, total - l4) }
        if flow.pointee.pushes { frame.putOctet(l4 + 13, frame.octet(l4 + 13) | 0x08) }
        let field = isTCP ? 16 : 6
        // Not complemented: the sum of the pseudo-header alone.
        frame.putRawShort(
            l4 + field,
            InternetChecksum.fold(
                InternetChecksum.pseudo(
                    ip: frame + 14, isV6: isV6, protocol: isTCP ? ESPLayout.tcp : ESPLayout.udp, length: total - l4)))
        vnet.putOctet(0, 1)
        vnet.putOctet(1, isTCP ? (isV6 ? SegmentationKind.tcp6 : SegmentationKind.tcp4) : SegmentationKind.udp)
        vnet.putRawShort(2, UInt16(truncatingIfNeeded: flow.pointee.headers))
        vnet.putRawShort(4, UInt16(truncatingIfNeeded: flow.pointee.segment))
        vnet.putRawShort(6, UInt16(truncatingIfNeeded: l4))
        vnet.putRawShort(8, UInt16(truncatingIfNeeded: field))
    }
}
