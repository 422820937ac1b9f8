/// What a write needs to be made again when the store did not say what came of it. Values must tell who wrote them: an id or a time in them
/// does.
extension StoreTransaction {
    /// Whether it can happen once only: a condition does not hold any more once it has.
    package var happensOnce: Bool {
        let written = Set(puts.map(\.key))
        let deleted = Set(deletes)
        return conditions.contains { condition in
            switch condition {
            case .absent(let key): written.contains(key)
            case .modified(let key, _): written.contains(key) || deleted.contains(key)
            case .present(let key), .created(let key, _): deleted.contains(key)
            }
        }
    }

    /// Whether an earlier try has written what this one was refused for: one of its own values is there, or what it deletes is gone.
    ///
    /// - Parameter outcome: Of the later try.
    package func hasHappened(by outcome: CommitOutcome) -> Bool {
        guard case .refused(let failed, let current) = outcome else { return false }
        if revision(in: outcome) != nil { return true }
        let gone = Set(deletes)
        return failed.contains { gone.contains($0.key) && current[$0.key] == nil }
    }

    /// The revision of that earlier try; `nil` when none of its values is among those that refused the later one.
    package func revision(in outcome: CommitOutcome) -> Int64? {
        guard case .refused(_, let current) = outcome else { return nil }
        return puts.lazy.compactMap { put in
            current[put.key].flatMap { $0.value == put.value ? $0.modifyRevision : nil }
        }.first
    }
}
