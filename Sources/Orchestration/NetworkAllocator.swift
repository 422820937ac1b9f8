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
        ingressPool,
        IPNetwork(address: IPAddress(198, 18, 0, 0), prefixLength: 16),
        IPNetwork(address: IPAddress(10, 255, 0, 0), prefixLength: 16),
    ]

    /// The first of them.
    private static let ingressPool = IPNetwork(address: IPAddress(240, 255, 0, 0), prefixLength: 16)

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
        let subnet = subnet ?? state.cluster?.addressPools?.choose(avoiding: []) ?? Self.ingressPool
        pools.configs = [pool(subnet)]
        network.ipamOptions = pools
        return withIPv6(network) ?? network
    }

    /// The ingress network with a subnet of the swarm's own prefix; `nil` where none is left.
    private func withIPv6(_ network: SwarmNetwork) -> SwarmNetwork? {
        guard let subnet = chooseSubnet(.v6) else { return nil }
        var network = network
        network.spec.iPv6Enabled = true
        let present = network.ipamOptions?.configs ?? []
        network.ipamOptions?.configs = present + [pool(subnet)]
        return network
    }

    /// Gives the ingress network of a swarm of before its second family, once every manager knows of it: who leads next goes on with it.
    static func completeIngress(_ draft: inout SwarmDraft) {
        guard let ingress = draft.state.ingressNetwork, ingress.ipamOptions != nil,
            !ingress.addressRanges.contains(where: { $0.subnet.family == .v6 }),
            !draft.state.unread.values.contains(where: { $0.type == "network" })
        else { return }
        let managers = draft.state.managers
        guard !managers.isEmpty, managers.allSatisfy({ $0.membership?.hasDualMesh == true }),
            let complete = NetworkAllocator(state: draft.state).withIPv6(ingress)
        else { return }
        draft.put(complete)
    }

    /// - Throws: ``SwarmNetworkError``, ``NetworkError``, ``NetworkConfigurationError``, ``PoolError`` or ``NetworkOptionError``; ``UnsupportedError`` for
    ///   what is not done yet.
    package func allocate(_ request: NetworkRequest, id: String, at timestamp: Timestamp) throws -> SwarmNetwork {
        // Nobody knows then which identifier and subnets are taken.
        if let unread = state.unread.values.first(where: { $0.type == "network" }) {
            throw SwarmNetworkError.networkUnread(id: unread.id, reason: unread.reason)
        }
        if Self.nodeLocalDrivers.contains(request.driver) {
            return try nodeLocal(request, id: id, at: timestamp)
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
        network.spec.ingress = request.ingress ? true : nil
        network.spec.scope = "swarm"
        if request.families.contains(.v6) { network.spec.iPv6Enabled = true }
        var options = request.options ?? [:]
        options[SwarmNetwork.identifierOption] = "\(try chooseIdentifier())"
        network.driverState = Driver(name: "overlay", options: options)
        var pools = AllocatedPools()
        pools.driver = Driver(name: "default")
        pools.configs = try choosePools(request)
        network.ipamOptions = pools
        return network
    }

    /// Drivers of networks that each node makes by itself.
    package static let nodeLocalDrivers: Set<String> = ["ipvlan", "macvlan"]

    /// One that nodes make of their own settings: it has neither an identifier nor addresses that the swarm gives.
    private func nodeLocal(_ request: NetworkRequest, id: String, at timestamp: Timestamp) throws -> SwarmNetwork {
        guard let source = request.configFrom, !source.network.isEmpty else {
            throw UnsupportedError.features("swarm-scoped \(request.driver) networks without --config-from")
        }
        if request.ingress { throw NetworkError.ingressNotOverlay }
        try Sealing.refuse(request.options, driver: request.driver)
        if request.options?[InterContainer.option] != nil {
            throw NetworkOptionError.notOfDriver(option: InterContainer.option, driver: request.driver)
        }
        try request.checkIsPlain()
        try checkName(of: request)
        var network = SwarmNetwork(id: id)
        network.createdAt = timestamp
        network.updatedAt = timestamp
        network.spec.name = request.name
        network.spec.driverConfiguration = Driver(name: request.driver)
        network.spec.internal = request.internal ? true : nil
        network.spec.attachable = request.attachable ? true : nil
        network.spec.configFrom = source
        network.spec.scope = "swarm"
        network.driverState = Driver(name: request.driver)
        network.ipamOptions = AllocatedPools()
        return network
    }

    private func checkName(of request: NetworkRequest) throws {
        if !state.networks.lookup.byName[request.name].isEmpty { throw NetworkError.nameTaken(request.name) }
    }

    private func check(_ request: NetworkRequest) throws {
        if request.ingress, let existing = state.ingressNetwork {
            throw SwarmNetworkError.ingressPresent(existing.id)
        }
        if request.families.isEmpty { throw NetworkError.noFamily }
        if request.ingress { try checkIngress(request) }
        for option in (request.options ?? [:]).keys.sorted() {
            switch option {
            // Whatever its value: the option alone asks for it.
            case SwarmNetwork.encryptedOption: break
            case SwarmNetwork.mtuOption: try SwarmNetwork.checkMTU(request.options)
            case SpoofCheck.option: try SpoofCheck.check(request.options)
            case Sealing.option: try Sealing.check(request.options, isInternal: request.internal)
            case InterContainer.option: try InterContainer.check(request.options)
            default:
                if option.hasPrefix("com.docker.network.") {
                    throw NetworkOptionError.unsupported(option)
                }
            }
        }
        try checkName(of: request)
    }

    private func checkIngress(_ request: NetworkRequest) throws {
        if request.attachable { throw SwarmNetworkError.ingressAttachable }
        if request.internal { throw UnsupportedError.feature("an internal ingress network") }
        if SwarmNetwork.isEncrypted(request.options) {
            throw UnsupportedError.feature("encryption of the ingress network")
        }
        // Nodes reach tasks by it.
        if InterContainer.isOff(request.options) {
            throw UnsupportedError.feature("an ingress network that keeps its endpoints apart")
        }
        // Packets of the mesh are told apart by what follows from their IPv4 addresses.
        if !request.families.contains(.v4) { throw UnsupportedError.feature("ingress networks of IPv6 alone") }
        let subnets = (request.ipam?.config ?? []).compactMap { $0.subnet.flatMap { IPNetwork($0) } }
        for family in IPFamily.allCases where subnets.count(where: { $0.family == family }) > 1 {
            throw UnsupportedError.feature("several subnets of one family of an ingress network")
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
        let asked = AddressPoolRules.split(request.ipam?.config ?? [], by: request.families).used
        let named = asked.filter { !($0.subnet ?? "").isEmpty }
        let present = state.networks.values.flatMap { $0.addressRanges.map(\.subnet) }
        // One that names no subnet is refused only beside others.
        let parsed = try AddressPoolRules.parse(
            named.isEmpty ? [] : asked, avoiding: present, families: request.families)
        var pools = zip(asked, parsed).map { pool, read in
            // As they were written, host bits included: what was written is shown again.
            var result = AllocatedPools.Pool(
                subnet: pool.subnet.flatMap { IPNetwork($0) }, gateway: read.gateway,
                range: pool.ipRange.flatMap { IPNetwork($0) })
            result.auxiliaryAddresses = pool.auxiliaryAddresses?.compactMapValues { IPAddress($0) }
            return result
        }
        let sixes = parsed.count { $0.range.subnet.family == .v6 }
        // Without IPv4 an endpoint's tag, and so its MAC, is the end of its IPv6 address.
        if !request.families.contains(.v4), sixes > 1 {
            throw UnsupportedError.feature("several subnets of a network of IPv6 alone")
        }
        for family in IPFamily.allCases where request.families.contains(family) {
            if parsed.contains(where: { $0.range.subnet.family == family }) { continue }
            guard let subnet = chooseSubnet(family) else { throw SwarmNetworkError.poolsExhausted }
            pools.insert(pool(subnet), at: family == .v4 ? 0 : pools.endIndex)
        }
        return pools
    }

    private func pool(_ subnet: IPNetwork) -> AllocatedPools.Pool {
        AllocatedPools.Pool(subnet: subnet, gateway: subnet.first.advanced(by: 1))
    }

    /// One that nobody names; `nil` where none is left.
    private func chooseSubnet(_ family: IPFamily) -> IPNetwork? {
        guard let chooser = chooser(family) else { return nil }
        let inUse = subnetsInUse
        return SubnetClaims(state).choose(within: chooser.blocks) { chooser.choose(avoiding: inUse + $0) }
    }

    /// Where subnets come from that nobody names: of IPv6 from the swarm's own prefix, which follows from its id.
    private func chooser(_ family: IPFamily) -> SubnetChooser? {
        switch family {
        case .v4: state.cluster?.addressPools ?? .overlays
        case .v6:
            state.cluster.map { cluster in
                let prefix = UniqueLocalPrefix(hashing: cluster.id)
                return SubnetChooser(pools: [
                    .init(base: .v6(prefix.network), prefixLength: UniqueLocalPrefix.subnetLength)
                ])
            }
        }
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
            // Answers of tasks are sent to the first, whatever the gateway is: nobody may have it.
            if spec.ingress == true { reserved.insert(subnet.masked.address.advanced(by: 1)) }
            return AddressRange(subnet: subnet, range: pool.range, reserved: reserved)
        }
    }
}
