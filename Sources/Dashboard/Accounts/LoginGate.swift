/// How often one may try to sign in: a pure machine with the time handed in.
///
/// Each name and address has five tries; after them a delay that doubles from one second to sixty. A minute has ten tries in all, so
/// that many addresses are no way around it. A name that was let in from an address before has its five tries whatever others do: they
/// would otherwise keep everybody out with ten tries a minute.
package struct LoginGate: Sendable {
    private struct Tries {
        var failures = 0
        var notBefore: Double = 0
        var last: Double = 0
    }

    package static let freeTries = 5
    /// Seconds.
    package static let longestDelay: Double = 60
    package static let triesPerMinute = 10
    /// Names and addresses that are remembered; the oldest is forgotten for another.
    package static let remembered = 4096

    private var tries: [String: Tries] = [:]
    private var recent: [Double] = []
    /// When somebody was let in last, by name and address.
    private var welcome: [String: Double] = [:]

    package init() {}

    /// Asked before a password is looked at. A try that is let through counts at once, so that many at one time gain nothing.
    /// - Parameter now: Seconds of a clock that does not jump.
    /// - Returns: Seconds to wait, `nil` to go on.
    package mutating func admit(name: String, address: String, at now: Double) -> Double? {
        recent.removeAll { $0 <= now - 60 }
        let key = Self.key(name, address)
        if let known = tries[key], known.notBefore > now { return known.notBefore - now }
        if welcome[key] == nil {
            if recent.count >= Self.triesPerMinute, let oldest = recent.first { return max(oldest + 60 - now, 0.001) }
            recent.append(now)
        }
        var known = tries[key] ?? Tries()
        known.failures += 1
        known.last = now
        let beyond = known.failures - Self.freeTries
        if beyond >= 0 {
            var delay = 1.0
            for _ in 0..<min(beyond, 6) { delay = min(delay * 2, Self.longestDelay) }
            known.notBefore = now + delay
        }
        remember(known, key)
        return nil
    }

    /// The right password: the name begins anew, and the try is not counted against others.
    /// - Parameter now: As for ``admit(name:address:at:)``.
    package mutating func letIn(name: String, address: String, at now: Double) {
        let key = Self.key(name, address)
        tries[key] = nil
        if welcome[key] == nil, !recent.isEmpty { recent.removeLast() }
        if welcome[key] == nil, welcome.count >= Self.remembered,
            let oldest = welcome.min(by: { $0.value < $1.value })
        {
            welcome[oldest.key] = nil
        }
        welcome[key] = now
    }

    private mutating func remember(_ known: Tries, _ key: String) {
        if tries[key] == nil, tries.count >= Self.remembered,
            let oldest = tries.min(by: { $0.value.last < $1.value.last })
        {
            tries[oldest.key] = nil
        }
        tries[key] = known
    }

    private static func key(_ name: String, _ address: String) -> String { "\(address) \(name.prefix(64))" }
}
