import CESP
import CLinux
import ESPControl
import Glibc
import LinuxSystem

/// What a lane's sending thread is told. Descriptors and ciphers are the thread's from then on.
enum SenderCommand: Sendable {
    case socket(CInt, lane: Int)
    case openNetwork(Int, device: CInt, vni: UInt32)
    case closeNetwork(Int)
    case station(network: Int, mac: UInt64, peer: Int, addresses: [NeighbourAnswers.Question])
    case removeStation(network: Int, mac: UInt64)
    case peer(Int, keepsAlive: Bool)
    case removePeer(Int)
    /// Where a peer is, for one lane.
    case endpoint(peer: Int, lane: Int, UnderlayEndpoint)
    /// What a peer is sent to with; `nil` for nothing.
    case key(peer: Int, OutboundKey?)
    case snapshot(SnapshotBox)
    case stop
}

/// A key for sending, with where its numbers are.
struct OutboundKey: Sendable {
    let spi: UInt32
    let lane: Int
    let endpoint: UnderlayEndpoint
    let cipher: PacketCipher
    let place: CounterPages.Place
}

/// A lane's sending thread: frames from all devices → segments → sealed batches → the socket.
struct Sender: ~Copyable {
    private struct Network: BitwiseCopyable {
        var device: Int32 = -1
        var vni: UInt32 = 0
        var framesOut: UInt64 = 0
        var bytesOut: UInt64 = 0
        var segments: UInt64 = 0
        var unknownDestination: UInt64 = 0
        var noAssociation: UInt64 = 0
        var malformed: UInt64 = 0
        var answered: UInt64 = 0
    }

    /// A network's number and an address that is asked for.
    private struct NeighbourKey: Hashable {
        let network: Int
        let question: NeighbourAnswers.Question
    }

    /// Reads from one device before it is the next one's turn.
    private static let mostReads = 64
    private static let headroom = 64
    private static let longestFrame = 65_536
    private static let mostReady = 64
    /// Seconds between keepalives (RFC 3948 section 4).
    private static let keepalive: UInt64 = 20
    private static let mailboxToken = UInt64.max

    private let mailbox: ThreadMailbox<SenderCommand>
    private let events: @Sendable (LaneEvent) -> Void
    private let epoll: Descriptor
    private var batches: Batches
    private var networks = RecordPool(empty: Network())
    /// Peers by network and address: ``stationKey(_:_:)``.
    private var stations = NumberTable()
    private var neighbours: [NeighbourKey: UInt64] = [:]
    /// Of each station, to remove them with it.
    private var addresses: [UInt64: [NeighbourAnswers.Question]] = [:]
    private let input: PacketBytes
    private let scratch: PacketBytes
    private let tokens: UnsafeMutablePointer<UInt64>
    private let hung: UnsafeMutablePointer<UInt8>
    private var reads: UInt64 = 0
    private var keptAlive: UInt64 = 0
    private var aliveCount = 0

    init(mailbox: ThreadMailbox<SenderCommand>, events: @escaping @Sendable (LaneEvent) -> Void) throws(SystemError) {
        let epoll = Descriptor(owning: try check(clinux_epoll_create(), "epoll_create1"))
        try check(clinux_epoll_add(epoll.raw, mailbox.event, Self.mailboxToken, 0), "watch the mailbox")
        self.mailbox = mailbox
        self.events = events
        self.epoll = epoll
        batches = Batches(events: events)
        input = .allocate(
            byteCount: Self.headroom + ESPLayout.vnetHeader + Self.longestFrame + 4096, alignment: 4096)
        scratch = .allocate(byteCount: 256, alignment: 64)
        tokens = .allocate(capacity: Self.mostReady)
        tokens.initialize(repeating: 0, count: Self.mostReady)
        hung = .allocate(capacity: Self.mostReady)
        hung.initialize(repeating: 0, count: Self.mostReady)
    }

    deinit {
        input.deallocate()
        scratch.deallocate()
        tokens.deallocate()
        hung.deallocate()
    }

    /// Runs until it is told to stop; nothing is left open then.
    mutating func run() {
        while true {
            if mailbox.hasSome, !obey() { break }
            let ready = cesp_epoll_wait(epoll.raw, tokens, hung, CInt(truncatingIfNeeded: Self.mostReady), pause())
            var index = 0
            var isTold = false
            while index < Int(truncatingIfNeeded: ready) {
                if tokens[index] == Self.mailboxToken {
                    isTold = true
                } else {
                    readDevice(Int(truncatingIfNeeded: tokens[index]))
                }
                index &+= 1
            }
            // Nothing waits for the next frame: there may be none.
            batches.flushAll()
            if isTold, !obey() { break }
            if aliveCount > 0, cesp_seconds() >= keptAlive + Self.keepalive {
                keptAlive = cesp_seconds()
                batches.keepAlive()
            }
        }
        for index in 0..<networks.count { closeNetwork(index) }
        for index in 0..<batches.peers.count { setKey(index, nil) }
    }

    /// Milliseconds until a keepalive is due; -1 without any.
    private func pause() -> CInt {
        if aliveCount == 0 { return -1 }
        let now = cesp_seconds()
        let due = keptAlive + Self.keepalive
        return now >= due ? 0 : CInt(truncatingIfNeeded: min(due - now, Self.keepalive)) * 1000
    }

    @inline(__always) private mutating func readDevice(_ index: Int) {
        let network = networks[index]
        guard network.pointee.device >= 0 else { return }
        let vnet = input + Self.headroom
        var count = 0
        while count < Self.mostReads {
            let length = cesp_read(network.pointee.device, vnet, ESPLayout.vnetHeader + Self.longestFrame)
            if length < 0 {
                let number = CInt(truncatingIfNeeded: -length)
                if number == EINTR { continue }
                if number != EAGAIN, number != EIO { lose(index) }
                return
            }
            count &+= 1
            reads &+= 1
            frame(network, index, vnet, length - ESPLayout.vnetHeader)
        }
    }

    /// The device is gone: told once, and not looked at again until it is opened anew.
    private mutating func lose(_ index: Int) {
        clinux_epoll_remove(epoll.raw, networks[index].pointee.device)
        close(networks[index].pointee.device)
        networks[index].pointee.device = -1
        events(.deviceGone(network: index))
    }

    @inline(__always) private mutating func frame(
        _ network: UnsafeMutablePointer<Network>, _ index: Int, _ vnet: PacketBytes, _ count: Int
    ) {
        guard count >= ESPLayout.ethernet else {
            network.pointee.malformed &+= 1
            return
        }
        let frame = vnet + ESPLayout.vnetHeader
        let mac = frame.ethernetAddress(0)
        if mac & 1 << 40 != 0 {
            answer(network, index, frame, count)
            return
        }
        let peer = stations.value(Self.stationKey(index, mac))
        guard peer >= 0 else {
            network.pointee.unknownDestination &+= 1
            return
        }
        let mark = CongestionMarks.inner(frame, count)
        guard
            batches.aim(
                peer: peer, vni: network.pointee.vni, sourcePort: Self.sourcePort(frame, count), trafficClass: mark)
        else {
            network.pointee.noAssociation &+= 1
            return
        }
        switch Segmenter.cut(vnet, count: count, scratch: scratch, into: &batches) {
        case .taken(let segments):
            network.pointee.framesOut &+= 1
            network.pointee.bytesOut &+= UInt64(truncatingIfNeeded: count)
            network.pointee.segments &+= UInt64(truncatingIfNeeded: segments)
        case .malformed: network.pointee.malformed &+= 1
        }
    }

    /// A broadcast or multicast leaves the node never; who asks for an endpoint's address is answered.
    private mutating func answer(
        _ network: UnsafeMutablePointer<Network>, _ index: Int, _ frame: PacketBytes, _ count: Int
    ) {
        guard let question = NeighbourAnswers.question(frame, count),
            let mac = neighbours[NeighbourKey(network: index, question: question)]
        else {
            network.pointee.unknownDestination &+= 1
            return
        }
        let device = network.pointee.device
        withUnsafeTemporaryAllocation(byteCount: ESPLayout.vnetHeader + NeighbourAnswers.longest, alignment: 8) {
            room in
            guard let vnet = room.baseAddress else { return }
            room.initializeMemory(as: UInt8.self, repeating: 0)
            let length = NeighbourAnswers.write(
                vnet + ESPLayout.vnetHeader, to: frame, question: question, from: mac)
            var vector = iovec(iov_base: vnet, iov_len: ESPLayout.vnetHeader + length)
            _ = cesp_writev(device, &vector, 1)
        }
        network.pointee.answered &+= 1
    }

    @inline(__always) private static func stationKey(_ network: Int, _ mac: UInt64) -> UInt64 {
        UInt64(truncatingIfNeeded: network) << 48 | mac
    }

    /// RFC 7348 section 5: of a range, by the flow.
    @inline(__always) private static func sourcePort(_ frame: PacketBytes, _ count: Int) -> Int {
        var hash = frame.rawLong(0) ^ frame.rawLong(6) &* 3
        if count >= 38 {
            hash ^= frame.rawLong(26) &* 0x9e37_79b9_7f4a_7c15
            hash ^= UInt64(truncatingIfNeeded: frame.rawWord(34)) &* 0xc2b2_ae3d_27d4_eb4f
        }
        hash ^= hash >> 32
        hash ^= hash >> 16
        return 0xc000 | Int(truncatingIfNeeded: hash & 0x3fff)
    }
}

extension Sender {
    /// Does what was asked. False: to stop.
    private mutating func obey() -> Bool {
        for command in mailbox.take() {
            switch command {
            case .socket(let socket, let lane): batches.setSocket(socket, lane: lane)
            case .openNetwork(let index, let device, let vni):
                networks.reserve(index)
                closeDevice(index)
                let counted = networks[index].pointee.vni == vni ? networks[index].pointee : Network()
                networks[index].pointee = counted
                networks[index].pointee.vni = vni
                networks[index].pointee.device = device
                clinux_epoll_add(epoll.raw, device, UInt64(truncatingIfNeeded: index), 0)
            case .closeNetwork(let index): closeNetwork(index)
            case .station(let network, let mac, let peer, let questions):
                let key = Self.stationKey(network, mac)
                batches.peers.reserve(peer)
                forgetNeighbours(key, network)
                stations.set(key, peer)
                for question in questions { neighbours[NeighbourKey(network: network, question: question)] = mac }
                if !questions.isEmpty { addresses[key] = questions }
            case .removeStation(let network, let mac):
                let key = Self.stationKey(network, mac)
                forgetNeighbours(key, network)
                stations.remove(key)
            case .peer(let index, let keepsAlive):
                batches.peers.reserve(index)
                batches.peers[index].pointee.keepsAlive = keepsAlive
                countAlive()
            case .removePeer(let index):
                batches.peers.reserve(index)
                setKey(index, nil)
                batches.peers[index].pointee = OutboundPeer()
                countAlive()
            case .endpoint(let peer, let lane, let endpoint):
                batches.peers.reserve(peer)
                if batches.peers[peer].pointee.lane == lane { batches.peers[peer].pointee.endpoint = endpoint.raw }
            case .key(let peer, let key):
                batches.peers.reserve(peer)
                setKey(peer, key)
            case .snapshot(let box): box.put(snapshot())
            case .stop: return false
            }
        }
        return true
    }

    private mutating func countAlive() {
        let before = aliveCount
        aliveCount = (0..<batches.peers.count).count { batches.peers[$0].pointee.keepsAlive }
        // The first is due at once.
        if before == 0 { keptAlive = 0 }
    }

    private mutating func closeDevice(_ index: Int) {
        let device = networks[index].pointee.device
        guard device >= 0 else { return }
        clinux_epoll_remove(epoll.raw, device)
        close(device)
        networks[index].pointee.device = -1
    }

    private mutating func closeNetwork(_ index: Int) {
        networks.reserve(index)
        closeDevice(index)
        networks[index].pointee = Network()
        stations.removeAll { key, _ in key >> 48 == UInt64(truncatingIfNeeded: index) }
        neighbours = neighbours.filter { $0.key.network != index }
        addresses = addresses.filter { $0.key >> 48 != UInt64(truncatingIfNeeded: index) }
    }

    private mutating func forgetNeighbours(_ key: UInt64, _ network: Int) {
        for question in addresses.removeValue(forKey: key) ?? [] {
            // Another station may have the address by now.
            let neighbour = NeighbourKey(network: network, question: question)
            if neighbours[neighbour] == key & 0xffff_ffff_ffff { neighbours[neighbour] = nil }
        }
    }

    private mutating func setKey(_ peer: Int, _ key: OutboundKey?) {
        let record = batches.peers[peer]
        if let cipher = record.pointee.cipher { cesp_cipher_free(cipher) }
        record.pointee.cipher = key?.cipher.raw
        record.pointee.number = key?.place.number
        record.pointee.spi = key?.spi ?? 0
        (record.pointee.packets, record.pointee.bytes, record.pointee.toldExhausted) = (0, 0, false)
        guard let key else { return }
        record.pointee.lane = key.lane
        record.pointee.endpoint = key.endpoint.raw
    }

    private func snapshot() -> LaneSnapshot {
        var snapshot = LaneSnapshot()
        snapshot.lane.reads = reads
        snapshot.lane.sends = batches.counters.sends
        snapshot.lane.sentSegments = batches.counters.segments
        snapshot.lane.sendErrors = batches.counters.errors
        snapshot.lane.sendNoBuffers = batches.counters.noBuffers
        snapshot.lane.sendUnreachable = batches.counters.unreachable
        snapshot.lane.sendTooLong = batches.counters.tooLong
        for index in 0..<networks.count where networks[index].pointee.vni != 0 {
            let network = networks[index].pointee
            var counters = EncryptedNetworkCounters()
            (counters.framesOut, counters.bytesOut) = (network.framesOut, network.bytesOut)
            (counters.segments, counters.malformed) = (network.segments, network.malformed)
            (counters.unknownDestination, counters.noAssociation) =
                (network.unknownDestination, network.noAssociation)
            counters.neighboursAnswered = network.answered
            snapshot.networks[index] = counters
        }
        for index in 0..<batches.peers.count {
            let peer = batches.peers[index].pointee
            guard let number = peer.number else { continue }
            var counters = AssociationCounters()
            (counters.packets, counters.bytes, counters.sequence) = (peer.packets, peer.bytes, cesp_load(number))
            snapshot.outbound.append(LaneSnapshot.Outbound(peer: index, spi: peer.spi, counters: counters))
        }
        return snapshot
    }
}
