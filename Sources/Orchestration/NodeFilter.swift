import Model

/// One reason for which a node may be unfit for a task, and how it is explained to the user.
struct NodeFilter {
    /// Takes the number of nodes that it refused. Source of the texts: SwarmKit.
    var explain: (Int) -> String
    var accepts: (Node) -> Bool

    static func all(for task: SwarmTask, _ load: NodeLoad) -> [NodeFilter] {
        [ready, resources(task, load), constraints(task), platform(task), hostPorts(task, load), replicas(task, load)]
    }

    private static func on(_ count: Int) -> String { "on \(count) node\(count == 1 ? "" : "s")" }

    private static var ready: NodeFilter {
        NodeFilter(explain: { "\($0) node\($0 == 1 ? "" : "s") not available for new tasks" }) {
            $0.status.state == .ready && $0.spec.availability == .active && $0.membership?.ingressAddresses != nil
        }
    }

    private static func resources(_ task: SwarmTask, _ load: NodeLoad) -> NodeFilter {
        let wanted = task.spec.resources?.reservations ?? NodeResources()
        return NodeFilter(explain: { "insufficient resources \(on($0))" }) { node in
            guard wanted.nanoCPUs > 0 || wanted.memoryBytes > 0 else { return true }
            let free = load.free(node, for: task)
            return free.cpus >= wanted.nanoCPUs && free.memory >= wanted.memoryBytes
        }
    }

    private static func constraints(_ task: SwarmTask) -> NodeFilter {
        let placement = task.spec.placement ?? Placement()
        return NodeFilter(explain: { "scheduling constraints not satisfied \(on($0))" }) { placement.admits($0) }
    }

    private static func platform(_ task: SwarmTask) -> NodeFilter {
        let wanted = task.spec.placement?.platforms ?? []
        func common(_ architecture: String) -> String {
            ["amd64": "x86_64", "arm64": "aarch64"][architecture] ?? architecture
        }
        return NodeFilter(explain: { "unsupported platform \(on($0))" }) { node in
            guard !wanted.isEmpty, let own = node.description?.platform else { return true }
            return wanted.contains {
                ($0.system.isEmpty || $0.system == own.system)
                    && ($0.architecture.isEmpty || common($0.architecture) == common(own.architecture))
            }
        }
    }

    private static func hostPorts(_ task: SwarmTask, _ load: NodeLoad) -> NodeFilter {
        let wanted = task.hostPorts
        return NodeFilter(explain: { "host-mode port already in use \(on($0))" }) { node in
            wanted.isDisjoint(with: load.occupiedPorts(on: node.id, for: task))
        }
    }

    private static func replicas(_ task: SwarmTask, _ load: NodeLoad) -> NodeFilter {
        let limit = task.spec.placement?.maxReplicas ?? 0
        return NodeFilter(explain: { _ in "max replicas per node limit exceed" }) { node in
            limit == 0 || load.tasks(of: task.serviceID, on: node.id) < Int(clamping: limit)
        }
    }
}
