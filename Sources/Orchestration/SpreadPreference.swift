import Model

/// `--placement-pref spread=node.labels.zone`: the nodes of each value of the label get equally many tasks of a service.
package struct SpreadPreference: Sendable, Equatable {
    private enum Source { case node, engine }
    private let source: Source
    private let label: String

    /// - Returns: `nil` for what is no label of a node or of its engine.
    package init?(_ descriptor: String) {
        // As in constraints: names of labels alone are taken as they are spelled.
        let lowered = descriptor.lowercased()
        if lowered.hasPrefix("node.labels.") {
            source = .node
        } else if lowered.hasPrefix("engine.labels.") {
            source = .engine
        } else {
            return nil
        }
        label = String(descriptor.dropFirst(source == .node ? 12 : 14))
        if label.isEmpty { return nil }
    }

    static func all(of task: SwarmTask) -> [SpreadPreference] {
        (task.spec.placement?.preferences ?? []).compactMap { SpreadPreference($0.spread?.spreadDescriptor ?? "") }
    }

    /// Nodes without the label form a group of their own.
    func value(_ node: Node) -> String {
        switch source {
        case .node: node.spec.labels[label] ?? ""
        case .engine: node.description?.engine.labels?[label] ?? ""
        }
    }
}

extension [SpreadPreference] {
    /// The fit nodes of the group that has the fewest tasks of the task's service, one preference after the other; those that the task is
    /// to replace do not count.
    ///
    /// Tasks on nodes that are not fit, full ones for instance, count for their group.
    func narrow(
        _ fit: [SharedObject<Node>], of state: SwarmState, _ load: NodeLoad
    ) -> [SharedObject<Node>] {
        if isEmpty { return fit }
        var fit = fit
        var all = Array<SharedObject<Node>>(state.nodes.shared)
        for preference in self where fit.count > 1 {
            var counts: [String: Int] = [:]
            for node in all {
                counts[preference.value(node.value), default: 0] += load.others(on: node.value.id)
            }
            let best = Set(fit.map { preference.value($0.value) }).min {
                (counts[$0] ?? 0, $0) < (counts[$1] ?? 0, $1)
            }
            fit = fit.filter { preference.value($0.value) == best }
            all = all.filter { preference.value($0.value) == best }
        }
        return fit
    }
}
