import Addressing
import LinuxSystem
import Netlink
import Nftables

/// Carries out a ``FinePlan`` over the sockets that are open in each namespace, on one thread that is there already. Order: rows of what comes, the
/// elements that lead to it, those of the node last; then connections are forgotten, and rows of what is gone are taken away.
struct FinePass: Sendable {
    let plan: FinePlan
    let handles: NamespaceHandles

    struct Outcome: Sendable {
        var changes = 0
        var touched: Set<Scope> = []
        var failures: [Scope: [any Error]] = [:]

        mutating func note(_ scope: Scope, _ count: Int, _ work: () throws -> Void) {
            do {
                try work()
                changes += count
                touched.insert(scope)
            } catch {
                failures[scope, default: []].append(error)
            }
        }

        /// What work has come to; without a thread to do it on, everything is doubtful.
        mutating func add(of work: () async throws -> Outcome) async {
            do {
                let other = try await work()
                changes += other.changes
                touched.formUnion(other.touched)
                failures.merge(other.failures) { $0 + $1 }
            } catch {
                failures[.node, default: []].append(error)
            }
        }
    }

    /// All but what only takes away what nothing leads to any more.
    func run() async throws -> Outcome {
        let services = plan.services.mapValues { RulesetChanges($0) }
        let (ingress, node) = (RulesetChanges(plan.ingress), RulesetChanges(plan.node))
        return try await handles.worker.run {
            var outcome = Outcome()
            for (id, rows) in plan.rows where !rows.building.isEmpty {
                handles.own.expect(rows.quiet(rows.building), in: handles.id(of: .overlay(id)))
                outcome.note(.overlay(id), rows.building.count) {
                    try handle(.overlay(id)).route.perform(rows.building)
                }
            }
            for (overlay, changes) in services {
                for id in plan.members[overlay] ?? [] { change(.sandbox(id), changes, &outcome) }
            }
            if !plan.ingress.isEmpty { change(.ingress, ingress, &outcome) }
            if !plan.node.isEmpty { change(.node, node, &outcome) }
            return outcome
        }
    }

    func remove() async throws -> Outcome {
        if plan.rows.values.allSatisfy(\.removing.isEmpty) { return Outcome() }
        return try await handles.worker.run {
            var outcome = Outcome()
            for (id, rows) in plan.rows where !rows.removing.isEmpty {
                handles.own.expect(rows.isForgiving ? 0 : rows.removing.count, in: handles.id(of: .overlay(id)))
                outcome.note(.overlay(id), rows.removing.count) {
                    try handle(.overlay(id)).route.perform(rows.removing)
                }
            }
            return outcome
        }
    }

    private func change(_ scope: Scope, _ changes: RulesetChanges?, _ outcome: inout Outcome) {
        outcome.note(scope, changes?.count ?? 0) {
            guard let changes else {
                throw DataPlaneError(code: .incomplete, message: "elements cannot be written as the kernel has them")
            }
            try handles.change(scope, changes)
        }
    }

    private func handle(_ scope: Scope) throws -> NamespaceHandle {
        guard let handle = handles[scope] else {
            throw DataPlaneError(code: .incomplete, message: "the namespace is not open")
        }
        return handle
    }
}

extension FinePlan.Rows {
    /// Of how many the kernel tells without saying who it was: of those of forwarding tables, and of whatever is deleted.
    fileprivate func quiet(_ requests: [any NetlinkRequest]) -> Int { requests.count { $0 is SetForwardingEntry } }
}

extension Ledger {
    /// Notes what a fine pass has led to, in place: what is kept of each namespace is changed where the pass has changed it.
    mutating func take(_ plan: FinePlan, _ network: NodeNetwork) {
        for (id, rows) in plan.rows {
            guard let overlay = network.overlays.first(where: { $0.id == id }) else { continue }
            applied[.overlay(id)]?.take(rows, overlay)
        }
        for (id, members) in plan.members {
            guard let overlay = network.overlays.first(where: { $0.id == id }) else { continue }
            if plan.rows[id] == nil { applied[.overlay(id)]?.takeReserved(of: overlay) }
            guard plan.services[id] != nil else { continue }
            for sandbox in members { applied[.sandbox(sandbox)]?.take(tasks: overlay.tasks, of: id) }
        }
        if let ports = plan.portsAtNode { applied[.node]?.take(ports: ports, plan.node) }
        if let ports = plan.portsAtSandbox { applied[.ingress]?.take(ports: ports, plan.ingress) }
    }
}

extension AppliedNamespace {
    fileprivate mutating func takeReserved(of overlay: OverlayNetwork) {
        guard case .overlay(var inside, let underlay, let local) = input else { return }
        inside.reserved = overlay.reserved
        input = .overlay(inside, underlay, local)
    }

    fileprivate mutating func take(_ rows: FinePlan.Rows, _ overlay: OverlayNetwork) {
        guard case .overlay(var inside, let underlay, let local) = input else { return }
        inside.remotes = overlay.remotes
        inside.reserved = overlay.reserved
        input = .overlay(inside, underlay, local)
        for (key, target) in rows.forwarding { state.kernel.forwarding[key] = target }
        for (key, mac) in rows.neighbours { state.kernel.neighbours[key] = mac }
    }

    fileprivate mutating func take(tasks: [IPAddress: [IPAddress]], of overlay: String) {
        guard case .sandbox(let sandbox, var networks) = input,
            let place = sandbox.endpoints.firstIndex(where: { $0.network == .overlay(overlay) }),
            networks.indices.contains(place)
        else { return }
        networks[place].tasks = tasks
        input = .sandbox(sandbox, networks)
        state.services?.networks[place] = tasks
    }

    fileprivate mutating func take(ports changes: FinePlan.Ports, _ steps: [TableStep]) {
        var ports = input.meshPorts
        // Else the change would copy the list: it is there twice.
        replace(ports: [])
        ports.take(changes)
        replace(ports: ports)
        for place in state.fixedTables.indices { state.fixedTables[place].take(steps) }
    }

    private mutating func replace(ports: [MeshPort]) {
        switch input {
        case .node(var network, let sandboxes, let filtersBridges):
            network.ingress?.ports = ports
            input = .node(network, sandboxes, filtersBridges: filtersBridges)
        case .ingress(var ingress, let mtu, let bridge):
            ingress.ports = ports
            input = .ingress(ingress, overlayMTU: mtu, bridge: bridge)
        case .overlay, .sandbox: return
        }
    }
}

extension [MeshPort] {
    fileprivate mutating func take(_ changes: FinePlan.Ports) {
        for port in changes.changed {
            if let place = firstIndex(where: { $0.key == port.key }) { self[place] = port }
        }
        if !changes.gone.isEmpty { removeAll { changes.gone.contains($0.key) } }
        append(contentsOf: changes.come)
    }
}

extension Table {
    /// Carries out steps in the value.
    fileprivate mutating func take(_ steps: [TableStep]) {
        for step in steps {
            switch step {
            case .remove(id, let name, _, let keys):
                guard let place = sets.firstIndex(where: { $0.name == name }) else { continue }
                for key in keys { sets[place].elements[key] = nil }
            case .add(id, let name, _, let values):
                guard let place = sets.firstIndex(where: { $0.name == name }) else { continue }
                for (key, value) in values { sets[place].elements[key] = value }
            case .chain(id, let name, let count, let balancing): chains[name] = balancing.text(of: count)
            default: break
            }
        }
    }
}
