package import Foundation
package import Model
import Addressing
import SwiftProtobuf

extension NetworkChangeSet {
    /// The set as ``Wire/NetworkChanges``, in pieces of about ``Wire/pieceBytes`` bytes, each for one message. A fact larger than a piece travels alone.
    package func encoded() throws -> [Data] {
        var piece = Wire.NetworkChanges(self)
        var pieces: [Data] = []
        var weight = 0
        func add(_ more: Int) throws {
            if weight > 0, weight + more > Wire.pieceBytes {
                piece.more = true
                pieces.append(try piece.serializedData())
                piece = Wire.NetworkChanges(self)
                weight = 0
            }
            weight += more
        }
        for fact in upserts {
            try add(fact.weight)
            piece.upserts.append(Wire.NetworkFact(fact))
        }
        for key in removals {
            try add(NetworkFact.Key.weight)
            piece.removals.append(Wire.NetworkKey(key))
        }
        pieces.append(try piece.serializedData())
        return pieces
    }
}

extension Wire.NetworkChanges {
    /// What all pieces of a set have in common.
    fileprivate init(_ set: NetworkChangeSet) {
        self.init()
        network = set.scope.networkID
        sequence = set.sequence
        snapshot = set.isSnapshot
        end = set.isEnd
        quiet = set.isQuiet
    }
}

extension NetworkFact.Scope {
    /// As messages name it: empty for the swarm.
    package var networkID: String {
        switch self {
        case .swarm: ""
        case .network(let id): id
        }
    }

    /// - Parameter networkID: As ``networkID``.
    package init(networkID: String) { self = networkID.isEmpty ? .swarm : .network(networkID) }
}

extension NetworkFact {
    /// About how many bytes it has in a message; rather more.
    fileprivate var weight: Int {
        switch self {
        case .settings(let settings): 64 + 24 * (settings.managers.count + settings.controlPorts.count)
        case .subnets(_, let subnets): 128 + 24 * subnets.count
        case .network(let network): 1024 + network.spec.weight + (network.driverState?.weight ?? 0)
        case .endpoint(_, let endpoint): 512 + endpoint.names.reduce(0) { $0 + $1.utf8.count + 4 }
        case .service(_, let service): 256 + (service.aliases + [service.name]).reduce(0) { $0 + $1.utf8.count + 4 }
        case .peer(let peer): 256 + peer.hostname.utf8.count
        case .port, .meshBackend, .backend: 128
        }
    }
}

extension NetworkFact.Key {
    /// The same of any key.
    fileprivate static let weight = 128
}

extension SwarmNetworkSpec {
    fileprivate var weight: Int {
        labels.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 8 } + (driverConfiguration?.weight ?? 0)
    }
}

extension Driver {
    fileprivate var weight: Int {
        name.utf8.count + (options ?? [:]).reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 8 }
    }
}

// MARK: Facts

extension Wire.NetworkFact {
    init(_ fact: NetworkFact) {
        self.init()
        switch fact {
        case .settings(let settings):
            self.settings = .with {
                $0.dataPathPort = UInt32(clamping: settings.dataPathPort)
                $0.controlPorts = settings.controlPorts.map { UInt32(clamping: $0) }
                $0.managers = settings.managers.map { Data($0.octets) }
            }
        case .peer(let peer):
            self.peer = .with {
                $0.nodeID = peer.nodeID
                $0.hostname = peer.hostname
                $0.address = Data(peer.address.octets)
                $0.ingressAddresses = (peer.ingressAddresses?.all ?? []).map(\.wire)
                if let tag = peer.assignedIngressTag { $0.ingressTag = tag.number }
                if let place = peer.encryption { $0.encryption = Wire.NetworkPeerEncryption(place) }
            }
        case .subnets(let network, let subnets):
            self.subnets = .with {
                $0.network = network
                $0.subnets = subnets.map(\.wire)
            }
        case .port(let port):
            let own = Wire.NetworkPort.with {
                $0.key = Wire.NetworkPortKey(port.key)
                $0.targetPort = UInt32(clamping: port.targetPort)
                $0.serviceID = port.serviceID
            }
            if port.reach != nil || port.last != nil {
                let reach = port.reach ?? PortReach()
                chosenPort = .with {
                    $0.port = own
                    $0.addresses = reach.addresses.map(\.wire)
                    $0.links = reach.links
                    $0.local = reach.isLocal
                    $0.bySource = reach.isBySource
                    $0.lastPort = port.last.map { UInt32(clamping: $0) } ?? 0
                }
            } else {
                self.port = own
            }
        case .meshBackend(let port, let address): meshBackend = Wire.NetworkMeshBackend(port, address)
        case .network(let network): self.network = Wire.NetworkDefinition(network)
        case .endpoint(_, let endpoint):
            self.endpoint = .with {
                $0.addresses = endpoint.addresses.all.map { Data($0.octets) }
                if let tag = endpoint.assignedTag { $0.tag = tag.number }
                $0.nodeID = endpoint.nodeID
                $0.taskID = endpoint.taskID
                $0.vtep = Data(endpoint.vtep.octets)
                $0.containerID = endpoint.containerID
                $0.names = endpoint.names
            }
        case .service(_, let service):
            self.service = .with {
                $0.serviceID = service.serviceID
                $0.name = service.name
                $0.aliases = service.aliases
                $0.virtualAddresses = (service.virtualAddresses?.all ?? []).map { Data($0.octets) }
            }
        case .backend(_, let service, let address): backend = Wire.NetworkBackend(service, address)
        }
    }
}

extension Wire.NetworkKey {
    init(_ key: NetworkFact.Key) {
        self.init()
        switch key {
        case .settings: settings = true
        case .peer(let id): peer = id
        case .subnets(let id): subnets = id
        case .port(let key): port = Wire.NetworkPortKey(key)
        case .meshBackend(let port, let address): meshBackend = Wire.NetworkMeshBackend(port, address)
        case .network: network = true
        case .endpoint(_, let address): endpoint = Data(address.octets)
        case .service(_, let id): service = id
        case .backend(_, let service, let address): backend = Wire.NetworkBackend(service, address)
        }
    }
}

extension Wire.NetworkPortKey {
    fileprivate init(_ key: NetworkFact.PortKey) {
        self.init()
        transport = key.transport.number
        publishedPort = UInt32(clamping: key.publishedPort)
    }
}

extension Wire.NetworkPeerEncryption {
    fileprivate init(_ place: EncryptionPlace) {
        self.init()
        number = place.number
        page = place.page
        restarts = place.restarts
        lanes = UInt32(clamping: place.lanes)
    }
}

extension Wire.NetworkMeshBackend {
    fileprivate init(_ port: NetworkFact.PortKey, _ address: IPAddress) {
        self.init()
        self.port = Wire.NetworkPortKey(port)
        self.address = Data(address.octets)
    }
}

extension Wire.NetworkBackend {
    fileprivate init(_ service: String, _ address: IPAddress) {
        self.init()
        serviceID = service
        self.address = Data(address.octets)
    }
}

extension TransportProtocol {
    /// IANA's number.
    fileprivate var number: UInt32 {
        switch self {
        case .tcp: 6
        case .udp: 17
        case .sctp: 132
        }
    }
}

extension IPNetwork {
    /// Its address's octets, host bits included, and the prefix length.
    fileprivate var wire: Data { Data(address.octets + [UInt8(clamping: prefixLength)]) }
}

// MARK: Networks

extension Wire.NetworkDefinition {
    fileprivate init(_ network: SwarmNetwork) {
        self.init()
        version = network.version.index
        createdAt = Wire.NetworkMoment(network.createdAt)
        updatedAt = Wire.NetworkMoment(network.updatedAt)
        let spec = network.spec
        name = spec.name
        labels = spec.labels
        scope = spec.scope
        if let value = spec.driverConfiguration { driver = Wire.NetworkDriver(value) }
        if let value = spec.iPv6Enabled { ipv6 = value }
        if let value = spec.internal { self.internal = value }
        if let value = spec.attachable { attachable = value }
        if let value = spec.ingress { ingress = value }
        if let value = spec.ipamOptions { wantedPools = Wire.NetworkPools(value) }
        if let value = network.driverState { driverState = Wire.NetworkDriver(value) }
        if let value = network.ipamOptions { pools = Wire.NetworkPools(value) }
    }
}

extension Wire.NetworkMoment {
    fileprivate init(_ moment: Timestamp) {
        self.init()
        seconds = moment.seconds
        nanoseconds = UInt32(clamping: moment.nanoseconds)
    }
}

extension Wire.NetworkDriver {
    fileprivate init(_ driver: Driver) {
        self.init()
        name = driver.name
        options = driver.options ?? [:]
        hasOptions_p = driver.options != nil
    }
}

extension Wire.NetworkPools {
    fileprivate init(_ pools: AllocatedPools) {
        self.init()
        if let value = pools.driver { driver = Wire.NetworkDriver(value) }
        self.pools = (pools.configs ?? []).map(Wire.NetworkPool.init)
        hasPools_p = pools.configs != nil
    }
}

extension Wire.NetworkPool {
    fileprivate init(_ pool: AllocatedPools.Pool) {
        self.init()
        subnet = pool.subnet?.wire ?? Data()
        gateway = (pool.gateway?.octets).map { Data($0) } ?? Data()
        range = pool.range?.wire ?? Data()
        auxiliary = (pool.auxiliaryAddresses ?? [:]).mapValues { Data($0.octets) }
        hasAuxiliary_p = pool.auxiliaryAddresses != nil
    }
}
