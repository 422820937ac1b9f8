import Model

/// One reason for which a node may be unfit for a task, and how it is explained to the user.
struct NodeFilter {
    var explanation: String
    var accepts: (Node) -> Bool

    static func all(for task: SwarmTask, _ service: Service?, _ load: NodeLoad) -> [NodeFilter] {
        [ready, resources(task, load), constraints(task), platform(task), hostPorts(task, load), replicas(task, load)]
    }

    private static var ready: NodeFilter {
        NodeFilter(explanation: "nodes not available for new tasks") {
            $0.status.state == .ready && $0.spec.availability == .active && $0.membership?.ingressAddress != nil
        }
    }

    private static func resources(_ task: SwarmTask, _ load: NodeLoad) -> NodeFilter {
        let wanted = task.spec.resources?.reservations ?? NodeResources()
        return NodeFilter(explanation: "insufficient resources") { node in
            guard wanted.nanoCPUs > 0 || wanted.memoryBytes > 0 else { return true }
            let free = load.free(node)
            return free.cpus >= wanted.nanoCPUs && free.memory >= wanted.memoryBytes
        }
    }

    private static func constraints(_ task: SwarmTask) -> NodeFilter {
        // Constraints are checked when the service is created: one that cannot be read fits no node.
        let constraints = (task.spec.placement?.constraints ?? []).map { try? PlacementConstraint($0) }
        return NodeFilter(explanation: "scheduling constraints not satisfied") { node in
            constraints.allSatisfy { $0?.matches(node) ?? false }
        }
    }

    private static func platform(_ task: SwarmTask) -> NodeFilter {
        let wanted = task.spec.placement?.platforms ?? []
        func common(_ architecture: String) -> String {
            ["amd64": "x86_64", "arm64": "aarch64"][architecture] ?? architecture
        }
        return NodeFilter(explanation: "unsupported platform") { node in
            guard !wanted.isEmpty, let own = node.description?.platform else { return true }
            return wanted.contains {
                ($0.system.isEmpty || $0.system == own.system)
                    && ($0.architecture.isEmpty || common($0.architecture) == common(own.architecture))
            }
        }
    }

    private static func hostPorts(_ task: SwarmTask, _ load: NodeLoad) -> NodeFilter {
        let wanted = task.hostPorts
        return NodeFilter(explanation: "host-mode port already in use") { node in
            wanted.isDisjoint(with: load.occupied(node.id))
        }
    }

    private static func replicas(_ task: SwarmTask, _ load: NodeLoad) -> NodeFilter {
        let limit = task.spec.placement?.maxReplicas ?? 0
        return NodeFilter(explanation: "max replicas per node limit exceed") { node in
            limit == 0 || load.tasks(of: task.serviceID, on: node.id) < Int(clamping: limit)
        }
    }
}
