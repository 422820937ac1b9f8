import LinuxSystem
import Netlink
import Nftables

extension ReconcilePass {
    /// Carries out the pass up to its last step, ``remove(_:)``. Order: rules that lead to what goes are taken away;
    /// what ports may say is set, then namespaces, links and routes are made; rules that lead to them are set; connections of
    /// what is gone are forgotten.
    func run() async -> Outcome {
        var outcome = Outcome()
        let parts = await observe(&outcome)
        let overlays = parts.keys.filter { if case .overlay = $0 { true } else { false } }
        let inner = parts.keys.filter { !$0.holdsPorts }

        await withdraw(parts, &outcome)
        await buildNode(parts, &outcome)
        await build(overlays, parts, &outcome)
        await finish(inner, parts, &outcome)
        await publish(parts, &outcome)
        if shared.isEmpty { await forgetConnections(parts, &outcome) }

        for (scope, part) in parts {
            if part.count > 0 {
                outcome.changes += part.count
                outcome.touched.insert(scope)
                let words = part.wasExamined ? part.summary : []
                if !words.isEmpty { outcome.differences[scope] = words }
            }
            if shared[scope] != nil { continue }
            var applied = AppliedNamespace(input: part.input, state: part.wanted)
            applied.isCertain = outcome.failures[scope] == nil && !part.isPartial
            // After a failure old rules may still let the connections come again.
            applied.isSearched =
                previous[scope]?.isSearched == true || part.isNew
                || outcome.searched.contains(scope) && applied.isCertain
            outcome.applied[scope] = applied
        }
        outcome.parts = parts
        return outcome
    }

    /// Elements that lead to something on its way out, in the node's table.
    private func withdraw(_ parts: [Scope: Part], _ outcome: inout Outcome) async {
        guard let part = parts[.node], !part.change.removals.isEmpty, part.replaced.isEmpty else { return }
        let commands = part.change.removals
        _ = await forEach([.node], &outcome) { _ in
            if try await changeElements(.node, part.change.removalSteps) { return }
            try await inside(.node) {
                try changeRules(.node) { try NftContext().run(commands, attempting: "withdraw published ports") }
            }
        }
    }

    private func buildNode(_ parts: [Scope: Part], _ outcome: inout Outcome) async {
        let names = parts.keys.filter { $0 != .node }.compactMap { scope in
            derivation.namespace(of: scope).map { (scope, $0) }
        }
        let part = parts[.node]
        let book = outcome.book
        if part == nil, names.isEmpty { return }
        let done = await forEach([.node], &outcome) { _ in
            // No steps are not an empty list of them: what cannot be said as elements is loaded below.
            let isGuarded = if let part { try await changeElements(.node, part.guarding.steps) } else { true }
            let needsThread = !isGuarded || part?.plan.hasParameters == true
            return try await overSocket(.node, needsThread: needsThread) {
                socket -> (ids: [Scope: Int32], listed: [TableID: [String: String]]) in
                var ids: [Scope: Int32] = [:]
                for (scope, namespace) in names { ids[scope] = try socket.ensureNamespaceID(of: namespace) }
                guard let part else { return (ids, [:]) }
                let listed = isGuarded ? [:] : try guardPorts(.node, part, book)
                try NamespaceWork.clear(part.plan, socket)
                try NamespaceWork.build(part.plan, socket)
                return (ids, listed)
            }
        }
        outcome.namespaceIDs = done[.node]?.ids ?? [:]
        if let listed = done[.node]?.listed { part?.record(&outcome.book, listed) }
    }

    private func build(_ overlays: [Scope], _ parts: [Scope: Part], _ outcome: inout Outcome) async {
        let book = outcome.book
        let done = await forEach(overlays, &outcome) { scope -> [TableID: [String: String]] in
            guard let part = parts[scope], part.count > 0 else { return [:] }
            let plan = part.plan
            let isGuarded =
                try part.change.isEmpty ? await changeElements(scope, part.guarding.steps) : false
            let needsThread = !isGuarded || plan.hasParameters
            let listed = try await overSocket(scope, needsThread: needsThread) {
                socket -> [TableID: [String: String]] in
                // Foreign tables: an overlay has no other of its own.
                if !part.change.isEmpty {
                    try changeRules(scope) { try NftContext().run(part.change.commands) }
                }
                let listed = isGuarded ? [:] : try guardPorts(scope, part, book)
                try NamespaceWork.clear(plan, socket)
                return listed
            }
            if !plan.fromNode.isEmpty {
                // Here, so that the device's socket is the node's and its rules see the packets.
                try await overSocket(.node, needsThread: false) { try $0.perform(plan.fromNode) }
            }
            try await overSocket(scope, needsThread: plan.hasParameters) { try NamespaceWork.build(plan, $0) }
            return listed
        }
        for (scope, listed) in done { parts[scope]?.record(&outcome.book, listed) }
    }

    private func finish(_ scopes: [Scope], _ parts: [Scope: Part], _ outcome: inout Outcome) async {
        let book = outcome.book
        let done = await forEach(scopes, &outcome) { scope -> [TableID: [String: String]] in
            guard var part = parts[scope], !part.plan.isEmpty || !part.change.isEmpty else { return [:] }
            if !part.plan.fromNode.isEmpty { try await hang(&part.plan, in: scope) }
            let ready = part
            return try await complete(ready, of: scope, book)
        }
        for (scope, listed) in done { parts[scope]?.record(&outcome.book, listed) }
    }

    /// Makes the links that hang on the node's: each appears in the container's namespace under its name.
    private func hang(_ plan: inout NamespacePlan, in scope: Scope) async throws {
        let whole = plan
        try await overSocket(scope, needsThread: whole.hasParameters) { try NamespaceWork.clear(whole, $0) }
        try await overSocket(.node, needsThread: false) { try $0.perform(whole.fromNode) }
        plan.earlyParameters = []
        plan.clearing = []
    }

    private func complete(_ part: Part, of scope: Scope, _ book: ChainCache) async throws -> [TableID: [String: String]]
    {
        if !part.plan.hasParameters, let handle = handles[scope], let steps = part.change.steps,
            let changes = RulesetChanges(steps)
        {
            try await handles.worker.run {
                try NamespaceWork.clear(part.plan, handle.route)
                try NamespaceWork.build(part.plan, handle.route)
                try handles.change(scope, changes)
            }
            return [:]
        }
        return try await inside(scope) {
            let socket = try RouteSocket()
            try NamespaceWork.clear(part.plan, socket)
            try NamespaceWork.build(part.plan, socket)
            if part.isNew {
                let listed = try NamespaceWork.load(part.desiredTables, listing: part.loaded(book))
                // Nobody runs there yet.
                handles.generations[scope] = try RulesetSocket().generation()
                return listed
            }
            if part.change.isEmpty { return [:] }
            return try changeRules(scope) {
                try NamespaceWork.changeInSandbox(
                    part.change.commands, replacement: part.replacement, listing: part.loaded(book))
            }
        }
    }

    private func publish(_ parts: [Scope: Part], _ outcome: inout Outcome) async {
        guard let part = parts[.node], !part.change.additions.isEmpty || !part.replaced.isEmpty else { return }
        let commands = part.replaced.isEmpty ? part.change.additions : part.change.commands
        let book = outcome.book
        let steps = part.replaced.isEmpty ? part.change.additionSteps : nil
        let done = await forEach([.node], &outcome) { _ -> [TableID: [String: String]] in
            if try await changeElements(.node, steps) { return [:] }
            return try await inside(.node) {
                try changeRules(.node) { try NamespaceWork.change(commands, listing: part.loaded(book)) }
            }
        }
        for listed in done.values { part.record(&outcome.book, listed) }
    }

    private func forgetConnections(_ parts: [Scope: Part], _ outcome: inout Outcome) async {
        var ends = ConnectionEnds(
            from: previousNetwork, to: derivation.wanted, made: parts[.node]?.plan.madeLinks ?? [], kept: unforgotten
        ).byScope
            .filter { parts[$0.key] != nil || outcome.applied[$0.key] != nil }
        // While rules were missing, what came was led nowhere.
        let repaired = Set(parts.filter { $0.value.wasExamined && !$0.value.change.isEmpty }.keys)
        if repaired.contains(.node) { ends[.node, default: []] += ConnectionEnds.opened(derivation.wanted) }
        // What an earlier daemon knew and this one does not is in no difference.
        let unsearched = Set(
            parts.filter { scope, part in
                scope.translates && !part.isNew && (previous[scope]?.isSearched != true || repaired.contains(scope))
            }.keys)
        let stale = unsearched.isEmpty ? nil : StaleConnections(derivation.wanted)
        let wanted = ends
        // Where there is no connection there is nothing to look for, and looking would cost much.
        let quiet = await quiet(among: unsearched.union(wanted.keys))
        let done = await forEach(Array(unsearched.union(wanted.keys).subtracting(quiet)), &outcome) { scope in
            let gone = wanted[scope] ?? []
            let stale = unsearched.contains(scope) ? stale : nil
            return try await inside(scope) {
                let ended = EndedConnections(
                    gone, own: EndedConnections.needsOwn(gone) ? try NamespaceWork.ownAddresses() : [])
                let places = { (count: Int) in stale == nil ? ended.selections(among: count) : nil }
                return try NamespaceWork.forget(among: places) { connection in
                    ended.contains(connection) || stale?.contains(connection, in: scope) == true
                }
            }
        }
        outcome.searched = unsearched.intersection(quiet.union(done.keys))
        outcome.unforgotten = ends.filter { outcome.failures[$0.key] != nil }
    }

    private func quiet(among scopes: Set<Scope>) async -> Set<Scope> {
        let handles = handles
        do {
            return try await handles.worker.run { scopes.filter { handles[$0]?.hasConnections == false } }
        } catch {
            return []
        }
    }

    /// Elements over the namespace's open socket; false where not all can be said so.
    private func changeElements(_ scope: Scope, _ steps: [TableStep]?) async throws -> Bool {
        guard let steps, handles[scope] != nil, let changes = RulesetChanges(steps) else { return false }
        if !changes.isEmpty { try await handles.worker.run { try handles.change(scope, changes) } }
        return true
    }

    /// One transaction of nft's, on a thread inside the namespace.
    private func changeRules<T>(_ scope: Scope, _ work: () throws -> T) throws -> T {
        try handles.generations.change(scope, over: RulesetSocket(), work)
    }

    /// Before the ports are made. Blocking, inside the namespace.
    private func guardPorts(_ scope: Scope, _ part: Part, _ book: ChainCache) throws -> [TableID: [String: String]] {
        if part.guarding.isEmpty { return [:] }
        let unknown = part.desiredTables.filter { $0.id == GuardTable.id && !book.knows($0) }
        return try changeRules(scope) { try NamespaceWork.change(part.guarding.commands, listing: unknown) }
    }

    /// Runs work over the namespace's open socket, or on a thread inside where it is not open or work needs it.
    private func overSocket<T: Sendable>(
        _ scope: Scope, needsThread: Bool, _ work: @escaping @Sendable (RouteSocket) throws -> T
    ) async throws -> T {
        if !needsThread, let handle = handles[scope] {
            return try await handles.worker.run { try work(handle.route) }
        }
        return try await inside(scope) { try work(RouteSocket()) }
    }

    /// The last step: links and entries that nothing uses any more, then whole namespaces. It only waits for the kernel,
    /// which lets a while pass before it gives up a device.
    func remove(_ outcome: inout Outcome) async {
        let parts = outcome.parts
        let gone = previous.keys.filter { outcome.applied[$0] == nil }
        // A namespace ends some time after its last user. What hangs on a link of the node would keep its address there so long.
        let emptied = gone.filter { scope in
            if case .overlay = scope { return true }
            return previous[scope]?.state.kernel.links.values.contains(where: \.isChild) == true
        }
        _ = await forEach(Array(emptied), &outcome) { scope in
            guard derivation.namespace(of: scope)?.exists() == true else { return }
            try await inside(scope) { try NamespaceWork.removeAllLinks() }
        }
        let losing = parts.keys.filter { parts[$0]?.plan.removesAnything == true }
        _ = await forEach(losing, &outcome) { scope in
            guard let plan = parts[scope]?.plan else { return }
            try await overSocket(scope, needsThread: false) { try NamespaceWork.remove(plan, $0) }
        }
        let removed = await forEach(gone, &outcome) { scope in try await derivation.namespace(of: scope)?.remove() }
        outcome.removed = Set(removed.keys)
        outcome.changes += removed.count
        outcome.touched.formUnion(removed.keys)
        // What did not go is not forgotten: the next look tries again.
        for scope in gone where removed[scope] == nil {
            outcome.applied[scope] = previous[scope]
            outcome.applied[scope]?.isCertain = false
        }
        for scope in losing where outcome.failures[scope] != nil { outcome.applied[scope]?.isCertain = false }
        for stray in strays {
            do {
                try await stray.run { try NamespaceWork.removeAllLinks() }
                try await stray.remove()
                outcome.changes += 1
                outcome.differences[.node, default: []].append("namespace \(stray.path) is not wanted")
            } catch {
                outcome.fail(.node, error)
            }
        }
    }
}

extension ReconcilePass.Part {
    /// Tables that this part loads, and of which it is not known how they are listed.
    fileprivate func loaded(_ book: ChainCache) -> [Table] {
        change.isEmpty ? [] : desiredTables.filter { $0.id != GuardTable.id && !book.knows($0) }
    }

    fileprivate func record(_ book: inout ChainCache, _ listed: [TableID: [String: String]]) {
        for table in desiredTables { if let chains = listed[table.id] { book.learn(chains, of: table) } }
    }
}
