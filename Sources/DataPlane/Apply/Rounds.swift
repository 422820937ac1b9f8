/// Which namespaces were looked at when: those that nobody has looked at for longest come first.
struct Rounds: Sendable {
    private var seen: [Scope: ContinuousClock.Instant] = [:]

    mutating func note(_ scopes: some Sequence<Scope>, at now: ContinuousClock.Instant) {
        for scope in scopes { seen[scope] = now }
    }

    mutating func forget(_ scope: Scope) { seen[scope] = nil }

    mutating func forget(allBut scopes: some Collection<Scope>) {
        let left = Set(scopes)
        seen = seen.filter { left.contains($0.key) }
    }

    func ordered(_ scopes: some Collection<Scope>) -> [Scope] {
        scopes.map { (scope: $0, seen: seen[$0]) }
            .sorted { left, right in
                guard let early = left.seen, let late = right.seen else { return left.seen == nil && right.seen != nil }
                return early < late
            }
            .map(\.scope)
    }

    /// The one to look at next, and when it was looked at.
    func next(among scopes: some Collection<Scope>) -> (scope: Scope, seen: ContinuousClock.Instant?)? {
        ordered(scopes).first.map { ($0, seen[$0]) }
    }
}
