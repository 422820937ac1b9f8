package import Model

/// Puts the lines of several logs into one order of time: what to tell next, decided from what has been heard so far. Pure.
///
/// A line is told as soon as no source can come up with an earlier one. A source that has been told to its end and goes on says
/// until when it is complete; should it be late with that, a line waits no longer than a window for it. A source that
/// still owes lines of before is waited for, unless it is silent for longer than a timeout.
///
/// The lines of one source keep their order, whatever their stamps say. Lines of equal stamps come in the order of the sources.
package struct LogMerge<Source: Hashable & Sendable>: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What is to be done next.
    package enum Step: Sendable {
        /// These come next.
        case entries(Source, [LogEntry])
        /// Everything that was there at the beginning has been told; said once.
        case caughtUp
        /// The source broke off or has not given a sign of life for too long: no more comes from it.
        case lost(Source)
        /// The source has not given a sign of life for a while; said once a silence.
        case quiet(Source)
        /// Nothing can be told before something is heard, or that moment.
        case wait(until: Instant?)
        /// There are no more sources.
        case exhausted
    }

    private struct Waiting {
        let key: Timestamp
        let entry: LogEntry
        let arrival: Instant
    }

    private struct State {
        let number: Int
        var queue: [Waiting] = []
        var taken = 0
        var bytes = 0
        var lastKey = Timestamp.zero
        var completeUntil: Timestamp?
        /// How many of the waiting lines are of before; `nil` until that is known.
        var owed: Int?
        /// When it was last heard, and since when it is its turn to speak.
        var lastSign: Instant
        var turn: Instant
        /// Since when it cannot be heard.
        var awaySince: Instant?
        /// How often it has come again without having been heard since.
        var returns = 0
        var isKnownQuiet = false
        var hasEnded = false
        var isLost = false

        var head: Waiting? { taken < queue.count ? queue[taken] : nil }
        var isLive: Bool { owed != nil }
        /// It is its turn to speak.
        var isAwaited: Bool { head == nil && !hasEnded }

        mutating func take() -> Waiting {
            let next = queue[taken]
            taken += 1
            bytes -= next.entry.bytes.count + LogMerge.overhead
            if let owed, owed > 0 { self.owed = owed - 1 }
            if taken == queue.count || taken > 4096 {
                queue.removeSubrange(queue.indices.prefix(taken))
                taken = 0
            }
            return next
        }
    }

    /// What a waiting line takes beside its bytes, about.
    private static var overhead: Int { 64 }
    /// A deadline is that much beyond the time that it gives, so that it is seen when it has come.
    private static var beyond: Duration { .milliseconds(1) }
    /// How often a source that says nothing may go and come again.
    private static var mostReturns: Int { 8 }
    /// Lines of one step at the most.
    private static var longestRun: Int { 1024 }

    private let window: Duration
    private let timeout: Duration?
    private let awayTimeout: Duration?
    private let quiet: Duration?
    private var states: [Source: State] = [:]
    private var number = 0
    private var hasCaughtUp = false

    /// - Parameters:
    ///   - timeout: After how long a silence a source is given up; `nil` for never.
    ///   - awayTimeout: And one that is away, counted from when it left or was last heard.
    ///   - quiet: After how long a silence ``Step/quiet(_:)`` tells it; `nil` for never.
    package init(window: Duration, timeout: Duration?, awayTimeout: Duration? = nil, quiet: Duration? = nil) {
        self.awayTimeout = awayTimeout
        self.quiet = quiet
        self.timeout = timeout
        self.window = window
    }

    /// - Parameter isLive: It owes nothing of before, or its past is not worth waiting for.
    package mutating func add(_ source: Source, isLive: Bool = false, at now: Instant) {
        states[source] = State(number: number, owed: isLive ? 0 : nil, lastSign: now, turn: now)
        number += 1
    }

    /// A source cannot be heard at present, or can again.
    package mutating func setAway(_ source: Source, _ isAway: Bool, at now: Instant) {
        guard var state = states.removeValue(forKey: source) else { return }
        let mayReturn = state.returns < Self.mostReturns
        if isAway {
            state.awaySince = state.awaySince ?? (mayReturn ? now : state.lastSign)
        } else if state.awaySince != nil {
            state.awaySince = nil
            state.returns += 1
            // It is asked anew, and has its time, but not again and again.
            if mayReturn { (state.turn, state.isKnownQuiet) = (now, false) }
        }
        states[source] = state
    }

    /// Whether the source was added and something of it may still come.
    package func isOpen(_ source: Source) -> Bool { states[source]?.hasEnded == false }

    /// Of lines that were added and not told yet.
    package func waitingBytes(of source: Source) -> Int { states[source]?.bytes ?? 0 }

    /// Takes what a source tells; an empty part is a sign of life.
    package mutating func take(_ source: Source, _ part: LogPart, at now: Instant) {
        guard isOpen(source), var state = states.removeValue(forKey: source) else { return }
        state.lastSign = now
        state.isKnownQuiet = false
        state.returns = 0
        for entry in part.entries {
            state.lastKey = max(state.lastKey, entry.timestamp)
            state.queue.append(Waiting(key: state.lastKey, entry: entry, arrival: now))
            state.bytes += entry.bytes.count + Self.overhead
        }
        if let timestamp = part.completeUntil { state.completeUntil = max(timestamp, state.completeUntil ?? timestamp) }
        if part.isCaughtUp, state.owed == nil { state.owed = state.queue.count - state.taken }
        states[source] = state
    }

    /// Nothing more comes from a source; what it has told is still told.
    /// - Parameter isLost: It broke off, which ``Step/lost(_:)`` tells in its turn.
    package mutating func end(_ source: Source, isLost: Bool = false) {
        guard let state = states[source], !state.hasEnded else { return }
        states[source]?.hasEnded = true
        states[source]?.isLost = isLost
        if !isLost, state.head == nil { states[source] = nil }
    }

    /// All that was written before then has been told or waits here; `nil` while a source does not say. Without any source,
    /// nothing is known either.
    package var completeUntil: Timestamp? {
        var earliest: Timestamp?
        for state in states.values {
            guard let timestamp = state.head?.key ?? (state.hasEnded ? nil : state.completeUntil ?? .zero) else {
                continue
            }
            earliest = min(earliest ?? timestamp, timestamp)
        }
        return earliest == .zero ? nil : earliest
    }

    package var isEmpty: Bool { states.isEmpty }

    /// What to do now; to be called until it says to wait or that nothing is left.
    package mutating func next(at now: Instant) -> Step {
        if let lost = lost(at: now) {
            states[lost] = nil
            return .lost(lost)
        }
        if let quiet = quiet(at: now) {
            states[quiet]?.isKnownQuiet = true
            return .quiet(quiet)
        }
        if !hasCaughtUp, states.values.allSatisfy({ $0.owed == 0 }) {
            hasCaughtUp = true
            return .caughtUp
        }
        guard !states.isEmpty else { return .exhausted }
        guard let (source, first) = earliest() else { return .wait(until: deadline()) }
        return run(of: source, from: first, at: now)
    }

    /// The first added is named first.
    private func lost(at now: Instant) -> Source? {
        var first: (source: Source, number: Int)?
        for (source, state) in states where state.head == nil {
            let isLost = state.hasEnded ? state.isLost : end(of: state).map { now >= $0 } ?? false
            if isLost, state.number < first?.number ?? .max { first = (source, state.number) }
        }
        return first?.source
    }

    private func quiet(at now: Instant) -> Source? {
        states.first { _, state in quietEnd(of: state).map { now >= $0 } ?? false }?.key
    }

    /// When the source is given up unless it is heard; `nil` when it is not waited for, or for ever.
    private func end(of state: State) -> Instant? {
        guard state.isAwaited else { return nil }
        if let awaySince = state.awaySince, let awayTimeout {
            // What it has sent before may be on its way from queue to queue.
            return max(max(awaySince, state.lastSign) + awayTimeout, state.turn + window) + Self.beyond
        }
        return timeout.map { max(state.turn, state.lastSign) + $0 + Self.beyond }
    }

    /// When its silence is told.
    private func quietEnd(of state: State) -> Instant? {
        guard state.isAwaited, !state.isKnownQuiet else { return nil }
        return quiet.map { max(state.turn, state.lastSign) + $0 + Self.beyond }
    }

    private func earliest() -> (Source, Waiting)? {
        var best: (source: Source, head: Waiting, number: Int)?
        for (source, state) in states {
            guard let head = state.head else { continue }
            if let found = best, (found.head.key, found.number) < (head.key, state.number) { continue }
            best = (source, head, state.number)
        }
        return best.map { ($0.source, $0.head) }
    }

    /// As many lines of one source as may be told in one go.
    private mutating func run(of source: Source, from first: Waiting, at now: Instant) -> Step {
        guard var own = states[source] else { return .wait(until: nil) }
        // Up to this key, and it included, nothing else comes in between.
        var limit: Timestamp?
        var waits = false
        var waitsLong = false
        for (other, state) in states where other != source {
            let bound: Timestamp
            if let head = state.head {
                // An equal one of a later source comes after all of ours.
                bound = state.number > own.number ? head.key : head.key.predecessor
            } else if state.hasEnded {
                continue
            } else if let complete = state.completeUntil?.predecessor, complete >= first.key {
                bound = complete
            } else if state.isLive, now - first.arrival >= window {
                // Not waited for any longer; its turn comes after every line.
                bound = first.key
            } else {
                waits = true
                waitsLong = waitsLong || !state.isLive
                continue
            }
            limit = min(limit ?? bound, bound)
        }
        if waits {
            let sign = deadline()
            guard !waitsLong else { return .wait(until: sign) }
            return .wait(until: min(first.arrival + window, sign ?? first.arrival + window))
        }
        var entries: [LogEntry] = []
        // The mark between before and now is told by ``next(at:)``.
        let mark = hasCaughtUp || own.owed == 0 ? nil : own.owed
        while let head = own.head, entries.count < Self.longestRun, limit.map({ head.key <= $0 }) ?? true,
            mark.map({ entries.count < $0 }) ?? true
        {
            entries.append(own.take().entry)
        }
        // From here on it is the source's turn to speak.
        if own.head == nil { (own.turn, own.isKnownQuiet) = (now, false) }
        states[source] = own.hasEnded && !own.isLost && own.head == nil ? nil : own
        return .entries(source, entries)
    }

    /// When the next source is silent for too long, or for a while.
    private func deadline() -> Instant? {
        var earliest: Instant?
        for state in states.values {
            for moment in [end(of: state), quietEnd(of: state)].compactMap({ $0 }) {
                earliest = min(earliest ?? moment, moment)
            }
        }
        return earliest
    }
}

extension Timestamp {
    /// The moment just before.
    fileprivate var predecessor: Timestamp {
        nanoseconds > 0
            ? Timestamp(seconds: seconds, nanoseconds: nanoseconds - 1)
            : Timestamp(seconds: seconds - 1, nanoseconds: 999_999_999)
    }
}
