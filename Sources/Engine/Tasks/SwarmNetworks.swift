import Addressing
import Concurrency
import EngineInterface
import LinuxSystem
import LocalStore
import Model
import Netlink

/// The swarm's networks on this node: what the swarm says of them is kept, so that they are there again before any manager answers.
final class SwarmNetworks: Sendable {
    private let store: LocalStore
    private let containers: ContainerTable
    private let endpoints: EndpointService

    init(store: LocalStore, containers: ContainerTable, endpoints: EndpointService) {
        self.containers = containers
        self.endpoints = endpoints
        self.store = store
    }

    private var network: NetworkCoordinator { endpoints.network }
    private var local: LocalNetworks { endpoints.local }

    var gatewayBridgeID: String? { local.named(LocalNetwork.gatewayBridgeName)?.id }

    /// Takes up what an earlier daemon was told.
    func load() async throws {
        let places = try await store.restore(SwarmPlace.self, kind: .node)
        if let place = places.first(where: { $0.id == SwarmPlace.key })?.value { try await take(place) }
    }

    /// Makes the networks as told; returns when new connections follow it.
    func apply(_ state: SwarmNetworkState, nodeID: String) async throws {
        _ = try await local.ensureGatewayBridge(taken: state.subnets, routed: try await RoutedSubnets.read())
        let place = SwarmPlace(nodeID: nodeID, network: state)
        try await store.save(place, kind: .node, id: SwarmPlace.key)
        try await take(place)
        try await network.refresh()
    }

    /// Lets the node's networks be computed from the swarm's word from now on.
    private func take(_ place: SwarmPlace) async throws {
        let own = place.network.peers.first { $0.nodeID == place.nodeID }
        network.setSwarm(place.network, nodeID: place.nodeID, underlayMTU: try await underlayMTU(of: own?.address))
    }

    /// Returns when the container that holds an attachment is not called `name`: what it is called, or `nil`.
    func waitForHolder(of attachmentID: String, otherThan name: String) async throws -> String? {
        func holder() -> String? {
            containers.all.first { $0.endpoints.contains { $0.attachmentID == attachmentID } }?.name
        }
        try await endpoints.holders.wait(attachmentID) { holder() == name }
        return holder()
    }

    /// Containers outside of services go on without the swarm's networks.
    func dropAttachments() async throws { try await endpoints.dropAttachments() }

    /// The node has left the swarm, and its tasks have gone.
    func leave() async throws {
        network.setSwarm(nil, nodeID: nil, underlayMTU: NetworkCoordinator.usualMTU)
        try await store.delete(kind: .node, id: SwarmPlace.key)
        // A user may have put a container there: then it stays, as the container does.
        if let bridge = local.named(LocalNetwork.gatewayBridgeName) {
            _ = try await endpoints.networks.removeUnused(bridge.id)
        }
        try await network.refresh()
    }

    /// The MTU of the link that has the node's underlay address.
    private func underlayMTU(of address: IPAddress?) async throws -> Int {
        guard let address else { return NetworkCoordinator.usualMTU }
        return try await onThread {
            let socket = try RouteSocket()
            guard let row = try socket.addresses().first(where: { $0.network.address == address }) else {
                return NetworkCoordinator.usualMTU
            }
            let link = try socket.links().first { row.link == .index($0.index) || row.link == .name($0.name) }
            return link?.mtu ?? NetworkCoordinator.usualMTU
        }
    }
}

/// What the engine itself remembers of the swarm: enough to have its networks again before any manager answers.
struct SwarmPlace: VersionedRecord {
    static let recordKind = "swarm-place"
    static let recordVersion = 1
    static let key = "swarm"
    var nodeID: String
    var network: SwarmNetworkState
}
