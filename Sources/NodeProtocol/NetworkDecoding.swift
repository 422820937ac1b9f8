import Addressing
import Foundation
import Model
import SwiftProtobuf

/// Why facts of networks cannot be read: not those of a newer kind, which are passed over, but such as no manager sends.
package struct NetworkChangesFailure: Error, Equatable, CustomStringConvertible {
    /// What there is instead, as "a backend without an address".
    package let reason: String

    package var description: String { "a manager told of \(reason)" }
}

/// One message's part of a change set.
struct ChangesPiece: Sendable {
    /// What the set has in common, and the facts and keys of this part.
    let set: NetworkChangeSet
    /// Facts and keys, those of kinds included that are not known here.
    let entries: Int
    let isLast: Bool

    /// - Throws: ``NetworkChangesFailure``, ``AssignmentReader/Failure``, `BinaryDecodingError`.
    init(_ piece: Data) throws {
        let changes = try Wire.NetworkChanges(serializedBytes: piece)
        entries = changes.upserts.count + changes.removals.count
        guard entries <= NetworkChangesReader.maximumEntries else { throw AssignmentReader.Failure.tooLarge }
        let network = try changes.network.isEmpty ? "" : checkedIdentifier(changes.network, "a network")
        let scope = NetworkFact.Scope(networkID: network)
        if changes.end, scope == .swarm || !changes.upserts.isEmpty || !changes.removals.isEmpty {
            throw NetworkChangesFailure(reason: "the end of what cannot end")
        }
        var set = NetworkChangeSet(
            scope, sequence: changes.sequence, isSnapshot: changes.snapshot, isEnd: changes.end, isQuiet: changes.quiet)
        for fact in changes.upserts {
            guard let fact = try fact.value(network) else { continue }
            guard fact.key?.scope == scope else { throw NetworkChangesFailure(reason: "a fact of another scope") }
            set.upserts.append(fact)
        }
        for key in changes.removals {
            guard let key = try key.value(network) else { continue }
            guard key.scope == scope else { throw NetworkChangesFailure(reason: "a key of another scope") }
            set.removals.append(key)
        }
        self.set = set
        isLast = !changes.more
    }
}

/// Puts the pieces of change sets together. Holds no more than its bounds, whatever the other side sends.
struct NetworkChangesReader: Sendable {
    /// Facts and keys of one set.
    static let maximumEntries = 1 << 20

    private let shared: DecodedChanges?
    private var pending: NetworkChangeSet?
    private var bytes = 0
    private var entries = 0

    /// - Parameter shared: Decodes what other readers of this process are told as well.
    init(_ shared: DecodedChanges? = nil) { self.shared = shared }

    /// Whether pieces of a set are missing.
    var isPending: Bool { pending != nil }

    /// - Returns: The set that is whole with this piece.
    /// - Throws: As ``ChangesPiece/init(_:)``.
    mutating func read(_ piece: Data) throws -> NetworkChangeSet? {
        bytes += piece.count
        guard bytes <= AssignmentReader.maximumBytes else { throw AssignmentReader.Failure.tooLarge }
        let part = try shared.map { try $0.piece(piece) } ?? ChangesPiece(piece)
        entries += part.entries
        guard entries <= Self.maximumEntries else { throw AssignmentReader.Failure.tooLarge }
        if let pending {
            guard pending.isOfOne(with: part.set) else {
                throw NetworkChangesFailure(reason: "pieces of different sets")
            }
        } else if part.isLast {
            // Most are of one piece, whose rows all readers share.
            (bytes, entries) = (0, 0)
            return part.set
        }
        guard pending != nil else {
            pending = part.set
            return nil
        }
        // In place: the rows of the pieces before are not copied for each.
        pending?.upserts += part.set.upserts
        pending?.removals += part.set.removals
        guard part.isLast else { return nil }
        defer { (pending, bytes, entries) = (nil, 0, 0) }
        return pending
    }
}

extension NetworkChangeSet {
    /// Whether two pieces may belong to one set.
    fileprivate func isOfOne(with other: NetworkChangeSet) -> Bool {
        scope == other.scope && sequence == other.sequence && isSnapshot == other.isSnapshot && isEnd == other.isEnd
            && isQuiet == other.isQuiet
    }
}

// MARK: Values

/// Longer than any id that managers give.
private let longestIdentifier = 255

private func checkedIdentifier(_ text: String, _ what: String) throws -> String {
    guard (1...longestIdentifier).contains(text.utf8.count) else {
        throw NetworkChangesFailure(reason: "\(what) without a usable id")
    }
    return text
}

private func parsedAddress(_ octets: Data, of what: String) throws -> IPAddress {
    guard let address = IPAddress(octets: octets) else {
        throw NetworkChangesFailure(reason: "\(what) without an address")
    }
    return address
}

private func parsedNetwork(_ octets: Data, of what: String) throws -> IPNetwork {
    guard let length = octets.last.map({ Int(clamping: $0) }), let address = IPAddress(octets: octets.dropLast()),
        (0...address.family.width).contains(length)
    else { throw NetworkChangesFailure(reason: "\(what) without a subnet") }
    return IPNetwork(address: address, prefixLength: length)
}

/// At most one a family.
private func parsedAddresses(_ all: [Data], of what: String) throws -> HostAddresses {
    let read = try all.prefix(3).map { try parsedAddress($0, of: what) }
    let addresses = HostAddresses(read)
    guard addresses.all.count == all.count else { throw NetworkChangesFailure(reason: "\(what) with two addresses") }
    return addresses
}

private func parsedPort(_ number: UInt32, of what: String, from first: UInt16 = 1) throws -> UInt16 {
    guard let number = UInt16(exactly: number), number >= first else {
        throw NetworkChangesFailure(reason: "\(what) without a port")
    }
    return number
}

// MARK: Facts

extension Wire.NetworkFact {
    /// - Parameter id: The set's network.
    /// - Returns: `nil` for a fact of a kind that is not known here.
    fileprivate func value(_ id: String) throws -> NetworkFact? {
        switch fact {
        case .settings(let settings):
            .settings(
                NetworkFact.Settings(
                    dataPathPort: try parsedPort(settings.dataPathPort, of: "a data path"),
                    controlPorts: try settings.controlPorts.map { try parsedPort($0, of: "managers") },
                    managers: try settings.managers.map { try parsedAddress($0, of: "a manager") }))
        case .peer(let peer): .peer(try peer.value())
        case .subnets(let subnets):
            .subnets(
                network: try checkedIdentifier(subnets.network, "subnets"),
                try subnets.subnets.map { try parsedNetwork($0, of: "a network") })
        case .port(let port): .port(try port.value())
        case .chosenPort(let chosen): .port(try chosen.value())
        case .meshBackend(let backend):
            .meshBackend(try backend.port.value(), try parsedAddress(backend.address, of: "a backend of the mesh"))
        case .network(let definition): .network(try definition.value(id))
        case .endpoint(let endpoint): .endpoint(network: id, try endpoint.value())
        case .service(let service): .service(network: id, try service.value())
        case .backend(let backend):
            .backend(
                network: id, service: try checkedIdentifier(backend.serviceID, "a backend"),
                try parsedAddress(backend.address, of: "a backend"))
        case nil: nil
        }
    }
}

extension Wire.NetworkKey {
    fileprivate func value(_ id: String) throws -> NetworkFact.Key? {
        switch key {
        case .settings: .settings
        case .peer(let node): .peer(try checkedIdentifier(node, "a node"))
        case .subnets(let network): .subnets(try checkedIdentifier(network, "a network"))
        case .port(let port): .port(try port.value())
        case .meshBackend(let backend):
            .meshBackend(try backend.port.value(), try parsedAddress(backend.address, of: "a backend of the mesh"))
        case .network: .network(id)
        case .endpoint(let octets): .endpoint(network: id, try parsedAddress(octets, of: "an endpoint"))
        case .service(let service): .service(network: id, try checkedIdentifier(service, "a service"))
        case .backend(let backend):
            .backend(
                network: id, service: try checkedIdentifier(backend.serviceID, "a backend"),
                try parsedAddress(backend.address, of: "a backend"))
        case nil: nil
        }
    }
}

extension Wire.NetworkPeer {
    fileprivate func value() throws -> SwarmNetworkState.Peer {
        let places = try ingressAddresses.prefix(3).map { try parsedNetwork($0, of: "a node") }
        let ingress = EndpointAddresses(places)
        guard ingress.all.count == ingressAddresses.count else {
            throw NetworkChangesFailure(reason: "a node with two ingress addresses")
        }
        return SwarmNetworkState.Peer(
            nodeID: try checkedIdentifier(nodeID, "a node"), hostname: hostname,
            address: try parsedAddress(address, of: "a node"),
            ingressAddresses: ingress.isEmpty ? nil : ingress,
            assignedIngressTag: hasIngressTag ? EndpointTag(number: ingressTag) : nil,
            encryption: hasEncryption ? try encryption.value() : nil)
    }
}

extension Wire.NetworkPeerEncryption {
    fileprivate func value() throws -> EncryptionPlace {
        guard EncryptionPlace.numbers.contains(number), let lanes = UInt8(exactly: lanes),
            (1...NodeEncryption.maximumLanes).contains(Int(clamping: lanes))
        else { throw NetworkChangesFailure(reason: "a node that encrypts without a number or lanes") }
        return EncryptionPlace(number: number, page: page, restarts: restarts, lanes: lanes)
    }
}

extension Wire.NetworkPortKey {
    fileprivate func value() throws -> NetworkFact.PortKey {
        let protocols: [UInt32: TransportProtocol] = [6: .tcp, 17: .udp, 132: .sctp]
        guard let transport = protocols[transport] else {
            throw NetworkChangesFailure(reason: "a port without a protocol")
        }
        return NetworkFact.PortKey(transport, try parsedPort(publishedPort, of: "a published port"))
    }
}

extension Wire.NetworkPort {
    fileprivate func value() throws -> NetworkFact.Port {
        NetworkFact.Port(
            try key.value(), targetPort: try parsedPort(targetPort, of: "a published port", from: 0),
            serviceID: try checkedIdentifier(serviceID, "a published port"))
    }
}

extension Wire.NetworkChosenPort {
    fileprivate func value() throws -> NetworkFact.Port {
        var value = try port.value()
        guard addresses.count <= PortReach.maximumPlaces, links.count <= PortReach.maximumPlaces,
            links.allSatisfy(PortReach.isLinkName)
        else { throw NetworkChangesFailure(reason: "a port at what is no place") }
        let reach = PortReach(
            addresses: try addresses.map { try parsedNetwork($0, of: "a port") }, links: links, isLocal: local,
            isBySource: bySource)
        if lastPort == 0 {
            value.reach = reach
            return value
        }
        let last = try parsedPort(lastPort, of: "a row of ports")
        let first = value.key.publishedPort
        guard last > first, last - first <= UInt16.max - value.targetPort else {
            throw NetworkChangesFailure(reason: "a row of ports that has no room")
        }
        value.reach = reach.isUsual ? nil : reach
        value.last = last
        return value
    }
}

extension Wire.NetworkEndpoint {
    fileprivate func value() throws -> SwarmNetworkState.Endpoint {
        let own = try parsedAddresses(addresses, of: "an endpoint")
        guard !own.isEmpty else { throw NetworkChangesFailure(reason: "an endpoint without an address") }
        return SwarmNetworkState.Endpoint(
            addresses: own, assignedTag: hasTag ? EndpointTag(number: tag) : nil,
            nodeID: try checkedIdentifier(nodeID, "an endpoint"), taskID: try checkedIdentifier(taskID, "an endpoint"),
            vtep: try parsedAddress(vtep, of: "a node"), containerID: containerID, names: names)
    }
}

extension Wire.NetworkService {
    fileprivate func value() throws -> NetworkFact.Service {
        let virtual = try parsedAddresses(virtualAddresses, of: "a service")
        return NetworkFact.Service(
            serviceID: try checkedIdentifier(serviceID, "a service"), name: name, aliases: aliases,
            virtualAddresses: virtual.isEmpty ? nil : virtual)
    }
}

// MARK: Networks

extension Wire.NetworkDefinition {
    fileprivate func value(_ id: String) throws -> SwarmNetwork {
        var network = SwarmNetwork(id: id)
        network.version = ObjectVersion(index: version)
        network.createdAt = try createdAt.value()
        network.updatedAt = try updatedAt.value()
        network.spec.name = name
        network.spec.labels = labels
        network.spec.scope = scope
        network.spec.driverConfiguration = hasDriver ? driver.value : nil
        network.spec.iPv6Enabled = hasIpv6 ? ipv6 : nil
        network.spec.internal = hasInternal ? self.internal : nil
        network.spec.attachable = hasAttachable ? attachable : nil
        network.spec.ingress = hasIngress ? ingress : nil
        network.spec.ipamOptions = hasWantedPools ? try wantedPools.value() : nil
        network.driverState = hasDriverState ? driverState.value : nil
        network.ipamOptions = hasPools ? try pools.value() : nil
        return network
    }
}

extension Wire.NetworkMoment {
    fileprivate func value() throws -> Timestamp {
        guard nanoseconds < 1_000_000_000 else { throw NetworkChangesFailure(reason: "what is no moment") }
        return Timestamp(seconds: seconds, nanoseconds: Int64(clamping: nanoseconds))
    }
}

extension Wire.NetworkDriver {
    fileprivate var value: Driver { Driver(name: name, options: hasOptions_p ? options : nil) }
}

extension Wire.NetworkPools {
    fileprivate func value() throws -> AllocatedPools {
        var value = AllocatedPools()
        value.driver = hasDriver ? driver.value : nil
        value.configs = hasPools_p ? try pools.map { try $0.value() } : nil
        return value
    }
}

extension Wire.NetworkPool {
    fileprivate func value() throws -> AllocatedPools.Pool {
        var pool = AllocatedPools.Pool()
        pool.subnet = subnet.isEmpty ? nil : try parsedNetwork(subnet, of: "a pool")
        pool.gateway = gateway.isEmpty ? nil : try parsedAddress(gateway, of: "a pool")
        pool.range = range.isEmpty ? nil : try parsedNetwork(range, of: "a pool")
        pool.auxiliaryAddresses = hasAuxiliary_p ? try auxiliary.mapValues { try parsedAddress($0, of: "a pool") } : nil
        return pool
    }
}
