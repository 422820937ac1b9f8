import Addressing
import Concurrency
import DataPlane
import EngineInterface
import LinuxSystem
import LocalStore
import Model
import Netlink
import Synchronization

/// The swarm's networks on this node: what managers tell of them is kept, so that they are there again before any manager answers.
final class SwarmNetworks: Sendable {
    private struct Unwritten {
        var facts: Set<NetworkFact.Key> = []
        var nodeID: String?
        /// The node's own address for which the MTU of the underlay is known.
        var underlay: IPAddress?
    }

    /// The swarm's ingress network and its numbers of IPv4.
    struct Ingress: Sendable, Equatable {
        let id: String
        let name: String
        let subnet: IPNetwork
    }

    private let kept: KeptFacts
    private let containers: ContainerTable
    private let endpoints: EndpointService
    /// Whose network is the node's; `nil` is this process' own.
    private let namespace: NetworkNamespace?
    /// What is in memory and not on record yet.
    private let state = Mutex(Unwritten())
    /// The network that ports of the mesh are reached through, as far as the node knows.
    let ingress = ObservableValue<Ingress?>(nil)
    /// Changes are taken one after the other.
    private let order = KeyedLock<String>()

    init(
        store: NodeStore, containers: ContainerTable, endpoints: EndpointService, namespace: NetworkNamespace? = nil
    ) {
        self.containers = containers
        self.endpoints = endpoints
        self.namespace = namespace
        kept = KeptFacts(store: store)
    }

    private var network: NetworkCoordinator { endpoints.network }
    private var local: LocalNetworks { endpoints.local }

    var gatewayBridgeID: String? { local.named(LocalNetwork.gatewayBridgeName)?.id }

    /// Families of the bridge through which ports of this node lead to a task.
    /// - Parameter isAttached: It is on networks of the swarm.
    func publishedFamilies(isAttached: Bool) -> Set<IPFamily> {
        Set(local.named(isAttached ? LocalNetwork.gatewayBridgeName : "bridge")?.families ?? [.v4])
    }

    /// Takes up what an earlier daemon was told.
    func load() async throws {
        guard let (facts, nodeID) = try await kept.load() else { return }
        let own = facts.peers[nodeID]?.address
        network.setSwarm(facts, nodeID: nodeID, underlayMTU: try await underlayMTU(of: own))
        state.withLock { $0.underlay = own }
        noteIngress()
    }

    private func noteIngress() {
        let found = network.ingressNetwork.flatMap { network -> Ingress? in
            let subnets = (network.ipamOptions?.configs ?? []).compactMap(\.subnet)
            guard let subnet = subnets.first(where: { $0.family == .v4 }) else { return nil }
            return Ingress(id: network.id, name: network.spec.name, subnet: subnet)
        }
        if found != ingress.value { ingress.set(found) }
    }

    /// Whether this node can have an ingress network of a subnet: `nil`, or why not.
    func tryIngress(_ subnet: IPNetwork) async throws -> IngressTrouble? {
        try await network.dataPlane.tryIngress(subnet)
    }

    /// Takes changes; returns when new connections follow all of them.
    func apply(_ sets: [NetworkChangeSet], nodeID: String) async throws {
        try await order.run("swarm") {
            let isNew = network.enter(nodeID)
            let changed = network.apply(sets)
            state.withLock { state in
                state.facts.formUnion(changed)
                if isNew { state.nodeID = nodeID }
            }
            if local.lacksGatewayBridge {
                _ = try await local.ensureGatewayBridge(
                    taken: network.swarmSubnets, routed: try await RoutedSubnets.read(in: namespace))
            }
            try await keep()
            let own = network.ownPeer?.address
            if own != state.withLock({ $0.underlay }) {
                network.setUnderlayMTU(try await underlayMTU(of: own))
                state.withLock { $0.underlay = own }
            }
            noteIngress()
            try await network.refresh()
        }
        try await endpoints.networks.dropNodeLocal()
    }

    /// Takes the MTU of the underlay's link as it is now: containers' interfaces follow it.
    /// - Returns: What it was and is, when it has changed.
    func followUnderlay() async throws -> (before: Int, now: Int)? {
        try await order.run("swarm") {
            guard let own = network.ownPeer?.address else { return nil }
            let (before, now) = (network.underlayMTU, try await underlayMTU(of: own))
            guard before != now else { return nil }
            network.setUnderlayMTU(now)
            try await network.refresh()
            return (before, now)
        }
    }

    /// Writes what is not on record yet; what cannot be written is tried again with the next change.
    private func keep() async throws {
        let unwritten = state.withLock { state in
            defer { (state.facts, state.nodeID) = ([], nil) }
            return state
        }
        do {
            try await kept.write(network.present(unwritten.facts), nodeID: unwritten.nodeID)
        } catch {
            state.withLock { state in
                state.facts.formUnion(unwritten.facts)
                state.nodeID = state.nodeID ?? unwritten.nodeID
            }
            throw error
        }
    }

    /// Ports that somebody serves in a container's network.
    func listening(in id: String) async throws -> ListeningSockets {
        try await network.dataPlane.listening(inSandbox: id)
    }

    /// Returns when the container that holds an attachment is not as `known` says: how it is, or `nil`.
    func waitForHolder(of attachmentID: String, otherThan known: AttachmentHolder) async throws -> AttachmentHolder? {
        func holder() -> AttachmentHolder? {
            containers.record(ofAttachment: attachmentID).map { record in
                let place = record.endpoints.first { $0.attachmentID == attachmentID }
                return AttachmentHolder(name: record.name, addresses: place?.chosenAddresses ?? [])
            }
        }
        try await endpoints.holders.wait(attachmentID) { holder() == known }
        return holder()
    }

    /// Makes this node's part of the networks that a task is on and that nodes make by themselves.
    func ensureNodeLocal(for task: SwarmTask) async throws {
        for attachment in task.networksAttachments ?? [] where attachment.network.isNodeLocal {
            try await endpoints.networks.ensureNodeLocal(attachment.network)
        }
    }

    /// Of those the ones that lead outside.
    var openNodeLocal: Set<String> { Set(local.ofSwarm.filter { !$0.isClosed }.map(\.id)) }

    /// What this node has chosen for a container of a task in such networks.
    func chosenAddresses(of record: ContainerRecord) -> [TaskStatus.ChosenAddresses] {
        let own = Set(local.ofSwarm.map(\.id))
        return record.endpoints.filter { own.contains($0.networkID) }.compactMap { place in
            place.chosenAddresses.map { TaskStatus.ChosenAddresses(networkID: place.networkID, addresses: $0) }
        }
    }

    /// Containers outside of services go on without the swarm's networks.
    func dropAttachments() async throws { try await endpoints.dropAttachments() }

    /// The node has left the swarm, and its tasks have gone.
    func leave() async throws {
        try await order.run("swarm") {
            network.setSwarm(nil, nodeID: nil, underlayMTU: NetworkCoordinator.usualMTU)
            network.encryption.take(OverlayKeyring())
            state.withLock { $0 = Unwritten() }
            try await kept.erase()
            noteIngress()
        }
        // A user may have put a container there: then it stays, as the container does.
        if let bridge = local.named(LocalNetwork.gatewayBridgeName), bridge.isMadeByHand != true {
            _ = try await endpoints.networks.removeUnused(bridge.id)
        }
        try await endpoints.networks.dropNodeLocal()
        try await network.refresh()
    }

    /// The MTU of the link that has the node's underlay address.
    private func underlayMTU(of address: IPAddress?) async throws -> Int {
        guard let address else { return NetworkCoordinator.usualMTU }
        let socket = try await RouteSocket.open(in: namespace)
        return try await onThread {
            guard let row = try socket.addresses(address.family).first(where: { $0.network.address == address }) else {
                return NetworkCoordinator.usualMTU
            }
            let link = try socket.links().first { row.link == .index($0.index) || row.link == .name($0.name) }
            return link?.mtu ?? NetworkCoordinator.usualMTU
        }
    }
}
