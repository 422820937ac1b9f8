/// How often something may be done: a bucket that refills steadily. A value without a clock.
struct Allowance: Sendable {
    let burst: Double
    let perSecond: Double
    private var tokens: Double
    private var at: ContinuousClock.Instant

    init(burst: Double, perSecond: Double, at now: ContinuousClock.Instant) {
        at = now
        self.burst = burst
        self.perSecond = perSecond
        tokens = burst
    }

    /// Whether it may be done now; counted if so.
    mutating func take(at now: ContinuousClock.Instant) -> Bool {
        refill(at: now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// How long after `now` it may be done.
    mutating func pause(at now: ContinuousClock.Instant) -> Duration {
        refill(at: now)
        return tokens >= 1 ? .zero : .seconds((1 - tokens) / perSecond)
    }

    /// Nothing has been done for so long that it is as new.
    func isFull(at now: ContinuousClock.Instant) -> Bool {
        var copy = self
        copy.refill(at: now)
        return copy.tokens >= burst
    }

    private mutating func refill(at now: ContinuousClock.Instant) {
        guard now > at else { return }
        tokens = min(burst, tokens + (now - at) / .seconds(1) * perSecond)
        at = now
    }
}

/// How often one node may ask a manager for what costs it something, whatever sessions it has.
struct NodePace: Sendable {
    /// New sessions: each writes the node's object.
    var sessions: Allowance
    /// Signs of life: the shortest heartbeat is half a second.
    var messages: Allowance
    /// New descriptions: each is written to the store, which keeps the earlier ones for some minutes.
    var descriptions: Allowance
    /// The same where nothing is other but how it encrypts, which others wait for.
    var encryption: Allowance
    /// Streams of assignments: each begins with everything.
    var streams: Allowance
    /// Reports that bring a task no further.
    var updates: Allowance
    /// New certificates: a node whose clock is off asks every five seconds (``RenewalPace``).
    var renewals: Allowance

    init(at now: ContinuousClock.Instant) {
        descriptions = Allowance(burst: 5, perSecond: 0.1, at: now)
        encryption = Allowance(burst: 20, perSecond: 0.5, at: now)
        messages = Allowance(burst: 30, perSecond: 5, at: now)
        renewals = Allowance(burst: 20, perSecond: 0.25, at: now)
        sessions = Allowance(burst: 20, perSecond: 0.5, at: now)
        streams = Allowance(burst: 20, perSecond: 0.5, at: now)
        updates = Allowance(burst: 100, perSecond: 5, at: now)
    }
}
