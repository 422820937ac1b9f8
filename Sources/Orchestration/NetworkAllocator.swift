package import Addressing
import EngineInterface
import Faults
import HashTreeCollections
package import Model

/// Turns a request for an overlay into a network with pools and a VNI.
package struct NetworkAllocator {
    /// The ingress network's; others count up from it.
    package static let firstIdentifier: UInt32 = 4096
    /// The largest VXLAN network identifier: 24 bits.
    package static let lastIdentifier: UInt32 = 0xff_ffff

    /// Where the ingress network may be when the swarm was given no pools, the best first: what no site routes, and what programs that look for
    /// "the private address" pass over (RFC 1112 §4); what is for measurements alone (RFC 2544); and what swarms of before have.
    package static let ingressPools = [
        IPNetwork(address: IPAddress(240, 255, 0, 0), prefixLength: 16),
        IPNetwork(address: IPAddress(198, 18, 0, 0), prefixLength: 16),
        IPNetwork(address: IPAddress(10, 255, 0, 0), prefixLength: 16),
    ]

    package let state: SwarmState

    package init(state: SwarmState) { self.state = state }

    /// The network that published ports are reached through, made with the swarm, whose numbers it keeps.
    /// - Parameter subnet: `nil` for one of the swarm's pools, or the first of ``ingressPools``.
    package func ingress(id: String, at timestamp: Timestamp, subnet: IPNetwork? = nil) -> SwarmNetwork {
        var network = SwarmNetwork(id: id)
        network.createdAt = timestamp
        network.updatedAt = timestamp
        network.spec.name = "ingress"
        network.spec.ingress = true
        network.spec.scope = "swarm"
        network.spec.driverConfiguration = Driver(name: "overlay")
        network.driverState = Driver(
            name: "overlay", options: [SwarmNetwork.identifierOption: "\(Self.firstIdentifier)"])
        var pools = AllocatedPools()
        pools.driver = Driver(name: "default")
        let subnet = subnet ?? state.cluster?.addressPools?.choose(avoiding: []) ?? Self.ingressPools[0]
        pools.configs = [
            .init(
                subnet: subnet, gateway: subnet.first.advanced(by: 1))
        ]
        network.ipamOptions = pools
        return network
    }

    /// - Throws: ``SwarmNetworkError``, ``NetworkError``, ``PoolError`` or ``NetworkOptionError``; ``UnsupportedError`` for what is not done yet.
    package func allocate(_ request: NetworkRequest, id: String, at timestamp: Timestamp) throws -> SwarmNetwork {
        // Nobody knows then which identifier and subnets are taken.
        if let unread = state.unread.values.first(where: { $0.type == "network" }) {
            throw SwarmNetworkError.networkUnread(id: unread.id, reason: unread.reason)
        }
        try check(request)
        var network = SwarmNetwork(id: id)
        network.createdAt = timestamp
        network.updatedAt = timestamp
        network.spec.name = request.name
        network.spec.labels = request.labels ?? [:]
        network.spec.driverConfiguration = Driver(name: "overlay", options: request.options)
        network.spec.internal = request.internal ? true : nil
        network.spec.attachable = request.attachable ? true : nil
        network.spec.scope = "swarm"
        var options = request.options ?? [:]
        options[SwarmNetwork.identifierOption] = "\(try chooseIdentifier())"
        network.driverState = Driver(name: "overlay", options: options)
        var pools = AllocatedPools()
        pools.driver = Driver(name: "default")
        pools.configs = try choosePools(request)
        network.ipamOptions = pools
        return network
    }

    private func check(_ request: NetworkRequest) throws {
        if request.ingress, let existing = state.ingressNetwork {
            throw SwarmNetworkError.ingressPresent(existing.id)
        }
        if request.enableIPv4 == false {
            throw UnsupportedError.features("networks without IPv4")
        }
        if request.enableIPv6 == true {
            throw UnsupportedError.feature("IPv6 on overlay networks")
        }
        for option in (request.options ?? [:]).keys.sorted() {
            switch option {
            // Whatever its value: the option alone asks for it.
            case SwarmNetwork.encryptedOption: break
            case SwarmNetwork.mtuOption: try SwarmNetwork.checkMTU(request.options)
            case SpoofCheck.option: try SpoofCheck.check(request.options)
            default:
                if option.hasPrefix("com.docker.network.") {
                    throw NetworkOptionError.unsupported(option)
                }
            }
        }
        if !state.networks.lookup.byName[request.name].isEmpty {
            throw NetworkError.nameTaken(request.name)
        }
    }

    private func chooseIdentifier() throws -> UInt32 {
        let taken = Set(state.networks.values.compactMap(\.vni)).union(removedNetworks.compactMap(\.vni))
        guard let free = (Self.firstIdentifier + 1...Self.lastIdentifier).first(where: { !taken.contains($0) }) else {
            throw SwarmNetworkError.identifiersExhausted
        }
        return free
    }

    private func choosePools(_ request: NetworkRequest) throws -> [AllocatedPools.Pool] {
        let asked = request.ipam?.config ?? []
        guard asked.contains(where: { !($0.subnet ?? "").isEmpty }) else {
            let chooser = state.cluster?.addressPools ?? .overlays
            guard let subnet = chooser.choose(avoiding: subnetsInUse + routedSubnets) else {
                throw SwarmNetworkError.poolsExhausted
            }
            return [.init(subnet: subnet, gateway: subnet.first.advanced(by: 1))]
        }
        let present = state.networks.values.flatMap { $0.addressRanges.map(\.subnet) }
        let parsed = try AddressPoolRules.parse(asked, avoiding: present)
        return zip(asked, parsed).map { pool, read in
            // As they were written, host bits included: what was written is shown again.
            var result = AllocatedPools.Pool(
                subnet: pool.subnet.flatMap { IPNetwork($0) }, gateway: read.gateway,
                range: pool.ipRange.flatMap { IPNetwork($0) })
            result.auxiliaryAddresses = pool.auxiliaryAddresses?.compactMapValues { IPAddress($0) }
            return result
        }
    }

    /// What the nodes' own networks route, their local bridges included: default pools leave it alone.
    private var routedSubnets: [IPNetwork] {
        state.nodes.shared.flatMap { $0.value.description?.routedSubnets ?? [] }.compactMap { IPNetwork(ipv4: $0) }
    }

    /// Subnets of every network, removed ones with live tasks included.
    package var subnetsInUse: [IPNetwork] {
        (Array(state.networks.values) + removedNetworks).flatMap { $0.addressRanges.map(\.subnet) }
    }

    /// Networks that are gone, and that tasks which have not ended are still in.
    private var removedNetworks: [SwarmNetwork] {
        state.tasks.lookup.byNetwork.all.filter { state.networks.shared($0.key) == nil }.flatMap { id, tasks in
            tasks.values.filter(\.value.isLive).flatMap { task in
                (task.value.networksAttachments ?? []).map(\.network).filter { $0.id == id }
            }
        }
    }
}

extension SwarmNetwork {
    /// The subnets that addresses are taken from.
    package var addressRanges: [AddressRange] {
        (ipamOptions?.configs ?? []).compactMap { pool in
            guard let subnet = pool.subnet else { return nil }
            var reserved = Set((pool.auxiliaryAddresses ?? [:]).values)
            if let gateway = pool.gateway { reserved.insert(gateway) }
            return AddressRange(subnet: subnet, range: pool.range, reserved: reserved)
        }
    }
}
