import LinuxSystem
import Netlink
import Nftables

extension ReconcilePass {
    private enum Found: Sendable {
        /// Made just now, with these parameters set.
        case empty([NamespacePlan.Parameter])
        /// `isNamedAgain`: its name was missing.
        case observed(ObservedNamespace, isNamedAgain: Bool)
        case asApplied
    }

    /// Which namespaces are concerned, what they have, and what is to be done in each. Makes the namespaces that are
    /// missing.
    func observe(_ outcome: inout Outcome) async -> [Scope: Part] {
        var parts: [Scope: Part] = [:]
        var excerpts: [Scope: Part] = [:]
        for (scope, input) in derivation.inputs() {
            if let old = shared[scope] {
                var part = Part(input: input, wanted: derivation.state(for: input))
                part.have = old.state.kernel
                part.tables = .known(old.state.tables)
                excerpts[scope] = part
            } else if let old = previous[scope], old.input == input, old.isCertain, !examined.contains(scope) {
                outcome.applied[scope] = old
            } else {
                let known = previous[scope]
                let state = known?.input == input ? known?.state : nil
                parts[scope] = Part(input: input, wanted: state ?? derivation.state(for: input))
            }
        }
        let snapshot = parts
        let found = await forEach(Array(parts.keys), &outcome) { scope in
            try await look(at: scope, wanted: snapshot[scope]?.wanted ?? DesiredNamespace())
        }
        for scope in snapshot.keys {
            guard let state = found[scope] else {
                // Not to be entered, or not to be made: tried again in the next pass.
                parts[scope] = nil
                outcome.applied[scope] = uncertain(previous[scope])
                continue
            }
            take(state, into: &parts[scope], scope)
        }
        parts.merge(excerpts) { first, _ in first }
        await learnRules(parts, &outcome)
        plan(&parts, &outcome)
        return parts
    }

    /// Tables that fit were loaded by an earlier daemon: what their rules are to look like must be found out.
    private func learnRules(_ parts: [Scope: Part], _ outcome: inout Outcome) async {
        outcome.book = book
        var unknown: [Table] = []
        for part in parts.values {
            guard case .observed(let observed) = part.tables else { continue }
            unknown += part.wanted.tables.filter { observed[$0.id]?.comment == $0.tag && !book.knows($0) }
        }
        if unknown.isEmpty { return }
        do {
            try await outcome.book.probe(unknown, at: derivation.layout.probe())
        } catch {
            outcome.fail(.node, error)
        }
    }

    private func uncertain(_ applied: AppliedNamespace?) -> AppliedNamespace? {
        var copy = applied
        copy?.isCertain = false
        return copy
    }

    private func look(at scope: Scope, wanted: DesiredNamespace) async throws -> Found {
        var isNamedAgain = false
        if let namespace = derivation.namespace(of: scope) {
            if !namespace.exists(), let kept = held[scope] {
                try await onThread { try kept.restore(at: namespace.path) }
                isNamedAgain = true
            }
            if !namespace.exists() {
                _ = try await NetworkNamespace.create(at: namespace.path) { try NamespaceWork.prepare() }
                return try await start(scope, namespace, wanted)
            }
            if prepared.contains(scope), previous[scope] == nil { return try await start(scope, namespace, wanted) }
        }
        if let old = previous[scope], old.isCertain, !examined.contains(scope), !isNamedAgain { return .asApplied }
        let generation = previous[scope]?.isCertain == true ? handles.generations[scope] : nil
        let dump = NamespaceDump(scope: scope, wanted: wanted, generation: generation)
        let observed = try await inside(scope) { try dump.take() }
        // What is changed from here on is known again.
        handles.generations[scope] = observed.isPartial ? nil : observed.generation
        return .observed(observed, isNamedAgain: isNamedAgain)
    }

    /// Sets what new links inherit, before there are any.
    private func start(
        _ scope: Scope, _ namespace: NetworkNamespace, _ wanted: DesiredNamespace
    ) async throws -> Found {
        var plan = NamespacePlan()
        plan.earlyParameters = NamespacePlan(from: KernelState(), to: wanted, in: namespace).earlyParameters
        let early = plan
        handles.generations[scope] = nil
        try await namespace.run { try NamespaceWork.clear(early, RouteSocket()) }
        return .empty(early.earlyParameters)
    }

    private func take(_ found: Found, into part: inout Part?, _ scope: Scope) {
        switch found {
        case .empty(let parameters):
            part?.wasExamined = examined.contains(scope)
            part?.isNew = true
            part?.have.addInitial()
            for parameter in parameters { part?.have.parameters[parameter.name] = parameter.value }
        case .asApplied:
            guard let old = previous[scope] else { return }
            part?.have = old.state.kernel
            part?.tables = .known(old.state.tables)
        case .observed(let observed, let isNamedAgain):
            part?.have = observed.kernel
            part?.tables = observed.tables.map { .observed($0) } ?? .known(previous[scope]?.state.tables ?? [])
            part?.isPartial = observed.isPartial
            part?.lookTime = observed.duration
            if isNamedAgain { part?.notes = ["the namespace's name was missing"] }
            part?.wasExamined = true
        }
    }

    /// Looks at what is known of namespaces, and derives nothing.
    /// - Returns: How long each look took; `nil` when something is not as it is known to be, or cannot be told.
    func looksAsKnown() async -> [Scope: Duration]? {
        for (scope, known) in previous {
            guard known.isCertain, known.isSearched || !scope.translates else { return nil }
            if let namespace = derivation.namespace(of: scope), !namespace.exists() { return nil }
        }
        var outcome = Outcome()
        let found = await forEach(Array(previous.keys), &outcome) { scope in
            let dump = NamespaceDump(
                scope: scope, wanted: previous[scope]?.state ?? DesiredNamespace(),
                generation: handles.generations[scope])
            return try await inside(scope) { try dump.take() }
        }
        for (scope, known) in previous {
            guard let observed = found[scope], !observed.isPartial else { return nil }
            var part = Part(input: known.input, wanted: known.state)
            part.have = observed.kernel
            part.plan = NamespacePlan(from: part.have, to: part.wanted, in: derivation.namespace(of: scope))
            // Without tables they are as they were left: there is nothing to hold against each other.
            if let tables = observed.tables {
                part.tables = .observed(tables)
                if !known.state.tables.allSatisfy(book.knows) { return nil }
                var parts = [scope: part]
                planTables(scope, book, &parts)
                guard parts[scope]?.count == 0 else { return nil }
            }
            guard part.count == 0 else { return nil }
        }
        for (scope, observed) in found { handles.generations[scope] = observed.generation }
        return found.mapValues(\.duration)
    }

    // MARK: plans

    /// Where the node end of a container's interface is.
    private struct PortPlace: Sendable {
        let scope: Scope
        let port: String
        let owner: Scope
        let interface: String
    }

    private func plan(_ parts: inout [Scope: Part], _ outcome: inout Outcome) {
        let places = portPlaces(parts, outcome.applied)
        var broken: [Scope: Set<String>] = [:]
        for place in places {
            guard let owner = parts[place.owner], owner.wanted.kernel.links[place.interface] != nil,
                owner.have.links[place.interface] == nil
            else { continue }
            broken[place.scope, default: []].insert(place.port)
            recall(place.scope, into: &parts, &outcome)
        }
        for (scope, part) in parts where scope.holdsPorts {
            parts[scope]?.plan = NamespacePlan(
                from: part.have, to: part.wanted, in: derivation.namespace(of: scope), broken: broken[scope] ?? [])
        }
        for place in places where parts[place.scope]?.plan.madeLinks.contains(place.port) == true {
            recall(place.owner, into: &parts, &outcome)
            parts[place.owner]?.have.forget(link: place.interface)
            // Rules hooked to the device went with it.
            if case .known(let tables) = parts[place.owner]?.tables {
                parts[place.owner]?.tables = .known(tables.filter { $0.id != MeshTables.deviceID })
            } else if case .observed(var tables) = parts[place.owner]?.tables {
                tables[MeshTables.deviceID] = nil
                parts[place.owner]?.tables = .observed(tables)
            }
        }
        for (scope, part) in parts {
            if !scope.holdsPorts {
                parts[scope]?.plan = NamespacePlan(
                    from: part.have, to: part.wanted, in: derivation.namespace(of: scope))
            }
            planTables(scope, outcome.book, &parts)
        }
    }

    /// Adds a namespace to the pass that was thought to need nothing.
    private func recall(_ scope: Scope, into parts: inout [Scope: Part], _ outcome: inout Outcome) {
        guard parts[scope] == nil, let old = outcome.applied.removeValue(forKey: scope) else { return }
        var part = Part(input: old.input, wanted: old.state)
        part.have = old.state.kernel
        part.tables = .known(old.state.tables)
        parts[scope] = part
    }

    private func planTables(_ scope: Scope, _ book: ChainCache, _ parts: inout [Scope: Part]) {
        guard var part = parts[scope] else { return }
        part.desiredTables = part.wanted.tables
        let wanted = Set(part.desiredTables.map(\.id))
        var removals = ""
        var additions = ""
        func add(_ change: TableChange) {
            removals += change.removals
            additions += change.additions
            part.change.join(steps: change)
            part.change.summary += change.summary
            part.change.count += change.count
        }
        switch part.tables {
        case .known(let old):
            for table in old where !wanted.contains(table.id) { add(.removal(of: table.id)) }
        case .observed(let observed):
            for id in observed.keys where !wanted.contains(id) { add(.removal(of: id)) }
        }
        for table in part.desiredTables {
            let change: TableChange
            switch part.tables {
            case .known where part.isNew && !scope.holdsPorts: change = table.creation
            case .known(let old): change = table.change(from: old.first { $0.id == table.id })
            case .observed(let observed): change = table.change(from: observed[table.id], rules: book.rules(of: table))
            }
            if table.id == GuardTable.id {
                part.guarding = change
                continue
            }
            if change.isReplacement { part.replaced.append(table) }
            add(change)
        }
        part.change.removals = removals
        part.change.additions = additions
        parts[scope] = part
    }

    private func portPlaces(_ parts: [Scope: Part], _ applied: [Scope: AppliedNamespace]) -> [PortPlace] {
        var owners: [NetworkNamespace: Scope] = [derivation.layout.ingress: .ingress]
        for sandbox in derivation.wanted.sandboxes {
            owners[derivation.layout.sandbox(sandbox.id)] = .sandbox(sandbox.id)
        }
        var places: [PortPlace] = []
        let states = parts.mapValues(\.wanted).merging(applied.mapValues(\.state)) { first, _ in first }
        for (scope, state) in states where scope.holdsPorts {
            for (name, link) in state.kernel.links {
                guard case .veth(let peer?) = link.make, let owner = owners[peer.namespace] else { continue }
                places.append(PortPlace(scope: scope, port: name, owner: owner, interface: peer.name))
            }
        }
        return places
    }
}

extension Scope {
    /// Whether veth pairs are made from here.
    var holdsPorts: Bool {
        switch self {
        case .node, .overlay: true
        case .ingress, .sandbox: false
        }
    }
}
