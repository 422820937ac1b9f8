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

    /// The one to look at next, and when it was looked at.
    func next(among scopes: some Collection<Scope>) -> (scope: Scope, seen: ContinuousClock.Instant?)? {
        var first: (scope: Scope, seen: ContinuousClock.Instant)?
        for scope in scopes {
            guard let seen = self.seen[scope] else { return (scope, nil) }
            if let earlier = first?.seen, earlier <= seen { continue }
            first = (scope, seen)
        }
        return first.map { ($0.scope, $0.seen) }
    }
}
