import Concurrency
import LinuxSystem
import Logging

/// Sandboxes that come, change or go, however many others there are.
extension ReconcileLoop {
    /// Carries them out up to what nothing leads to any more; false where that cannot be done without looking at others.
    func exchange(_ sandboxes: [String: Sandbox?], _ progress: inout Progress, _ memory: inout Memory) async -> Bool {
        guard let plan = plan(sandboxes, memory) else { return false }
        if plan.isEmpty { return true }
        let inherited = memory.forgetting.waiting(for: plan.inherits)
        if !inherited.isEmpty { await forget(&memory, atOnce: inherited) }
        let pass = pass(plan, memory)
        var outcome = await pass.run()
        memory.chains = outcome.book
        await holdPorts(plan, &outcome)
        await holdNamespaces(plan, pass.previous, &memory.held, &outcome)
        for (id, change) in plan.changed {
            memory.claims.change(change.old, change.new)
            memory.network.replace(sandbox: id, change.new)
        }
        ledger.change { [outcome] ledger in
            ledger.leaving = Set(pass.previous.keys).subtracting(outcome.applied.keys)
            ledger.take(plan)
            ledger.take(plan, outcome)
        }
        forgetListings(&memory)
        memory.forgetting.add(plan.ends)
        // What leads somewhere from now on is not left what led nowhere.
        await forget(&memory, atOnce: Set(plan.ends.filter { $0.value.contains(where: \.isOfBeginning) }.keys))
        progress.derived += plan.changed.count
        progress.take(outcome)
        progress.exchanges.append((plan, pass, outcome))
        return true
    }

    /// In functions of their own, so that nothing else holds what is known while it is changed in place.
    private func plan(_ sandboxes: [String: Sandbox?], _ memory: Memory) -> SandboxPlan? {
        guard memory.filtersBridges == filtersBridges else { return nil }
        let applied = ledger.value.applied
        return SandboxPlan(
            sandboxes, in: memory.network, claims: memory.claims, layout: layout,
            filtersBridges: memory.filtersBridges, applied: applied
        ) { scope in
            guard let known = applied[scope], known.isCertain, handles[scope] != nil else { return false }
            // Others may have taken its name away.
            if let namespace = layout.namespace(of: scope), !namespace.exists() { return false }
            return known.isSearched || !scope.translates
        }
    }

    private func pass(_ plan: SandboxPlan, _ memory: Memory) -> ReconcilePass {
        let known = ledger.value
        var previous: [Scope: AppliedNamespace] = [:]
        var held: [Scope: HeldNamespace] = [:]
        for scope in plan.scopes {
            previous[scope] = known.applied[scope]
            held[scope] = memory.held[scope]
        }
        return ReconcilePass(
            derivation: plan.after.derivation, node: node, previous: previous, previousNetwork: NodeNetwork(),
            unforgotten: [:], examined: [], prepared: known.prepared.intersection(plan.scopes), strays: [], held: held,
            book: memory.chains, handles: handles, shared: plan.before.shared)
    }

    private func holdPorts(_ plan: SandboxPlan, _ outcome: inout ReconcilePass.Outcome) async {
        for (id, change) in plan.changed {
            if let new = change.new {
                if new.published.isEmpty {
                    refusals.forget(id)
                    if change.old?.published.isEmpty != false { continue }
                }
                for error in await hold(new.published, owner: id) { outcome.fail(.node, error) }
            } else {
                refusals.forget(id)
                if !ledger.value.prepared.contains(.sandbox(id)) { ports.release(id) }
            }
        }
    }

    private func holdNamespaces(
        _ plan: SandboxPlan, _ previous: [Scope: AppliedNamespace], _ held: inout [Scope: HeldNamespace],
        _ outcome: inout ReconcilePass.Outcome
    ) async {
        for scope in plan.scopes {
            // One that somebody has opened ahead may be of a namespace that had the same name before.
            if outcome.applied[scope] == nil || previous[scope] == nil { handles.close(scope) }
            if outcome.applied[scope] == nil {
                held[scope] = nil
                handles.generations[scope] = nil
            }
        }
        handles.identify(outcome.namespaceIDs)
        let new = plan.scopes.filter { outcome.applied[$0] != nil && outcome.failures[$0] == nil }
        let places = new.compactMap { scope in layout.namespace(of: scope).map { (scope, $0) } }
        let missing = places.filter { held[$0.0] == nil }
        do {
            try await handles.open(handles.missing(among: new).map { ($0, layout.namespace(of: $0)) })
            if missing.isEmpty { return }
            for (scope, namespace) in try await onThread({ try missing.map { ($0.0, try HeldNamespace($0.1)) } }) {
                held[scope] = namespace
            }
        } catch {
            // Until a later pass can open it, what changes there takes the longer way.
            log.warning("a namespace cannot be opened", metadata: ["error": "\(error)"])
        }
    }
}

extension Ledger {
    /// Notes what these sandboxes bring into namespaces that they share with others, in place.
    mutating func take(_ plan: SandboxPlan) {
        for (scope, old) in plan.before.shared {
            if let new = plan.after.shared[scope] { applied[scope]?.take(old, new) }
        }
    }

    /// Notes what a pass has made of the sandboxes themselves, and where it has failed.
    mutating func take(_ plan: SandboxPlan, _ outcome: ReconcilePass.Outcome) {
        for scope in outcome.failures.keys { applied[scope]?.isCertain = false }
        for scope in plan.scopes {
            applied[scope] = outcome.applied[scope]
            if applied[scope] != nil {
                prepared.remove(scope)
                continue
            }
            pace.forget(scope)
            comparisons.forget(scope)
        }
        for (scope, id) in outcome.namespaceIDs where applied[scope] != nil { scopesByID[id] = scope }
        comparisons.note(outcome.parts.lazy.filter(\.value.isNew).map(\.key), at: .now)
    }
}
