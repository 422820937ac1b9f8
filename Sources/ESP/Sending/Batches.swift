import CESP
import Glibc

/// What a peer is sent to with, for one lane.
struct OutboundPeer: BitwiseCopyable {
    var endpoint = cesp_endpoint()
    var cipher: OpaquePointer?
    var spi: UInt32 = 0
    /// The last number used, shared with whoever else has it mapped.
    var number: UnsafeMutablePointer<UInt64>?
    /// Whose socket it is sent from: the lane of the key.
    var lane = 0
    var keepsAlive = false
    /// Second from which batches are tried again; 0: they work.
    var singlyUntil: UInt64 = 0
    var packets: UInt64 = 0
    var bytes: UInt64 = 0
    /// Seconds of the last tellings, lest they be told more than once a minute.
    var toldNarrow: UInt64 = 0
    var toldExhausted = false
}

/// Counts, as the shim's calls end.
struct SendCounters {
    var sends: UInt64 = 0
    var segments: UInt64 = 0
    var errors: UInt64 = 0
    var noBuffers: UInt64 = 0
    var unreachable: UInt64 = 0
    var tooLong: UInt64 = 0
}

/// Seals frames into batches, one send each: up to four are open at a time, each for one peer and one traffic class.
struct Batches: ~Copyable {
    static let mostOpen = 4
    static let mostLanes = 4
    private static let roomBytes = 65_536 + 4096
    /// After which a route that took no batches is tried again, in seconds.
    private static let timeout: UInt64 = 3600
    /// The last number that may be used with a key.
    static let lastNumber: UInt64 = 1 << 63

    private struct Batch {
        var room: PacketBytes
        var peer = -1
        var trafficClass = 0
        var used = 0
        var segment = 0
        var count = 0
        var isClosed = false
    }

    var peers = RecordPool(empty: OutboundPeer())
    var counters = SendCounters()
    private let batches: UnsafeMutablePointer<Batch>
    private var next = 0
    private let events: @Sendable (LaneEvent) -> Void
    /// By lane; -1 where there is none.
    private let sockets: UnsafeMutablePointer<Int32>

    // The frame that is being cut: to whom, and with what.
    private var peer = 0
    private var vni: UInt32 = 0
    private var sourcePort = 0
    private var trafficClass = 0
    private(set) var sealed: UInt64 = 0
    private(set) var refused: UInt64 = 0

    init(events: @escaping @Sendable (LaneEvent) -> Void) {
        self.events = events
        sockets = .allocate(capacity: Self.mostLanes)
        sockets.initialize(repeating: -1, count: Self.mostLanes)
        batches = .allocate(capacity: Self.mostOpen)
        for index in 0..<Self.mostOpen {
            (batches + index).initialize(
                to: Batch(room: .allocate(byteCount: Self.roomBytes, alignment: 4096)))
        }
    }

    deinit {
        for index in 0..<Self.mostOpen { (batches + index).pointee.room.deallocate() }
        batches.deallocate()
        for lane in 0..<Self.mostLanes where sockets[lane] >= 0 { close(sockets[lane]) }
        sockets.deallocate()
    }

    /// Takes a lane's socket over, and closes the one before; -1 for none.
    mutating func setSocket(_ socket: Int32, lane: Int) {
        guard (0..<Self.mostLanes).contains(lane) else { return }
        if sockets[lane] >= 0 { close(sockets[lane]) }
        sockets[lane] = socket
    }

    /// Says where the next frames go. False: there is no key, or no way, to that peer.
    @inline(__always) mutating func aim(peer: Int, vni: UInt32, sourcePort: Int, trafficClass: Int) -> Bool {
        let record = peers[peer]
        guard record.pointee.cipher != nil, record.pointee.endpoint.version != 0,
            sockets[record.pointee.lane] >= 0
        else { return false }
        (self.peer, self.vni, self.sourcePort, self.trafficClass) = (peer, vni, sourcePort, trafficClass)
        return true
    }

    /// Sends what is open.
    mutating func flushAll() {
        var index = 0
        while index < Self.mostOpen {
            if (batches + index).pointee.count > 0 { flush(index) }
            index &+= 1
        }
    }

    /// Room for a packet of that length at the end of a batch of the present peer.
    @inline(__always) private mutating func place(_ length: Int) -> Int {
        var index = 0
        var free = -1
        while index < Self.mostOpen {
            let batch = batches + index
            if batch.pointee.count == 0 {
                free = index
            } else if batch.pointee.peer == peer, batch.pointee.trafficClass == trafficClass {
                if batch.pointee.isClosed || length > batch.pointee.segment
                    || batch.pointee.used + length > ESPLayout.longestSend
                    || batch.pointee.count == ESPLayout.mostSegments
                {
                    flush(index)
                }
                free = index
                break
            }
            index &+= 1
        }
        if free < 0 {
            free = next
            next = (next &+ 1) % Self.mostOpen
            flush(free)
        }
        let batch = batches + free
        if batch.pointee.count == 0 {
            batch.pointee.peer = peer
            batch.pointee.trafficClass = trafficClass
            (batch.pointee.segment, batch.pointee.isClosed) = (length, false)
        } else if length < batch.pointee.segment {
            batch.pointee.isClosed = true
        }
        return free
    }

    private mutating func flush(_ index: Int) {
        let batch = batches + index
        let record = peers[batch.pointee.peer]
        let (count, segment, used) = (batch.pointee.count, batch.pointee.segment, batch.pointee.used)
        let trafficClass = UInt32(truncatingIfNeeded: batch.pointee.trafficClass)
        (batch.pointee.count, batch.pointee.used) = (0, 0)
        if count > 1, record.pointee.singlyUntil == 0 || cesp_seconds() >= record.pointee.singlyUntil {
            record.pointee.singlyUntil = 0
            let size = UInt32(truncatingIfNeeded: segment)
            let sent = cesp_send(
                sockets[record.pointee.lane], &record.pointee.endpoint, batch.pointee.room, used, size, trafficClass)
            if sent >= 0 {
                counters.sends &+= 1
                counters.segments &+= UInt64(truncatingIfNeeded: count)
                return
            }
            switch CInt(truncatingIfNeeded: -sent) {
            case EIO:  // the route takes no batches
                record.pointee.singlyUntil = cesp_seconds() + Self.timeout
                events(.noSegmentation(peer: batch.pointee.peer))
            case EINVAL, EMSGSIZE:  // longer than the path takes
                counters.tooLong &+= 1
                tellNarrow(batch.pointee.peer)
            default:
                fail(sent)
                return
            }
        }
        // Singly: a fragment is better than a black hole.
        var at = 0
        while at < used {
            let length = min(segment, used - at)
            let sent = cesp_send(
                sockets[record.pointee.lane], &record.pointee.endpoint, batch.pointee.room + at, length, 0, trafficClass
            )
            if sent >= 0 {
                counters.sends &+= 1
                counters.segments &+= 1
            } else {
                fail(sent)
            }
            at &+= length
        }
    }

    private mutating func tellNarrow(_ peer: Int) {
        let now = cesp_seconds()
        let record = peers[peer]
        if record.pointee.toldNarrow != 0, now < record.pointee.toldNarrow + 60 { return }
        record.pointee.toldNarrow = max(1, now)
        events(.pathTooNarrow(peer: peer))
    }

    private mutating func fail(_ result: Int) {
        counters.errors &+= 1
        switch CInt(truncatingIfNeeded: -result) {
        case ENOBUFS, EAGAIN: counters.noBuffers &+= 1
        // EPERM: a rule drops it.
        case ENETUNREACH, EHOSTUNREACH, ECONNREFUSED, EPERM: counters.unreachable &+= 1
        case EMSGSIZE, EINVAL: counters.tooLong &+= 1
        default: break
        }
    }

    /// One byte FF to each peer that wants it (RFC 3948 section 2.3).
    mutating func keepAlive() {
        var mark: UInt8 = 0xff
        for index in 0..<peers.count {
            let record = peers[index]
            let socket = sockets[record.pointee.lane]
            if record.pointee.keepsAlive, record.pointee.endpoint.version != 0, socket >= 0 {
                _ = cesp_send(socket, &record.pointee.endpoint, &mark, 1, 0, 0)
            }
        }
    }
}

extension Batches: FrameTaker {
    /// Seals the frame into a batch, with VXLAN and UDP before it and the trailer behind it.
    @inline(__always) mutating func take(_ frame: PacketBytes, _ count: Int) {
        let total = Encapsulation.length(count)
        let record = peers[peer]
        guard total <= ESPLayout.longestSend, let number = record.pointee.number, let cipher = record.pointee.cipher
        else {
            refused &+= 1
            return
        }
        // Taken before it is used, so whoever goes on after this process begins behind it.
        let sequence = cesp_take(number)
        guard sequence < Self.lastNumber else {
            cesp_store(number, Self.lastNumber)
            refused &+= 1
            if !record.pointee.toldExhausted { events(.sequenceExhausted(peer: peer)) }
            record.pointee.toldExhausted = true
            return
        }
        let batch = batches + place(total)
        let isSealed = Encapsulation.seal(
            frame, count, vni: vni, sourcePort: sourcePort, spi: record.pointee.spi, sequence: sequence, cipher: cipher,
            into: batch.pointee.room + batch.pointee.used)
        // What was not sealed is not sent.
        guard isSealed else {
            refused &+= 1
            return
        }
        batch.pointee.used &+= total
        batch.pointee.count &+= 1
        record.pointee.packets &+= 1
        record.pointee.bytes &+= UInt64(truncatingIfNeeded: count)
        sealed &+= 1
    }
}
