import Model

/// One reason for which a node may be unfit for a task, and how it is explained to the user.
struct NodeFilter {
    /// Takes the number of nodes that it refused. Source of the texts: SwarmKit.
    var explain: (Int) -> String
    var accepts: (SharedObject<Node>, NodeLoad, SwarmState) -> Bool

    /// The filters for a task; they hold for others of the same specification and the same ports, too, unless those replace a task.
    static func all(for task: SwarmTask) -> [NodeFilter] {
        [
            ready, resources(task), constraints(task), platform(task), hostPorts(task), replicas(task),
            encryption(task), sctp(task),
        ]
            + task.bridges.map(port)
    }

    /// Whether a node may get any task at all.
    static func takesTasks(_ node: Node, _ state: SwarmState) -> Bool {
        node.status.state == .ready && node.spec.availability == .active
            && (node.membership?.ingressAddresses != nil || state.lacksIngress)
    }

    private static func on(_ count: Int) -> String { "on \(count) node\(count == 1 ? "" : "s")" }

    private static var ready: NodeFilter {
        NodeFilter(explain: { "\($0) node\($0 == 1 ? "" : "s") not available for new tasks" }) { node, _, state in
            takesTasks(node.value, state)
        }
    }

    private static func resources(_ task: SwarmTask) -> NodeFilter {
        NodeFilter(explain: { "insufficient resources \(on($0))" }) { node, load, state in
            load.hasRoom(for: task, on: node, state)
        }
    }

    private static func constraints(_ task: SwarmTask) -> NodeFilter {
        // One that cannot be read fits no node.
        let constraints = (task.spec.placement?.constraints ?? []).map { try? PlacementConstraint($0) }
        return NodeFilter(explain: { "scheduling constraints not satisfied \(on($0))" }) { node, _, _ in
            constraints.allSatisfy { $0?.matches(node.value) ?? false }
        }
    }

    private static func platform(_ task: SwarmTask) -> NodeFilter {
        let wanted = task.spec.placement?.platforms ?? []
        func common(_ architecture: String) -> String {
            ["amd64": "x86_64", "arm64": "aarch64"][architecture] ?? architecture
        }
        return NodeFilter(explain: { "unsupported platform \(on($0))" }) { node, _, _ in
            guard !wanted.isEmpty, let own = node.value.description?.platform else { return true }
            return wanted.contains {
                ($0.system.isEmpty || $0.system == own.system)
                    && ($0.architecture.isEmpty || common($0.architecture) == common(own.architecture))
            }
        }
    }

    private static func hostPorts(_ task: SwarmTask) -> NodeFilter {
        let wanted = task.hostPorts
        return NodeFilter(explain: { "host-mode port already in use \(on($0))" }) { node, load, state in
            load.areFree(wanted, on: node.value.id, state)
        }
    }

    private static func port(on bridge: NodeBridge) -> NodeFilter {
        NodeFilter(explain: { "network \(bridge.name) full \(on($0)): \(bridge.limit) tasks at most" }) {
            node, load, state in
            load.hasPort(on: bridge, of: node.value.id, state)
        }
    }

    /// A node that says nothing of encryption does not know of it.
    private static func encryption(_ task: SwarmTask) -> NodeFilter {
        let isNeeded = task.isInEncryptedNetwork
        return NodeFilter(explain: { "encrypted networks not possible \(on($0))" }) { node, _, _ in
            guard isNeeded else { return true }
            guard let own = node.value.description?.encryption else { return false }
            return own.reason == nil
        }
    }

    private static func sctp(_ task: SwarmTask) -> NodeFilter {
        let isNeeded = task.assignment?.ports.contains { $0.transport == .sctp } == true
        return NodeFilter(explain: { "sctp not possible \(on($0))" }) { node, _, _ in
            !isNeeded || node.value.description?.hasSCTP == true
        }
    }

    private static func replicas(_ task: SwarmTask) -> NodeFilter {
        let limit = Int(clamping: task.spec.placement?.maxReplicas ?? 0)
        return NodeFilter(explain: { _ in "max replicas per node limit exceed" }) { node, load, _ in
            limit == 0 || load.tasks(on: node.value.id) < limit
        }
    }
}
