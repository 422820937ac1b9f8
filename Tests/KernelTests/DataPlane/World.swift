import Addressing
import DataPlane
import Engine
import LinuxSystem
import Logging
import Model
import Netlink
import TestKit
import Testing

/// Nodes and a client on a switch, all in namespaces of their own.
struct World: Sendable {
    struct Node: Sendable {
        let number: UInt8
        let namespace: NetworkNamespace
        let plane: NodeDataPlane

        var address: IPAddress { IPAddress(198, 51, 100, 10 + number) }
        var ingressAddress: IPNetwork { IPNetwork(address: IPAddress(240, 255, 0, number + 1), prefixLength: 16) }
        func sandbox(_ id: String) -> NetworkNamespace { plane.sandboxNamespace(id) }
    }

    let nodes: [Node]
    let client: NetworkNamespace
    let way: Way
    /// What each node was told last, by its number.
    let told = Kept<[UInt8: NodeNetwork]>([:])
    static let clientAddress = IPAddress(198, 51, 100, 50)
}

extension NodeDataPlane {
    /// With ports of the node that are its alone.
    convenience init(runDirectory: String, nodeNamespace: NetworkNamespace, log: Logger) {
        self.init(
            runDirectory: runDirectory, nodeNamespace: nodeNamespace,
            ports: PortReservations(namespace: nodeNamespace), log: log)
    }

    /// Those ports.
    var reservations: PortReservations { get throws { try #require(ports as? PortReservations) } }
}

/// Builds a world, and removes everything afterwards.
/// - Parameter way: How ``apply(_:_:)`` leads its nodes; in the end the kernel is compared with what is derived as a whole. `nil`: as a whole, and what a test
///   has left is not looked at.
func withWorld(nodes count: Int, by way: Way? = nil, _ body: (World) async throws -> Void) async throws {
    try await withNetworkNamespaces(count + 2) { namespaces in
        try await withTemporaryDirectory { directory in
            let ground = namespaces[0]
            try await ground.run {
                try RouteSocket().perform(
                    CreateBridge(name: "ul0", options: BridgeOptions(multicastSnooping: false), isUp: true))
                if try Sysctl.read("net/bridge/bridge-nf-call-iptables") != nil {
                    try Sysctl.write("net/bridge/bridge-nf-call-iptables", "0")
                }
            }
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            var nodes: [World.Node] = []
            for number in 1...count {
                let namespace = namespaces[number]
                let plane = NodeDataPlane(runDirectory: "\(directory)/n\(number)", nodeNamespace: namespace, log: log)
                let node = World.Node(number: UInt8(number), namespace: namespace, plane: plane)
                try await attach(namespace, node.address, to: ground, "p\(number)")
                nodes.append(node)
            }
            let client = namespaces[count + 1]
            try await attach(client, World.clientAddress, to: ground, "pc")
            let world = World(nodes: nodes, client: client, way: way ?? .whole)
            try await cleaningUp {
                try await body(world)
                if way != nil { try await world.expectAsDerived() }
            } by: {
                for node in nodes { try await node.plane.teardown() }
            }
        }
    }
}

private func attach(_ namespace: NetworkNamespace, _ address: IPAddress, to ground: NetworkNamespace, _ port: String)
    async throws
{
    try await ground.run {
        try RouteSocket().perform([
            CreateVeth(name: port, master: "ul0", isUp: true, peer: VethPeer(name: "eth0", namespace: namespace)),
            SetLink(.name(port), isUp: true),
        ])
    }
    try await namespace.run {
        try RouteSocket().perform([
            AddAddress(LinkAddress(link: "eth0", network: IPNetwork(address: address, prefixLength: 24))),
            SetLink("eth0", isUp: true),
        ])
    }
}

// MARK: wanted values

let docker0 = BridgeNetwork(
    id: "b0", linkName: "docker0", gateway: IPNetwork(address: IPAddress(172, 17, 0, 1), prefixLength: 16))
let gatewayBridge = BridgeNetwork(
    id: "gw", linkName: "docker_gwbridge", gateway: IPNetwork(address: IPAddress(172, 18, 0, 1), prefixLength: 16),
    allowsInterContainer: false)

/// A container on docker0 (last octet of its address).
func container(_ id: String, _ last: UInt8, published: [HostPort] = []) -> Sandbox {
    Sandbox(
        id: id,
        endpoints: [
            Sandbox.Endpoint(
                id: "e0\(id)", network: .bridge("b0"), interfaceName: "eth0",
                address: IPNetwork(address: IPAddress(172, 17, 0, last), prefixLength: 16),
                gateway: IPAddress(172, 17, 0, 1))
        ], defaultRouteEndpointID: "e0\(id)", published: published)
}

let serviceAddress = IPAddress(10, 1, 0, 100)
func taskAddress(_ node: UInt8, _ task: UInt8) -> IPAddress { IPAddress(10, 1, 0, node * 10 + task) }
func meshAddress(_ node: UInt8, _ task: UInt8) -> IPAddress { IPAddress(240, 255, 1, node * 10 + task) }

/// A task: eth0 in the overlay `app`, eth1 in docker_gwbridge, eth2 in ingress when it is published.
func task(_ node: UInt8, _ number: UInt8, isPublished: Bool, services: [VirtualAddress] = []) -> Sandbox {
    let id = "t\(node)\(number)"
    var sandbox = Sandbox(
        id: id,
        endpoints: [
            Sandbox.Endpoint(
                id: "ea\(id)", network: .overlay("app"), interfaceName: "eth0",
                address: IPNetwork(address: taskAddress(node, number), prefixLength: 24)),
            Sandbox.Endpoint(
                id: "eg\(id)", network: .bridge("gw"), interfaceName: "eth1",
                address: IPNetwork(address: IPAddress(172, 18, 0, 10 + number), prefixLength: 16),
                gateway: IPAddress(172, 18, 0, 1)),
        ], defaultRouteEndpointID: "eg\(id)", services: services)
    if isPublished {
        sandbox.endpoints.append(
            Sandbox.Endpoint(
                id: "ei\(id)", network: .overlay("net"), interfaceName: "eth2",
                address: IPNetwork(address: meshAddress(node, number), prefixLength: 16)))
        sandbox.mesh = MeshMembership(
            endpointID: "ei\(id)", gateway: IPAddress(240, 255, 0, 1),
            targetPorts: [.init(transport: .tcp, port: 80), .init(transport: .udp, port: 80)])
    }
    return sandbox
}

/// What the managers would tell each of two nodes: `tasks` are (node, number); all are published at 8080.
func swarm(_ world: World, tasks: [(node: UInt8, number: UInt8)], callers: [(node: UInt8, number: UInt8)] = [])
    -> [NodeNetwork]
{
    let backends = tasks.map { MeshPort.Backend(address: meshAddress($0.node, $0.number), port: 80) }
    let services = [VirtualAddress(address: serviceAddress, backends: tasks.map { taskAddress($0.node, $0.number) })]
    return world.nodes.map { node in
        var app: [RemoteEndpoint] = []
        var net: [RemoteEndpoint] = []
        for peer in world.nodes where peer.number != node.number {
            net.append(RemoteEndpoint(address: peer.ingressAddress.address, vtep: peer.address))
            for task in tasks + callers where task.node == peer.number {
                app.append(RemoteEndpoint(address: taskAddress(task.node, task.number), vtep: peer.address))
            }
            for task in tasks where task.node == peer.number {
                net.append(RemoteEndpoint(address: meshAddress(task.node, task.number), vtep: peer.address))
            }
        }
        return NodeNetwork(
            underlay: Underlay(
                address: node.address, peers: Set(world.nodes.map(\.address)), controlPorts: [2377, 2380]),
            bridges: [docker0, gatewayBridge],
            overlays: [
                OverlayNetwork(id: "net", vni: 4096, remoteEndpoints: net),
                OverlayNetwork(id: "app", vni: 4097, remoteEndpoints: app),
            ],
            ingress: IngressSandbox(
                address: node.ingressAddress, overlayID: "net", bridgeID: "gw",
                gatewayAddresses: IPNetwork(address: IPAddress(172, 18, 0, 2), prefixLength: 16),
                ports: [
                    MeshPort(transport: .tcp, publishedPort: 8080, backends: backends),
                    MeshPort(transport: .udp, publishedPort: 8080, backends: backends),
                ]),
            sandboxes: tasks.filter { $0.node == node.number }
                .map { task($0.node, $0.number, isPublished: true, services: services) }
                + callers.filter { $0.node == node.number }
                .map { task($0.node, $0.number, isPublished: false, services: services) })
    }
}

/// Brings every node to its part.
func apply(_ networks: [NodeNetwork], _ world: World) async throws {
    for (node, network) in zip(world.nodes, networks) {
        let report = try await world.lead(node, to: network)
        try #require(report.failures.isEmpty, "\(report.failures)")
    }
}
