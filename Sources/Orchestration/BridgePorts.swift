import Model

/// A bridge of a node on which a task has a port: Linux gives a bridge no more than 1,023 (`BR_PORT_BITS` of `net/bridge/br_private.h`), and says no more
/// than "exchange full" to one that comes too late.
struct NodeBridge: Hashable, Sendable {
    /// The id of the overlay that has the bridge, or the bridge's own name.
    let key: String
    /// The network's, for people.
    let name: String
    /// How many tasks of the swarm may have a port there; others are taken already.
    let limit: Int

    private static let ports = 1023

    /// An overlay's: one port is that of the device to the other nodes, and in the ingress network one is the node's own.
    init(of network: SwarmNetwork) {
        key = network.id
        name = network.spec.name
        limit = Self.ports - (network.spec.ingress == true ? 2 : 1)
    }

    private init(named name: String, limit: Int) {
        key = name
        self.name = name
        self.limit = limit
    }

    /// The way out of containers in overlays; the ingress sandbox has one port.
    static let gateway = NodeBridge(named: "docker_gwbridge", limit: ports - 1)
    /// For tasks in no network of the swarm.
    static let usual = NodeBridge(named: "bridge", limit: ports)
}

extension SwarmTask {
    /// The bridges on which the task takes a port of its node, each once.
    var bridges: [NodeBridge] {
        let attachments = networksAttachments ?? []
        if attachments.isEmpty { return isAttachment ? [] : [.usual] }
        // What hangs on a link of the node has no port on a bridge.
        let overlays = attachments.map(\.network).filter { !$0.isNodeLocal }
        var bridges = overlays.map { NodeBridge(of: $0) }
        let publishes = overlays.contains { $0.spec.ingress == true } || !publishesOnNode.isEmpty
        let leavesNode = overlays.contains(where: \.leadsOutside) || publishes && !overlays.areSealed
        if leavesNode { bridges.append(.gateway) }
        return bridges
    }

    private var publishesOnNode: [PortConfig] { (assignment?.ports ?? []).filter { !$0.isOnMesh } }
}
