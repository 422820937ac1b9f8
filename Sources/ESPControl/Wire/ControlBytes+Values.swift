import Addressing

/// How the wanted state's facts are written.
extension ControlWriter {
    private typealias Kind = ChangeKind

    mutating func change(_ change: EncryptionChange) {
        switch change {
        case .underlay(let underlay):
            number(Kind.underlay.rawValue)
            optional(underlay) {
                $0.address($1.address)
                $0.number($1.port)
                $0.number(UInt32(clamping: $1.mtu))
            }
        case .network(let network):
            number(Kind.network.rawValue)
            number(network.vni)
            text(network.id)
            text(network.tap)
            text(network.namespace)
            number(UInt32(clamping: network.mtu))
        case .removeNetwork(let vni):
            number(Kind.removeNetwork.rawValue)
            number(vni)
        case .station(let vni, let mac, let station):
            number(Kind.station.rawValue)
            number(vni)
            blob(mac.octets)
            text(station.peer.rawValue)
            list(station.addresses) { $0.address($1) }
        case .removeStation(let vni, let mac):
            number(Kind.removeStation.rawValue)
            number(vni)
            blob(mac.octets)
        case .member(let vni, let peer):
            number(Kind.member.rawValue)
            number(vni)
            text(peer.rawValue)
        case .removeMember(let vni, let peer):
            number(Kind.removeMember.rawValue)
            number(vni)
            text(peer.rawValue)
        case .peer(let peer):
            number(Kind.peer.rawValue)
            text(peer.id.rawValue)
            address(peer.address)
            number(peer.port)
            flag(peer.keepsAlive)
        case .removePeer(let id):
            number(Kind.removePeer.rawValue)
            text(id.rawValue)
        case .association(let association):
            number(Kind.association.rawValue)
            identity(association.id)
            number(association.lane)
            number(association.epoch)
            blob(association.key.key)
            blob(association.key.salt)
            flag(association.sends)
            optional(association.page) { $0.number($1.rawValue) }
        case .removeAssociation(let id):
            number(Kind.removeAssociation.rawValue)
            identity(id)
        }
    }

    mutating func identity(_ id: AssociationID) {
        number(id.direction.rawValue)
        text(id.peer.rawValue)
        number(id.spi)
    }
}

/// Numbers of the kinds of changes.
enum ChangeKind: UInt8 {
    case underlay = 1, network, removeNetwork, station, removeStation, member, removeMember, peer, removePeer
    case association, removeAssociation
}

extension ControlReader {
    mutating func change() throws(ControlError) -> EncryptionChange {
        switch try choice(ChangeKind.self) {
        case .underlay:
            return .underlay(
                try optional { reader throws(ControlError) in
                    EncryptionUnderlay(
                        address: try reader.address(), port: try reader.number(),
                        mtu: Int(clamping: try reader.number(UInt32.self)))
                })
        case .network:
            let vni = try vni()
            let network = EncryptedNetwork(
                vni: vni, id: try text(), tap: try text(), namespace: try text(),
                mtu: Int(clamping: try number(UInt32.self)))
            guard (1...15).contains(network.tap.utf8.count), (68...65_535).contains(network.mtu) else {
                throw .value("network")
            }
            return .network(network)
        case .removeNetwork: return .removeNetwork(vni: try vni())
        case .station:
            return .station(
                vni: try vni(), try mac(),
                EncryptedStation(
                    peer: try peerID(),
                    addresses: try list { reader throws(ControlError) in try reader.address() }))
        case .removeStation: return .removeStation(vni: try vni(), try mac())
        case .member: return .member(vni: try vni(), try peerID())
        case .removeMember: return .removeMember(vni: try vni(), try peerID())
        case .peer:
            return .peer(
                EncryptionPeer(
                    id: try peerID(), address: try address(), port: try number(), keepsAlive: try flag()))
        case .removePeer: return .removePeer(try peerID())
        case .association: return .association(try association())
        case .removeAssociation: return .removeAssociation(try identity())
        }
    }

    mutating func identity() throws(ControlError) -> AssociationID {
        AssociationID(try choice(), peer: try peerID(), spi: try number())
    }

    private mutating func association() throws(ControlError) -> SecurityAssociation {
        let id = try identity()
        let lane: UInt8 = try number()
        let epoch: UInt64 = try number()
        guard let key = AssociationKey(key: try blob(most: 32), salt: try blob(most: 4)) else { throw .value("key") }
        return SecurityAssociation(
            id: id, lane: lane, epoch: epoch, key: key, sends: try flag(),
            page: try optional { reader throws(ControlError) in CounterPageID(try reader.number()) })
    }

    private mutating func vni() throws(ControlError) -> UInt32 {
        let vni: UInt32 = try number()
        guard (1..<1 << 24).contains(vni) else { throw .value("VNI") }
        return vni
    }

    private mutating func mac() throws(ControlError) -> MACAddress {
        let octets = try blob(most: 6)
        guard octets.count == 6 else { throw .value("MAC") }
        return MACAddress(octets: octets)
    }

    fileprivate mutating func peerID() throws(ControlError) -> EncryptionPeerID { EncryptionPeerID(try text()) }
}

/// How what the process says is written.
extension ControlWriter {
    mutating func hello(_ hello: EncryptionHello) {
        number(hello.protocolVersion)
        number(hello.pid)
        text(hello.productVersion)
        number(hello.page.rawValue)
        number(hello.lanes)
        text(hello.cipher)
        number(hello.version)
    }

    mutating func subject(_ subject: EncryptionFault.Subject) {
        switch subject {
        case .underlay: number(SubjectKind.underlay.rawValue)
        case .network(let vni):
            number(SubjectKind.network.rawValue)
            number(vni)
        case .peer(let peer):
            number(SubjectKind.peer.rawValue)
            text(peer.rawValue)
        case .association(let id):
            number(SubjectKind.association.rawValue)
            identity(id)
        }
    }

    mutating func fault(_ fault: EncryptionFault) {
        subject(fault.subject)
        number(fault.code.rawValue)
        number(fault.errno)
    }

    mutating func counters<Counters: CounterSet>(_ counters: Counters) {
        list(Counters.fields) { $0.number(counters[keyPath: $1.path]) }
    }

    mutating func report(_ report: EncryptionReport) {
        number(report.version)
        list(report.faults) { $0.fault($1) }
        list(report.networks) {
            $0.number($1.key)
            $0.counters($1.value)
        }
        list(report.associations) {
            $0.identity($1.key)
            $0.counters($1.value)
        }
        list(report.lanes) { $0.counters($1) }
        list(report.moved) {
            $0.text($1.key.rawValue)
            $0.address($1.value.address)
            $0.number($1.value.port)
        }
    }
}

/// Numbers of the kinds of subjects.
enum SubjectKind: UInt8 { case underlay = 1, network, peer, association }

extension ControlReader {
    mutating func hello() throws(ControlError) -> EncryptionHello {
        let version: UInt32 = try number()
        let pid: Int32 = try number()
        guard version == EncryptionHello.protocolVersion else {
            return EncryptionHello(
                protocolVersion: version, productVersion: "", pid: pid, page: CounterPageID(0), lanes: 0, cipher: "",
                version: 0)
        }
        return EncryptionHello(
            productVersion: try text(), pid: pid, page: CounterPageID(try number()), lanes: try number(),
            cipher: try text(), version: try number())
    }

    mutating func subject() throws(ControlError) -> EncryptionFault.Subject {
        switch try choice(SubjectKind.self) {
        case .underlay: .underlay
        case .network: .network(vni: try number())
        case .peer: .peer(try peerID())
        case .association: .association(try identity())
        }
    }

    mutating func fault() throws(ControlError) -> EncryptionFault {
        EncryptionFault(try subject(), try choice(), errno: try number())
    }

    /// Fields that are not there stay 0, further ones are left out.
    mutating func counters<Counters: CounterSet>() throws(ControlError) -> Counters {
        var counters = Counters()
        let values = try list { reader throws(ControlError) in try reader.number(UInt64.self) }
        for (field, value) in zip(Counters.fields, values) { counters[keyPath: field.path] = value }
        return counters
    }

    mutating func report() throws(ControlError) -> EncryptionReport {
        var report = EncryptionReport()
        report.version = try number()
        report.faults = try list { reader throws(ControlError) in try reader.fault() }
        for (vni, counters) in try list({ reader throws(ControlError) -> (UInt32, EncryptedNetworkCounters) in
            (try reader.number(), try reader.counters())
        }) {
            report.networks[vni] = counters
        }
        for (id, counters) in try list({ reader throws(ControlError) -> (AssociationID, AssociationCounters) in
            (try reader.identity(), try reader.counters())
        }) {
            report.associations[id] = counters
        }
        report.lanes = try list { reader throws(ControlError) in try reader.counters() }
        for (peer, endpoint) in try list({ reader throws(ControlError) -> (EncryptionPeerID, EncryptionEndpoint) in
            (try reader.peerID(), EncryptionEndpoint(address: try reader.address(), port: try reader.number()))
        }) {
            report.moved[peer] = endpoint
        }
        return report
    }
}
