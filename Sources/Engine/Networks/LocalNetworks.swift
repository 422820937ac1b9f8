import Addressing
import EngineInterface
import LinuxSystem
import LocalStore
import Model
import Synchronization

/// The node's own networks: looked up in memory, kept in the local store.
final class LocalNetworks: Sendable {
    private struct State {
        var networks: [String: LocalNetwork] = [:]
        /// Walks each network's subnets; which addresses are in use comes from the containers.
        var allocators: [String: AddressAllocator] = [:]
        /// The ids of `host` and `none`, by name.
        var plain: [String: String] = [:]
        /// Counts changes.
        var version: UInt64 = 0
    }

    private let state = Mutex(State())
    private let store: NodeStore
    private let bridgeIPv6: DefaultBridgeIPv6
    private let addressing: NodeAddressing

    init(
        store: NodeStore, bridgeIPv6: DefaultBridgeIPv6 = .nothing, addressing: NodeAddressing = NodeAddressing()
    ) {
        self.addressing = addressing
        self.store = store
        self.bridgeIPv6 = bridgeIPv6
    }

    /// Reads the networks of an earlier instance of the daemon and makes Docker's three if they are not there. Docker's bridge gets or loses IPv6 as it is to have
    /// it from this start on; all that were there keep their subnets of IPv4.
    ///
    /// - Throws: ``NodeAddressingError`` where there is no place for a new bridge of Docker's.
    func load(routed: [IPNetwork]) async throws {
        for network in try await store.restore(LocalNetwork.self, kind: .networks).map(\.value) { keep(network) }
        let present = named("bridge")
        let others = all.filter { $0.id != present?.id }.flatMap { $0.ranges.map(\.subnet) }
        if present == nil { try checkBridge(beside: others) }
        let bridge: LocalNetwork
        do {
            bridge = try LocalNetworkPlanner(
                taken: others, routed: routed + addressing.keptOut, chooser: addressing.chooser
            ).defaultBridge(
                like: present, bridgeIPv6, address: addressing.bridge, newID: RandomID.docker(), at: .now)
        } catch PoolError.exhausted(let family) { throw NodeAddressingError.noneForBridge(family) }
        if bridge != present { try await add(bridge) }
        for (name, driver) in [("host", "host"), ("none", "null")] where named(name) == nil {
            try await add(LocalNetwork(id: RandomID.docker(), name: name, driver: driver, created: .now))
        }
    }

    /// Gives Docker's own bridge the address that the command line names, unless it has that.
    ///
    /// - Parameters:
    ///   - isInUse: Whether a container has an address of it: then it stays what it is, as with a dockerd that keeps containers alive.
    ///   - taken: Subnets of others that it must not overlap.
    /// - Returns: What it keeps although another one is named, and that other one; `nil` where it has what is named.
    /// - Throws: ``NodeAddressingError/bridgeTaken(_:by:)``.
    func moveBridge(isInUse: Bool, taken: [IPNetwork]) async throws -> (kept: IPNetwork?, wanted: IPNetwork)? {
        guard let wanted = addressing.bridge, let present = named("bridge") else { return nil }
        let kept = present.bridgeAddresses?.all.first { $0.family == .v4 }
        if kept == wanted { return nil }
        if isInUse { return (kept, wanted) }
        let others = taken + all.filter { $0.id != present.id }.flatMap { $0.ranges.map(\.subnet) }
        try checkBridge(beside: others)
        try await add(try LocalNetworkPlanner(taken: others, routed: []).move(present, to: wanted))
        return nil
    }

    private func checkBridge(beside others: [IPNetwork]) throws(NodeAddressingError) {
        guard let wanted = addressing.bridge, let other = others.first(where: { $0.overlaps(wanted) }) else { return }
        throw .bridgeTaken(wanted, by: other)
    }

    /// What plans a network beside those that there are.
    ///
    /// - Parameters:
    ///   - others: Subnets that it must not overlap, besides those of the node's own networks.
    ///   - routed: Subnets that are not chosen, besides what is kept out.
    func planner(beside others: [IPNetwork] = [], routed: [IPNetwork]) -> LocalNetworkPlanner {
        LocalNetworkPlanner(
            taken: others + subnets, routed: routed + addressing.keptOut, uniqueLocal: uniqueLocal,
            chooser: addressing.chooser)
    }

    /// Blocks that nothing is to be chosen in.
    var keptOut: [IPNetwork] { addressing.keptOut }
    /// Networks with addresses of blocks that are kept out: made before that, or by who named the subnet.
    var keptOutNetworks: [LocalNetwork] {
        all.filter { network in
            network.ranges.contains { range in addressing.keptOut.contains { $0.overlaps(range.subnet) } }
        }
    }

    /// Whether the bridge that gives overlay containers their way out is missing, or has IPv4 alone as an earlier version made it. One that a user has made
    /// stays as it is.
    var lacksGatewayBridge: Bool {
        guard let network = named(LocalNetwork.gatewayBridgeName) else { return true }
        return network.hasChosenSubnet == true && network.hasChosenSubnet6 == nil
    }

    /// The bridge that gives overlay containers their way out, in both families; made when the node joins a swarm.
    func ensureGatewayBridge(taken: [IPNetwork], routed: [IPNetwork]) async throws -> LocalNetwork {
        let planner = planner(beside: taken, routed: routed)
        if var network = named(LocalNetwork.gatewayBridgeName) {
            guard lacksGatewayBridge else { return network }
            try planner.addIPv6(to: &network)
            network.reserveIngress()
            try await add(network)
            return network
        }
        var request = NetworkRequest()
        request.name = LocalNetwork.gatewayBridgeName
        request.enableIPv6 = true
        request.options = [
            "com.docker.network.bridge.enable_icc": "false", "com.docker.network.bridge.enable_ip_masquerade": "true",
            "com.docker.network.bridge.name": LocalNetwork.gatewayBridgeName,
        ]
        let network = try planner.plan(request, id: RandomID.docker(), at: .now)
        try await add(network)
        return network
    }

    /// All there are, with a number that every change counts up.
    var versioned: (version: UInt64, all: [LocalNetwork]) { state.withLock { ($0.version, Array($0.networks.values)) } }
    var version: UInt64 { state.withLock { $0.version } }
    var all: [LocalNetwork] { state.withLock { Array($0.networks.values) } }
    /// What IPv6 subnets of bridges are cut from: it follows from the id of Docker's own bridge, which is random and kept, and so stays the same.
    var uniqueLocal: UniqueLocalPrefix? { named("bridge").flatMap { UniqueLocalPrefix(random: $0.id) } }
    var subnets: [IPNetwork] { all.flatMap { $0.ranges.map(\.subnet) } }

    /// The ids of `host` and `none`, by name.
    var plain: [String: String] { state.withLock { $0.plain } }

    func network(_ id: String) -> LocalNetwork? { state.withLock { $0.networks[id] } }
    /// One that is the node's alone; the swarm's are known by their ids.
    func named(_ name: String) -> LocalNetwork? { all.first { $0.name == name && $0.isOfSwarm != true } }
    /// This node's parts of networks of the swarm.
    var ofSwarm: [LocalNetwork] { state.withLock { $0.networks.values.filter { $0.isOfSwarm == true } } }

    func add(_ network: LocalNetwork) async throws {
        try await store.save(network, kind: .networks, id: network.id)
        keep(network)
    }

    func remove(_ id: String) async throws {
        if let network = withdraw(id) { try await erase(network) }
    }

    /// Takes a network out: from now on nobody gets an address in it. ``erase(_:)`` follows.
    func withdraw(_ id: String) -> LocalNetwork? {
        state.withLock { state in
            state.allocators[id] = nil
            state.version += 1
            return state.networks.removeValue(forKey: id)
        }
    }

    /// Deletes a network that was taken out; when that fails, it is there again.
    func erase(_ network: LocalNetwork) async throws {
        do { try await store.delete(kind: .networks, id: network.id) } catch {
            keep(network)
            throw error
        }
    }

    /// Goes on after addresses that were handed out by an earlier instance of the daemon: network id and address, the oldest first.
    func resume(after addresses: [(networkID: String, address: IPAddress)]) {
        state.withLock { state in
            for entry in addresses { state.allocators[entry.networkID]?.resume(after: entry.address) }
        }
    }

    /// A free address of the network.
    /// - Throws: ``EndpointError/addressesExhausted(network:id:)``, or its twin of IPv6.
    func allocate(
        _ family: IPFamily, in id: String, isInUse: (IPAddress) -> Bool
    ) throws(EndpointError) -> IPNetwork {
        let (found, name) = state.withLock { state -> (IPNetwork?, String) in
            (state.allocators[id]?.allocate(family, isInUse: isInUse), state.networks[id]?.name ?? id)
        }
        guard let found else {
            throw family == .v4
                ? .addressesExhausted(network: name, id: id) : .addresses6Exhausted(network: name, id: id)
        }
        return found
    }

    /// Checks an address that the user asks for.
    func claim(
        _ text: String, _ family: IPFamily, in id: String, isInUse: (IPAddress) -> Bool
    ) throws(EndpointError) -> IPNetwork {
        guard let address = IPAddress(text), address.family == family else {
            throw family == .v4 ? .invalidAddress(text) : .invalidAddress6(text)
        }
        let found = state.withLock { state in state.networks[id]?.ranges.first { $0.subnet.contains(address) } }
        guard let found else {
            throw .addressOutside(text)
        }
        // The subnet's own address and IPv4's broadcast address are taken from the beginning, as with Docker.
        guard !found.reserved.contains(address), found.isHost(address), !isInUse(address) else { throw .addressTaken }
        return IPNetwork(address: address, prefixLength: found.subnet.prefixLength)
    }

    private func keep(_ network: LocalNetwork) {
        state.withLock { state in
            state.version += 1
            state.networks[network.id] = network
            if ["host", "null"].contains(network.driver) { state.plain[network.name] = network.id }
            state.allocators[network.id] = AddressAllocator(network.ranges)
        }
    }
}
