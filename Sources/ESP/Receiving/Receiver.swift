import CESP
import ESPControl
import Glibc
import LinuxSystem

/// What a lane's receiving thread is told. Descriptors and ciphers are the thread's from then on.
enum ReceiverCommand: Sendable {
    case socket(CInt)
    case openNetwork(Int, device: CInt, vni: UInt32)
    case closeNetwork(Int)
    case member(network: Int, peer: Int, Bool)
    /// Where a peer is, for this lane: what differs from it is told.
    case endpoint(peer: Int, UnderlayEndpoint)
    case association(InboundKey)
    case removeAssociation(spi: UInt32)
    case snapshot(SnapshotBox)
    case stop
}

/// A key for receiving, with where its highest number is.
struct InboundKey: Sendable {
    let spi: UInt32
    let peer: Int
    let cipher: PacketCipher
    let place: CounterPages.Place
}

/// The devices of a lane's networks, for what was received.
struct DeviceWriter: FrameWriter, ~Copyable {
    struct Network: BitwiseCopyable {
        var device: Int32 = -1
        var vni: UInt32 = 0
        var framesIn: UInt64 = 0
        var bytesIn: UInt64 = 0
        var merged: UInt64 = 0
        var strangers: UInt64 = 0
        var congested: UInt64 = 0
        var errors: UInt64 = 0
    }

    var networks = RecordPool(empty: Network())
    private(set) var writes: UInt64 = 0
    private let events: @Sendable (LaneEvent) -> Void

    init(events: @escaping @Sendable (LaneEvent) -> Void) { self.events = events }

    @inline(__always) mutating func write(_ vectors: UnsafePointer<iovec>, _ count: Int, network: Int, frames: Int) {
        let record = networks[network]
        guard record.pointee.device >= 0 else { return }
        let written = cesp_writev(record.pointee.device, vectors, CInt(truncatingIfNeeded: count))
        writes &+= 1
        if written >= 0 {
            record.pointee.framesIn &+= 1
            record.pointee.merged &+= UInt64(truncatingIfNeeded: frames &- 1)
            record.pointee.bytesIn &+= UInt64(truncatingIfNeeded: written &- ESPLayout.vnetHeader)
            return
        }
        record.pointee.errors &+= 1
        if CInt(truncatingIfNeeded: -written) == EBADFD {
            close(record.pointee.device)
            record.pointee.device = -1
            events(.deviceGone(network: network))
        }
    }
}

/// A lane's receiving thread: the socket → packets → opened where they are → joined frames → the devices.
struct Receiver: ~Copyable {
    private struct Association {
        var spi: UInt32
        var peer: Int
        var cipher: PacketCipher
        var window: ReplayWindow
        var packets: UInt64 = 0
        var bytes: UInt64 = 0
        var replayed: UInt64 = 0
        var badICV: UInt64 = 0
        /// What was told of, and when.
        var toldBadICV: UInt64 = 0
        var toldAt: UInt64 = 0
        /// Second since which nothing but replays has come; 0: something else was last.
        var replaysSince: UInt64 = 0
        var toldReplays = false
    }

    /// Seconds between two tellings of the same, and of nothing but replays before they are told.
    private static let quiet: UInt64 = 60
    private static let timeout: UInt64 = 10

    private let mailbox: ThreadMailbox<ReceiverCommand>
    private let events: @Sendable (LaneEvent) -> Void
    private let lane: Int
    private let ring: OpaquePointer
    private let messages: UnsafeMutablePointer<cesp_message>
    private var socket: Int32 = -1
    private var coalescer = Coalescer()
    private var writer: DeviceWriter
    private let associations: UnsafeMutablePointer<Association>
    private var free: [Int]
    private var bySPI = NumberTable()
    private var byVNI = NumberTable()
    /// Networks and peers: ``memberKey(_:_:)``.
    private var members = NumberTable()
    private var endpoints = RecordPool(empty: cesp_endpoint())
    private var counters = EncryptionLaneCounters()
    private var toldUnknown: UInt64 = 0
    private var toldUnknownAt: UInt64 = 0
    private var droppedBefore: UInt32 = 0

    /// Inbound associations of one lane at a time: three for each of as many peers as a swarm has.
    static let mostAssociations = 1 << 16

    init(mailbox: ThreadMailbox<ReceiverCommand>, lane: Int, events: @escaping @Sendable (LaneEvent) -> Void)
        throws(SystemError)
    {
        guard let ring = cesp_ring_new() else { throw SystemError(errno: ENOMEM, attempting: "make room for packets") }
        self.mailbox = mailbox
        self.lane = lane
        self.events = events
        self.ring = ring
        messages = .allocate(capacity: Int(CESP_MESSAGES))
        messages.initialize(repeating: cesp_message(), count: Int(CESP_MESSAGES))
        writer = DeviceWriter(events: events)
        // Reserved, and used from the front: pages that nobody has touched cost nothing.
        associations = .allocate(capacity: Self.mostAssociations)
        free = Array((0..<Self.mostAssociations).reversed())
    }

    deinit {
        cesp_ring_free(ring)
        messages.deallocate()
        associations.deallocate()
        if socket >= 0 { close(socket) }
    }

    /// Runs until it is told to stop; nothing is left open then.
    mutating func run() {
        while true {
            if mailbox.hasSome, !obey() { break }
            let count = socket < 0 ? -EAGAIN : cesp_ring_receive(ring, socket, messages)
            if count <= 0 {
                if count != -EAGAIN, count != -EINTR, count != 0 { usleep(10_000) }
                if !rest() { break }
                continue
            }
            counters.receives &+= 1
            counters.datagrams &+= UInt64(truncatingIfNeeded: count)
            var index: CInt = 0
            while index < count {
                if let start = cesp_ring_bytes(ring, index) {
                    message(messages + Int(truncatingIfNeeded: index), start)
                }
                index &+= 1
            }
            // Frames are where they were received, which is written over next.
            coalescer.flushAll(into: &writer)
        }
        for index in 0..<writer.networks.count { closeNetwork(index) }
        var all: [UInt32] = []
        bySPI.forEach { spi, _ in all.append(UInt32(truncatingIfNeeded: spi)) }
        for spi in all { removeAssociation(spi) }
    }

    /// Waits until there is something. False: to stop.
    private mutating func rest() -> Bool {
        var polled = (
            pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
            pollfd(fd: mailbox.event, events: Int16(POLLIN), revents: 0)
        )
        let isTold = withUnsafeMutableBytes(of: &polled) { bytes in
            let both = bytes.assumingMemoryBound(to: pollfd.self)
            poll(both.baseAddress, 2, -1)
            return both.last?.revents != 0
        }
        return isTold ? obey() : true
    }

    @inline(__always) private mutating func message(_ message: UnsafeMutablePointer<cesp_message>, _ start: PacketBytes)
    {
        if message.pointee.dropped != droppedBefore {
            droppedBefore = message.pointee.dropped
            counters.socketDrops = UInt64(truncatingIfNeeded: droppedBefore)
        }
        guard message.pointee.truncated == 0 else {
            counters.truncated &+= 1
            return
        }
        let total = Int(truncatingIfNeeded: message.pointee.length)
        let size = max(1, Int(truncatingIfNeeded: message.pointee.segment))
        var offset = 0
        while offset < total {
            packet(start + offset, min(size, total - offset), message)
            offset &+= size
        }
    }

    @inline(__always) private mutating func packet(
        _ packet: PacketBytes, _ count: Int, _ message: UnsafeMutablePointer<cesp_message>
    ) {
        counters.packets &+= 1
        guard count >= ESPLayout.shortest else {
            // A keepalive is one byte FF.
            if count != 1 || packet.octet(0) != 0xff { counters.malformed &+= 1 }
            return
        }
        let spi = packet.word(0)
        let index = bySPI.value(UInt64(truncatingIfNeeded: spi))
        guard index >= 0 else {
            unknown(spi)
            return
        }
        let association = associations + index
        let number = association.pointee.window.infer(packet.word(4))
        guard association.pointee.window.mayAccept(number) else {
            replayed(association)
            return
        }
        let body = count - ESPLayout.header - ESPLayout.icv
        guard association.pointee.cipher.open(packet, count: body, sequence: number) else {
            forged(association)
            return
        }
        let isNewest = number > association.pointee.window.top
        association.pointee.window.accept(number)
        if association.pointee.replaysSince != 0 { acceptedAgain(association) }
        let inner = packet + ESPLayout.header
        let peer = association.pointee.peer
        if isNewest, !Self.isSame(endpoints[peer], &message.pointee.from) { moved(peer, message.pointee.from) }
        guard let contents = Encapsulation.contents(inner, body: body) else {
            counters.malformed &+= 1
            return
        }
        association.pointee.packets &+= 1
        association.pointee.bytes &+= UInt64(truncatingIfNeeded: contents.length)
        let network = byVNI.value(UInt64(truncatingIfNeeded: contents.vni))
        guard network >= 0 else {
            counters.malformed &+= 1
            return
        }
        guard members.value(Self.memberKey(network, peer)) >= 0 else {
            writer.networks[network].pointee.strangers &+= 1
            return
        }
        let frame = inner + ESPLayout.prefix
        let outer = Int(truncatingIfNeeded: message.pointee.traffic_class) & 3
        guard CongestionMarks.admit(frame, contents.length, outer: outer) else {
            writer.networks[network].pointee.congested &+= 1
            return
        }
        coalescer.add(frame, contents.length, network: network, into: &writer)
    }

    @inline(__always) private static func memberKey(_ network: Int, _ peer: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: network) << 32 | UInt64(truncatingIfNeeded: peer)
    }

    @inline(__always) private static func isSame(
        _ known: UnsafeMutablePointer<cesp_endpoint>, _ from: inout cesp_endpoint
    ) -> Bool {
        known.pointee.address.0 == from.address.0 && known.pointee.address.1 == from.address.1
            && known.pointee.port_be == from.port_be && known.pointee.version == from.version
    }
}

/// What is rare.
extension Receiver {
    private mutating func unknown(_ spi: UInt32) {
        // No ESP at all (RFC 3948 section 2.2), and what is reserved.
        guard spi >= ESPLayout.leastSPI else {
            counters.malformed &+= 1
            return
        }
        counters.unknownSPI &+= 1
        let now = cesp_seconds()
        if toldUnknownAt != 0, now < toldUnknownAt + Self.quiet { return }
        events(.unknownSPI(count: counters.unknownSPI - toldUnknown))
        (toldUnknown, toldUnknownAt) = (counters.unknownSPI, max(1, now))
    }

    private func forged(_ association: UnsafeMutablePointer<Association>) {
        association.pointee.badICV &+= 1
        let now = cesp_seconds()
        if association.pointee.toldAt != 0, now < association.pointee.toldAt + Self.quiet { return }
        events(
            .badICV(spi: association.pointee.spi, count: association.pointee.badICV - association.pointee.toldBadICV))
        (association.pointee.toldBadICV, association.pointee.toldAt) = (association.pointee.badICV, max(1, now))
    }

    private func replayed(_ association: UnsafeMutablePointer<Association>) {
        association.pointee.replayed &+= 1
        let now = max(1, cesp_seconds())
        if association.pointee.replaysSince == 0 { association.pointee.replaysSince = now }
        if !association.pointee.toldReplays, now >= association.pointee.replaysSince + Self.timeout {
            association.pointee.toldReplays = true
            events(.onlyReplays(spi: association.pointee.spi, true))
        }
    }

    private func acceptedAgain(_ association: UnsafeMutablePointer<Association>) {
        association.pointee.replaysSince = 0
        if association.pointee.toldReplays { events(.onlyReplays(spi: association.pointee.spi, false)) }
        association.pointee.toldReplays = false
    }

    private mutating func moved(_ peer: Int, _ from: cesp_endpoint) {
        endpoints[peer].pointee = from
        events(.moved(peer: peer, lane: lane, UnderlayEndpoint(raw: from)))
    }

    /// Does what was asked. False: to stop.
    private mutating func obey() -> Bool {
        for command in mailbox.take() {
            switch command {
            case .socket(let other):
                if socket >= 0 { close(socket) }
                socket = other
                droppedBefore = 0
            case .openNetwork(let index, let device, let vni):
                writer.networks.reserve(index)
                let network = writer.networks[index]
                if network.pointee.device >= 0 { close(network.pointee.device) }
                if network.pointee.vni != vni { network.pointee = DeviceWriter.Network() }
                (network.pointee.device, network.pointee.vni) = (device, vni)
                byVNI.set(UInt64(truncatingIfNeeded: vni), index)
            case .closeNetwork(let index): closeNetwork(index)
            case .member(let network, let peer, let isMember):
                let key = Self.memberKey(network, peer)
                if isMember { members.set(key, 0) } else { members.remove(key) }
            case .endpoint(let peer, let endpoint):
                endpoints.reserve(peer)
                endpoints[peer].pointee = endpoint.raw
            case .association(let key): addAssociation(key)
            case .removeAssociation(let spi): removeAssociation(spi)
            case .snapshot(let box): box.put(snapshot())
            case .stop: return false
            }
        }
        return true
    }

    private mutating func closeNetwork(_ index: Int) {
        writer.networks.reserve(index)
        let network = writer.networks[index]
        if network.pointee.device >= 0 { close(network.pointee.device) }
        byVNI.remove(UInt64(truncatingIfNeeded: network.pointee.vni))
        network.pointee = DeviceWriter.Network()
        members.removeAll { key, _ in key >> 32 == UInt64(truncatingIfNeeded: index) }
    }

    private mutating func addAssociation(_ key: InboundKey) {
        removeAssociation(key.spi)
        guard let index = free.popLast() else { return key.cipher.free() }
        (associations + index).initialize(
            to: Association(
                spi: key.spi, peer: key.peer, cipher: key.cipher, window: ReplayWindow(kept: key.place.number)))
        endpoints.reserve(key.peer)
        bySPI.set(UInt64(truncatingIfNeeded: key.spi), index)
    }

    private mutating func removeAssociation(_ spi: UInt32) {
        let index = bySPI.value(UInt64(truncatingIfNeeded: spi))
        guard index >= 0 else { return }
        bySPI.remove(UInt64(truncatingIfNeeded: spi))
        (associations + index).pointee.cipher.free()
        (associations + index).pointee.window.free()
        free.append(index)
    }

    private mutating func snapshot() -> LaneSnapshot {
        var snapshot = LaneSnapshot()
        snapshot.number = lane
        snapshot.lane = counters
        snapshot.lane.writes = writer.writes
        snapshot.lane.badChecksums = coalescer.badChecksums
        for index in 0..<writer.networks.count where writer.networks[index].pointee.vni != 0 {
            let network = writer.networks[index].pointee
            var counters = EncryptedNetworkCounters()
            (counters.framesIn, counters.bytesIn, counters.merged) = (network.framesIn, network.bytesIn, network.merged)
            (counters.strangers, counters.congested) = (network.strangers, network.congested)
            counters.deviceErrors = network.errors
            snapshot.networks[index] = counters
        }
        let associations = associations
        var inbound: [UInt32: AssociationCounters] = [:]
        bySPI.forEach { spi, index in
            let association = (associations + index).pointee
            var counters = AssociationCounters()
            (counters.packets, counters.bytes) = (association.packets, association.bytes)
            (counters.replayed, counters.badICV) = (association.replayed, association.badICV)
            counters.sequence = association.window.top
            let key = UInt32(truncatingIfNeeded: spi)
            inbound[key] = counters
        }
        snapshot.inbound = inbound
        return snapshot
    }
}
