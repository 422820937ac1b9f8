import Addressing
import CESP
import ESPControl
import Glibc
import LinuxSystem

/// Keeps the wanted state and sees to it that devices, sockets and the lanes' threads have it. A change costs what it changes; what fails is a fault, and
/// is tried again. For one thread.
final class StateApplier {
    private static let socketBytes: CInt = 4 << 20

    /// What has been taken on of an association.
    struct Installed {
        let association: SecurityAssociation
        let place: CounterPages.Place
    }

    private(set) var state = EncryptionState()
    private(set) var version: UInt64 = 0
    /// What is not as wanted, with errno.
    private(set) var faults: [FaultKey: Int32] = [:]
    /// Whether they are others than those that were told.
    var hasNewFaults = false

    struct FaultKey: Hashable {
        let subject: EncryptionFault.Subject
        let code: EncryptionFault.Code
    }

    let pages: CounterPages
    let lanes: [EncryptionLane]
    private let devices: TapDevices
    /// Of networks, by VNI, while their devices are open: the applier's own descriptors, one a lane.
    private var opened: [UInt32: [CInt]] = [:]
    private(set) var networkNumbers: [UInt32: Int] = [:]
    private var freeNumbers = NumberAllocator()
    /// Peers keep their numbers: there are as many as nodes were ever told of.
    private var peerNumbers: [EncryptionPeerID: Int] = [:]
    private(set) var peerIDs: [EncryptionPeerID] = []
    var installed: [AssociationID: Installed] = [:]
    var inbound: [UInt32: AssociationID] = [:]
    /// Installed ones for sending to each peer.
    var candidates: [EncryptionPeerID: Set<AssociationID>] = [:]
    /// What each peer is sent to with, by lane.
    var chosen: [[EncryptionPeerID: SecurityAssociation]]
    /// Where peers are that are not where the state says, by lane.
    var moved: [EncryptionPeerID: [Int: UnderlayEndpoint]] = [:]

    /// - Parameter lanes: 1 … ``Batches/mostLanes``.
    init(pages: CounterPages, lanes: Int, events: ThreadMailbox<ApplierEvent>) throws(SystemError) {
        self.pages = pages
        devices = try TapDevices()
        var made: [EncryptionLane] = []
        var senders: [ThreadMailbox<SenderCommand>] = []
        for _ in 0..<lanes { senders.append(try ThreadMailbox()) }
        for number in senders.indices {
            made.append(try EncryptionLane(number: number, senders: senders, events: events))
        }
        self.lanes = made
        chosen = Array(repeating: [:], count: lanes)
    }

    /// Ends the lanes. Devices stay, for whoever comes next.
    func stop() {
        for lane in lanes { lane.stop() }
        for device in opened.values.joined() { close(device) }
        opened = [:]
    }

    /// Takes a whole state.
    func replace(with other: EncryptionState, version: UInt64) {
        for change in state.changes(to: other) { apply(change) }
        self.version = version
    }

    /// Takes changes.
    func apply(_ changes: [EncryptionChange], version: UInt64) {
        for change in changes { apply(change) }
        self.version = version
    }

    var faultList: [EncryptionFault] {
        faults.map { EncryptionFault($0.key.subject, $0.key.code, errno: $0.value) }
    }

    func set(_ code: EncryptionFault.Code, _ subject: EncryptionFault.Subject, errno: Int32 = 0) {
        if faults.updateValue(errno, forKey: FaultKey(subject: subject, code: code)) != errno { hasNewFaults = true }
    }

    func clear(_ code: EncryptionFault.Code, _ subject: EncryptionFault.Subject) {
        if faults.removeValue(forKey: FaultKey(subject: subject, code: code)) != nil { hasNewFaults = true }
    }

    /// Clears what is no more about anything.
    private func clear(where isOver: (FaultKey) -> Bool) {
        for key in faults.keys where isOver(key) { clear(key.code, key.subject) }
    }

    /// Whether something is to be tried again in a second.
    var isToTryAgain: Bool {
        faults.keys.contains { [.socketRefused, .deviceRefused, .deviceGone].contains($0.code) }
    }

    func tryAgain() {
        for key in faults.keys {
            switch (key.code, key.subject) {
            case (.socketRefused, _): openSockets()
            case (.deviceRefused, .network(let vni)), (.deviceGone, .network(let vni)): openDevice(vni)
            default: break
            }
        }
    }

    private func apply(_ change: EncryptionChange) {
        // What was is asked for by its key alone: a copy of the state would have to be made anew with every change.
        switch change {
        case .underlay(let underlay):
            let before = state.underlay
            state.apply(change)
            if underlay != before { underlayChanged(from: before) }
        case .network(let network):
            let known = state.networks[network.vni]?.device
            state.apply(change)
            if let known {
                if known.hasSameDevice(as: network) { return }
                closeNetwork(known, keepsDevice: known.tap == network.tap && known.namespace == network.namespace)
            }
            openNetwork(network.vni)
        case .removeNetwork(let vni):
            let known = state.networks[vni]?.device
            state.apply(change)
            if let known { closeNetwork(known, keepsDevice: false) }
        case .station(let vni, let mac, let station):
            state.apply(change)
            if let number = networkNumbers[vni] { tell(number, mac, station) }
        case .removeStation(let vni, let mac):
            state.apply(change)
            guard let number = networkNumbers[vni] else { return }
            for lane in lanes { lane.sender.post(.removeStation(network: number, mac: mac.number)) }
        case .member(let vni, let peer):
            state.apply(change)
            tell(vni, peer, isMember: true)
        case .removeMember(let vni, let peer):
            state.apply(change)
            tell(vni, peer, isMember: false)
        case .peer(let peer):
            let before = state.peers[peer.id]
            state.apply(change)
            setPeer(peer, before: before)
        case .removePeer(let id):
            state.apply(change)
            removePeer(id)
        case .association(let association):
            let before = state.associations[association.id]
            state.apply(change)
            if association != before { install(association) }
        case .removeAssociation(let id):
            state.apply(change)
            remove(id)
        }
    }

    private func underlayChanged(from before: EncryptionUnderlay?) {
        clear { [.pathTooNarrow, .noSegmentation].contains($0.code) }
        openSockets()
        if state.underlay?.address.family != before?.address.family { for peer in state.peers.keys { aim(peer) } }
    }

    // MARK: Sockets

    private func openSockets() {
        clear(.socketRefused, .underlay)
        for lane in lanes {
            var socket: CInt = -1
            if let underlay = state.underlay {
                // The one before has the port, unless it is another's.
                closeSocket(of: lane)
                var endpoint = UnderlayEndpoint(underlay.address, port: underlay.port, lane: lane.number).raw
                socket = cesp_udp_open(&endpoint, Self.socketBytes)
                if socket < 0 { set(.socketRefused, .underlay, errno: -socket) }
            }
            guard socket >= 0 else {
                closeSocket(of: lane)
                continue
            }
            for other in lanes { other.sender.post(.socket(fcntl(socket, F_DUPFD_CLOEXEC, 3), lane: lane.number)) }
            lane.receiver.post(.socket(socket))
        }
    }

    private func closeSocket(of lane: EncryptionLane) {
        for other in lanes { other.sender.post(.socket(-1, lane: lane.number)) }
        lane.receiver.post(.socket(-1))
    }

    // MARK: Networks

    private func openNetwork(_ vni: UInt32) {
        guard let network = state.networks[vni] else { return }
        let number = freeNumbers.take()
        networkNumbers[vni] = number
        openDevice(vni)
        for (mac, station) in network.stations { tell(number, mac, station) }
        for peer in network.members { tell(vni, peer, isMember: true) }
    }

    private func openDevice(_ vni: UInt32) {
        guard let network = state.networks[vni], let number = networkNumbers[vni] else { return }
        closeDevices(vni)
        clear(.deviceGone, .network(vni: vni))
        do throws(SystemError) {
            let queues = try devices.open(network, lanes: lanes.count)
            opened[vni] = queues
            for (lane, queue) in zip(lanes, queues) {
                lane.sender.post(.openNetwork(number, device: fcntl(queue, F_DUPFD_CLOEXEC, 3), vni: vni))
                lane.receiver.post(.openNetwork(number, device: fcntl(queue, F_DUPFD_CLOEXEC, 3), vni: vni))
            }
            clear(.deviceRefused, .network(vni: vni))
        } catch { set(.deviceRefused, .network(vni: vni), errno: error.errno) }
    }

    private func closeNetwork(_ network: EncryptedNetwork, keepsDevice: Bool) {
        guard let number = networkNumbers.removeValue(forKey: network.vni) else { return }
        if !keepsDevice, let device = opened[network.vni]?.first { _ = cesp_tap_release(device) }
        closeDevices(network.vni)
        for lane in lanes {
            lane.sender.post(.closeNetwork(number))
            lane.receiver.post(.closeNetwork(number))
        }
        freeNumbers.giveBack(number)
        clear { $0.subject == .network(vni: network.vni) }
    }

    private func closeDevices(_ vni: UInt32) {
        for device in opened.removeValue(forKey: vni) ?? [] { close(device) }
    }

    private func tell(_ network: Int, _ mac: MACAddress, _ station: EncryptedStation) {
        let questions = station.addresses.map(NeighbourAnswers.Question.init)
        for lane in lanes {
            lane.sender.post(
                .station(network: network, mac: mac.number, peer: number(station.peer), addresses: questions))
        }
    }

    private func tell(_ vni: UInt32, _ peer: EncryptionPeerID, isMember: Bool) {
        guard let network = networkNumbers[vni] else { return }
        for lane in lanes { lane.receiver.post(.member(network: network, peer: number(peer), isMember)) }
    }

    // MARK: Peers

    func number(_ peer: EncryptionPeerID) -> Int {
        if let number = peerNumbers[peer] { return number }
        peerNumbers[peer] = peerIDs.count
        peerIDs.append(peer)
        return peerIDs.count - 1
    }

    private func setPeer(_ peer: EncryptionPeer, before: EncryptionPeer?) {
        if peer == before { return }
        // Told last: the first keepalive goes at once, to where the peer is.
        defer {
            for lane in lanes { lane.sender.post(.peer(number(peer.id), keepsAlive: peer.keepsAlive)) }
        }
        if peer.address == before?.address, peer.port == before?.port { return }
        moved[peer.id] = nil
        for code in [EncryptionFault.Code.pathTooNarrow, .noSegmentation] { clear(code, .peer(peer.id)) }
        aim(peer.id)
        choose(peer.id)
    }

    private func removePeer(_ id: EncryptionPeerID) {
        moved[id] = nil
        clear { $0.subject == .peer(id) }
        for lane in lanes {
            chosen[lane.number][id] = nil
            lane.sender.post(.removePeer(number(id)))
            lane.receiver.post(.endpoint(peer: number(id), .none))
        }
    }

    /// Where a peer is, for a lane: where its datagrams come from, or where the state says.
    func endpoint(_ id: EncryptionPeerID, lane: Int) -> UnderlayEndpoint {
        if let place = moved[id]?[lane] { return place }
        guard let peer = state.peers[id], peer.address.family == state.underlay?.address.family ?? peer.address.family
        else { return .none }
        return UnderlayEndpoint(peer.address, port: peer.port, lane: lane)
    }

    /// Tells the lanes where the peer is.
    func aim(_ id: EncryptionPeerID) {
        if let peer = state.peers[id], let underlay = state.underlay, peer.address.family != underlay.address.family {
            set(.peerUnreachable, .peer(id))
        } else {
            clear(.peerUnreachable, .peer(id))
        }
        for lane in lanes {
            let place = endpoint(id, lane: lane.number)
            lane.receiver.post(.endpoint(peer: number(id), place))
            for other in lanes { other.sender.post(.endpoint(peer: number(id), lane: lane.number, place)) }
        }
    }
}

extension NeighbourAnswers.Question {
    init(_ address: IPAddress) {
        let number = address.number
        switch address.family {
        case .v4: self.init(version: 4, high: UInt64(truncatingIfNeeded: number) << 32, low: 0)
        case .v6:
            self.init(
                version: 6, high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number))
        }
    }
}

extension MACAddress {
    /// In the lower 48 bits.
    var number: UInt64 { octets.reduce(0) { $0 << 8 | UInt64(truncatingIfNeeded: $1) } }
}
