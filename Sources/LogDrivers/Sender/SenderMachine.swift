/// What one destination's sender does next: idle, connecting, sending, or waiting before it tries again. Pure: events in, effects out; time and
/// chance come with the events.
struct SenderMachine {
    enum Phase: Equatable, Sendable { case idle, collecting, connecting, sending, waiting }

    enum Event: Sendable {
        /// Some container may have lines.
        case wanted
        /// What there was; `nil` for nothing.
        case collected(LogBatch?)
        case connected
        case sent(BatchOutcome)
        /// The attempt to connect or to send has failed, or the connection broke meanwhile.
        case failed(String)
        /// The receiver has ended the connection in order. What it was given settles as ever, since it may break the connection off yet, with
        /// what it has not read.
        case ended
        /// The time that was asked for has come.
        case timer
    }

    enum Effect: Sendable {
        case collect
        case connect
        case send(LogBatch)
        case close
        /// The receiver has these: their containers' positions move.
        case confirm(LogBatch)
        /// It will never take these; they are part of a batch that is confirmed later.
        case refuse([LogBatch.Item], reason: String)
        /// A `timer` is wanted after so long; a later one takes its place.
        case wake(Duration)
        case report(Health)
    }

    enum Health: Equatable, Sendable {
        case ok
        case down(String)
    }

    /// Lines that are under way: all that were sent at first, and those that the receiver has not answered for.
    private struct UnderWay {
        var whole: LogBatch
        var rest: LogBatch
    }

    static let initialBackoff = Duration.milliseconds(100)
    static let maximumBackoff = Duration.seconds(60)
    /// How long what was handed over may come back.
    static let returnTime = Duration.seconds(1)
    /// Bytes that may be handed over and not settled; beyond them the oldest count as settled.
    static let mostUnsettled = 4 << 20
    /// So many failures in a row are a receiver that is down.
    static let failuresOfDown = 2

    private(set) var phase = Phase.idle
    private(set) var health = Health.ok
    private(set) var isConnected = false
    /// The receiver has ended the connection: nothing more is sent on it.
    private var isEnding = false
    private var isWanted = false
    private var failures = 0
    private var current: UnderWay?
    /// To be sent before anything new.
    private var backlog: [UnderWay] = []
    private var unsettled: [(batch: UnderWay, until: Duration)] = []
    private var pausesUntil: Duration?

    /// - Parameters:
    ///   - now: Since any moment that stays the same.
    ///   - chance: From 0 to 1, by which pauses differ.
    mutating func receive(_ event: Event, now: Duration, chance: Double) -> [Effect] {
        // A failure counts from when it came, however late it is looked at: what it concerns has not settled.
        var effects: [Effect] = if case .failed = event { [] } else { settle(now) }
        switch event {
        case .wanted: isWanted = true
        case .collected(let batch):
            guard phase == .collecting else { break }
            phase = .idle
            if let batch, !batch.items.isEmpty {
                // Behind what came back meanwhile.
                backlog.append(UnderWay(whole: batch, rest: batch))
                isWanted = true
            }
        case .connected:
            guard phase == .connecting else { break }
            isConnected = true
            isEnding = false
            phase = .idle
        case .sent(let outcome):
            guard phase == .sending, let sent = current else { break }
            phase = .idle
            effects += take(outcome, sent, now, chance)
        case .failed(let reason): effects += fail(reason, now, chance)
        case .ended: isEnding = isConnected
        case .timer: break
        }
        effects += closeEnded()
        if let until = pausesUntil, until <= now {
            pausesUntil = nil
            if phase == .waiting { phase = .idle }
        }
        effects += proceed()
        if let next = ([pausesUntil] + [unsettled.first?.until]).compactMap({ $0 }).min() {
            effects.append(.wake(max(.zero, next - now)))
        }
        return effects
    }

    /// Whether lines count as arrived by now, unless it is known that the connection has broken.
    func settles(by now: Duration) -> Bool { unsettled.first.map { $0.until <= now } ?? false }

    private mutating func closeEnded() -> [Effect] {
        // Under way: its answer, or its failure, comes by itself.
        guard isEnding, phase != .sending, unsettled.isEmpty else { return [] }
        isEnding = false
        isConnected = false
        return [.close]
    }

    private mutating func proceed() -> [Effect] {
        guard phase == .idle else { return [] }
        if current == nil, !backlog.isEmpty { current = backlog.removeFirst() }
        guard let current else {
            guard isWanted else { return [] }
            isWanted = false
            phase = .collecting
            return [.collect]
        }
        guard isConnected else {
            phase = .connecting
            return [.connect]
        }
        guard !isEnding else { return [] }
        phase = .sending
        return [.send(current.rest)]
    }

    private mutating func take(_ outcome: BatchOutcome, _ sent: UnderWay, _ now: Duration, _ chance: Double) -> [Effect]
    {
        switch outcome {
        case .accepted:
            current = nil
            return succeed() + settleAll() + [.confirm(sent.whole)]
        case .handedOver:
            current = nil
            unsettled.append((sent, now + Self.returnTime))
            var effects: [Effect] = []
            var bytes = unsettled.reduce(0) { $0 + $1.batch.rest.bytes }
            while bytes > Self.mostUnsettled, unsettled.count > 1, let oldest = unsettled.first?.batch {
                unsettled.removeSubrange(unsettled.indices.prefix(1))
                bytes -= oldest.rest.bytes
                effects += succeed() + [.confirm(oldest.whole)]
            }
            return effects
        case .later(let pause, let reason):
            failures += 1
            wait(pause, now, chance)
            return reportDown(reason)
        case .mixed(let outcomes, let pause):
            var effects: [Effect] = []
            var again: [LogBatch.Item] = []
            var refused: [(LogBatch.Item, String)] = []
            for (index, item) in sent.rest.items.enumerated() {
                switch outcomes.dropFirst(index).first ?? .again {
                case .accepted: break
                case .again: again.append(item)
                case .refused(let reason): refused.append((item, reason))
                }
            }
            if let reason = refused.first?.1 { effects.append(.refuse(refused.map(\.0), reason: reason)) }
            if again.count < sent.rest.items.count { effects += succeed() }
            effects += settleAll()
            guard !again.isEmpty else {
                current = nil
                return effects + [.confirm(sent.whole)]
            }
            current = UnderWay(whole: sent.whole, rest: LogBatch(again))
            failures += 1
            wait(pause, now, chance)
            return effects
        }
    }

    private mutating func fail(_ reason: String, _ now: Duration, _ chance: Double) -> [Effect] {
        var effects: [Effect] = []
        if isConnected || phase == .connecting || phase == .sending { effects.append(.close) }
        isConnected = false
        isEnding = false
        // In the order in which they were sent.
        backlog = unsettled.map(\.batch) + (current.map { [$0] } ?? []) + backlog
        current = nil
        unsettled = []
        failures += 1
        if phase != .collecting { wait(nil, now, chance) }
        return effects + reportDown(reason)
    }

    private mutating func wait(_ pause: Duration?, _ now: Duration, _ chance: Double) {
        let doubled = Self.initialBackoff * (1 << min(failures - 1, 16))
        let usual = min(doubled, Self.maximumBackoff) * (0.8 + 0.4 * min(max(chance, 0), 1))
        pausesUntil = now + min(pause ?? usual, Self.maximumBackoff)
        phase = .waiting
    }

    /// An answer to what was sent later says that the receiver has what was sent before: positions only move forward.
    private mutating func settleAll() -> [Effect] {
        defer { unsettled = [] }
        return unsettled.map { .confirm($0.batch.whole) }
    }

    private mutating func settle(_ now: Duration) -> [Effect] {
        var effects: [Effect] = []
        while let first = unsettled.first, first.until <= now {
            unsettled.removeSubrange(unsettled.indices.prefix(1))
            effects += succeed() + [.confirm(first.batch.whole)]
        }
        return effects
    }

    private mutating func succeed() -> [Effect] {
        failures = 0
        guard health != .ok else { return [] }
        health = .ok
        return [.report(.ok)]
    }

    private mutating func reportDown(_ reason: String) -> [Effect] {
        guard failures >= Self.failuresOfDown else { return [] }
        let isNews = health == .ok
        health = .down(reason)
        return isNews ? [.report(health)] : []
    }
}
