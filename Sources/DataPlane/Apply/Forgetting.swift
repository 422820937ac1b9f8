import Addressing
import Netlink

/// Connections that are to be forgotten, and when each namespace was looked through last: a look goes through the kernel's table of all namespaces, so
/// there is one a second at most, for everything that has come together since.
struct Forgetting: Sendable {
    private static let pause = Duration.seconds(1)
    /// Where there was no connection at all, which costs next to nothing to know, it is asked again sooner.
    private static let quietPause = Duration.milliseconds(250)

    private(set) var waiting: [Scope: Set<ConnectionEnd>] = [:]
    private var looked: [Scope: ContinuousClock.Instant] = [:]

    mutating func add(_ ends: [Scope: [ConnectionEnd]]) {
        for (scope, more) in ends { waiting[scope, default: []].formUnion(more) }
    }

    /// Where something waits of the same ends: what leads there again must not inherit it.
    func waiting(for ends: [ConnectionEnd], in scopes: [Scope]) -> Set<Scope> {
        waiting.isEmpty ? [] : Set(scopes.filter { waiting[$0]?.isDisjoint(with: ends) == false })
    }

    /// Where something waits of what these lead to anew.
    func waiting(for inherited: SandboxPlan.Inheritance) -> Set<Scope> {
        if waiting.isEmpty || inherited.isEmpty { return [] }
        return Set(
            waiting.filter { _, ends in
                !ends.isDisjoint(with: inherited.ends)
                    || ends.contains { end in
                        switch end {
                        case .port(let number, _): inherited.ports.contains { $0.contains(number) }
                        case .row(let numbers, _): inherited.ports.contains { $0.overlaps(numbers) }
                        case .answered, .of, .within, .unled, .unledRow, .called: false
                        }
                    }
            }.keys)
    }

    /// What may be looked for now, and what cannot wait. It counts as looked for.
    mutating func takeDue(at now: ContinuousClock.Instant, atOnce: Set<Scope> = []) -> [Scope: Set<ConnectionEnd>] {
        if waiting.isEmpty { return [:] }
        let due = waiting.filter { scope, _ in
            atOnce.contains(scope) || looked[scope].map { now - $0 >= Self.pause } ?? true
        }
        for scope in due.keys { waiting[scope] = nil }
        return due.filter { !$0.value.isEmpty }
    }

    mutating func note(_ scopes: some Sequence<Scope>, at now: ContinuousClock.Instant) {
        looked = looked.filter { now - $0.value < Self.pause }
        for scope in scopes { looked[scope] = now }
    }

    /// There was nothing to look through.
    mutating func note(quiet scopes: some Sequence<Scope>, at now: ContinuousClock.Instant) {
        for scope in scopes { looked[scope] = now - Self.pause + Self.quietPause }
    }

    /// When the next may be looked for; `nil` when nothing waits.
    func next(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        waiting.keys.map { scope in looked[scope].map { $0 + Self.pause } ?? now }.min()
    }
}

extension NamespaceHandle {
    /// Whether there is any connection at all.
    var hasConnections: Bool { connections.countOrMany > 0 }

    /// Forgets connections; true when they were looked through, which is left out where there are none.
    func forget(_ ends: Set<ConnectionEnd>) throws -> Bool {
        let count = connections.countOrMany
        guard count > 0 else { return false }
        let ends = Array(ends)
        let own =
            EndedConnections.needsOwn(ends)
            ? Set(try IPFamily.allCases.flatMap { try route.addresses($0) }.map(\.network.address)) : []
        let ended = EndedConnections(ends, own: own)
        _ = try connections.delete(among: ended.selections(among: count)) { ended.contains($0) }
        return true
    }
}
