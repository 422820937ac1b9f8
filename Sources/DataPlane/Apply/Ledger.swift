/// What is known of the node's namespaces between passes. The loop writes it at the end of each; others read it, and note what they have made ahead.
struct Ledger: Sendable {
    var applied: [Scope: AppliedNamespace] = [:]
    /// Sandboxes made ahead of their desired state.
    var prepared: Set<Scope> = []
    /// What the pass under way removes.
    var leaving: Set<Scope> = []
    /// Scopes by the id under which the node's namespace knows their namespaces.
    var scopesByID: [Int32: Scope] = [:]
    /// When namespaces may be looked at again.
    var pace = Pace()
    /// When they were compared with the kernel.
    var comparisons = Rounds()
    /// Which are probed next.
    var probes = Rotation()

    mutating func take(_ outcome: ReconcilePass.Outcome) {
        applied = outcome.applied
        for (scope, id) in outcome.namespaceIDs { scopesByID[id] = scope }
        scopesByID = scopesByID.filter { applied[$0.value] != nil }
        for (scope, part) in outcome.parts {
            if let time = part.lookTime { pace.note(scope, took: time, at: .now) }
        }
        pace.forget(allBut: applied.keys)
        comparisons.note(outcome.parts.lazy.filter { $0.value.wasExamined || $0.value.isNew }.map(\.key), at: .now)
        comparisons.forget(allBut: applied.keys)
    }
}
