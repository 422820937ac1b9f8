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
        var lastSign: Instant
        var hasEnded = false
        var isLost = false

        var head: Waiting? { taken < queue.count ? queue[taken] : nil }
        var isLive: Bool { owed != nil }

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
    /// Lines of one step at the most.
    private static var longestRun: Int { 1024 }

    private let window: Duration
    private let timeout: Duration?
    private var states: [Source: State] = [:]
    private var number = 0
    private var hasCaughtUp = false

    /// - Parameter timeout: `nil` for sources that cannot fall silent.
    package init(window: Duration, timeout: Duration?) {
        self.timeout = timeout
        self.window = window
    }

    /// - Parameter isLive: It owes nothing of before, or its past is not worth waiting for.
    package mutating func add(_ source: Source, isLive: Bool = false, at now: Instant) {
        states[source] = State(number: number, owed: isLive ? 0 : nil, lastSign: now)
        number += 1
    }

    /// Whether the source was added and something of it may still come.
    package func has(_ source: Source) -> Bool { states[source] != nil }

    /// Of lines that were added and not told yet.
    package func waitingBytes(of source: Source) -> Int { states[source]?.bytes ?? 0 }

    /// Takes what a source tells; an empty part is a sign of life.
    package mutating func take(_ source: Source, _ part: LogPart, at now: Instant) {
        guard var state = states.removeValue(forKey: source), !state.hasEnded else { return }
        state.lastSign = now
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
            let isLost = state.hasEnded ? state.isLost : timeout.map { now - state.lastSign > $0 } ?? false
            if isLost, state.number < first?.number ?? .max { first = (source, state.number) }
        }
        return first?.source
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
        if own.head == nil { own.lastSign = max(own.lastSign, now) }
        states[source] = own.hasEnded && !own.isLost && own.head == nil ? nil : own
        return .entries(source, entries)
    }

    /// When the next source is silent for too long.
    private func deadline() -> Instant? {
        guard let timeout else { return nil }
        // Just beyond, so that it is seen then.
        return states.values.filter { $0.head == nil && !$0.hasEnded }.map(\.lastSign).min().map {
            $0 + timeout + .milliseconds(1)
        }
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
