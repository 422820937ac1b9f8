/// How often a namespace is looked at because something was heard of it. A container may change its own without end, or fill it so
/// that looking takes long: then it is left alone for a while, and the others get their turn.
struct Pace: Sendable {
    /// So many times as long as a look took nobody looks again.
    private static let rest = 10
    /// Looks at a sandbox that take no longer need no rest.
    private static let quick = Duration.milliseconds(250)

    private var rests: [Scope: ContinuousClock.Instant] = [:]
    private var restOfAll: ContinuousClock.Instant?
    private var postponed: Set<Scope> = []
    private var isAllPostponed = false

    /// Those of the scopes that may be looked at now; the others are kept for later.
    mutating func admit(_ scopes: Set<Scope>, at now: ContinuousClock.Instant) -> Set<Scope> {
        let resting = scopes.filter { scope in rests[scope].map { $0 > now } == true }
        postponed.formUnion(resting)
        return scopes.subtracting(resting)
    }

    /// Whether everything may be compared now; else it is kept for later.
    mutating func admitAll(at now: ContinuousClock.Instant) -> Bool {
        guard let restOfAll, restOfAll > now else { return true }
        isAllPostponed = true
        return false
    }

    /// A look at a container's namespace took so long.
    mutating func note(_ scope: Scope, took duration: Duration, at now: ContinuousClock.Instant) {
        guard case .sandbox = scope else { return }
        rests[scope] = duration > Self.quick ? now + duration * Self.rest : nil
    }

    mutating func noteAll(took duration: Duration, at now: ContinuousClock.Instant) {
        restOfAll = now + duration * Self.rest
        isAllPostponed = false
    }

    /// What was kept and may be looked at by now: everything where that is `nil`.
    mutating func takeDue(at now: ContinuousClock.Instant) -> Set<Scope>? {
        if isAllPostponed, admitAll(at: now) {
            postponed = []
            return nil
        }
        let kept = postponed
        postponed = []
        return admit(kept, at: now)
    }

    mutating func forget(_ scope: Scope) {
        rests[scope] = nil
        postponed.remove(scope)
    }

    mutating func forget(allBut scopes: some Collection<Scope>) {
        let left = Set(scopes)
        rests = rests.filter { left.contains($0.key) }
        postponed.formIntersection(left)
    }
}
