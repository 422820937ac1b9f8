/// Namespaces that are looked at one after the other, a few at a time. Who is next costs nothing for those whose turn it is not, but once in a round.
struct Rotation: Sendable {
    /// The next one is the last.
    private var waiting: [Scope] = []
    /// In this round, in their order.
    private var done: [Scope] = []

    /// Takes the next ones out, each once. Who has come is behind those of the round that there were; who has gone is left out.
    ///
    /// Those that were taken and of whom nobody tells (``note(_:putBack:)``) count as come anew.
    mutating func take(_ most: Int, among scopes: some Collection<Scope>) -> [Scope] {
        var taken: [Scope] = []
        take(most, scopes, &taken)
        if taken.count < most {
            begin(scopes, besides: taken)
            take(most, scopes, &taken)
        }
        return taken
    }

    private mutating func take(_ most: Int, _ scopes: some Collection<Scope>, _ taken: inout [Scope]) {
        while taken.count < most, let scope = waiting.popLast() {
            if scopes.contains(scope) { taken.append(scope) }
        }
    }

    private mutating func begin(_ scopes: some Collection<Scope>, besides taken: [Scope]) {
        let known = Set(done).union(taken)
        let next = done.filter { scopes.contains($0) } + scopes.filter { !known.contains($0) }
        waiting = next.reversed()
        done = []
    }

    /// What has become of those that were taken.
    /// - Parameter left: There was no time for them: they are next, in this order.
    mutating func note(_ looked: [Scope], putBack left: [Scope]) {
        done += looked
        waiting += left.reversed()
    }
}
