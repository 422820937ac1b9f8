import Concurrency
import LinuxSystem
import Logging
import Logs
package import Model

/// Sends the lines of all containers that have one destination, over one connection. See ``SenderMachine`` for what it does when.
actor DestinationSender {
    /// What a sender tells.
    enum News: Sendable {
        /// A container's position has moved.
        case moved(id: String)
        case health(SenderMachine.Health)
        /// Lines were dropped: how many, or how often a stretch of unknown length, and why.
        case dropped(id: String, lines: Int, reason: String)
        /// Everything of a removed container has been sent.
        case done(id: String)
    }

    /// Encoded bytes that wait in all lanes together; beyond them nothing more is read.
    static let mostQueued = 8 << 20
    /// What one lane puts into a batch before it is the next one's turn.
    private static let turnBytes = 64 << 10
    private static let turnLines = Lane.joinedLines
    private static let connectTime = Duration.seconds(3)

    nonisolated let destination: String
    nonisolated let address: String
    private let transport: any LogTransport
    private let thread: WorkerThread
    private let tell: @Sendable (News) -> Void
    private let log: Logger
    private let limits: BatchLimits
    private var lanes: [String: Lane] = [:]
    /// Whose turn it is, in order.
    private var order: [String] = []
    private var machine = SenderMachine()
    private var connection: (any LogConnection)?
    /// Of the connection that is, or is being made; what is told of an earlier one is old.
    private var attempt = 0
    private let events: AsyncStream<Input>
    private let inbox: AsyncStream<Input>.Continuation
    private let start = ContinuousClock.now
    /// Signalled when more may be read, for a batch that is being collected.
    private let arrival = AsyncEvent()
    private var wakesAt: ContinuousClock.Instant?
    private var totals = DestinationTotals()

    /// An event, and which connection it is of.
    private struct Input: Sendable {
        var event: SenderMachine.Event
        var attempt: Int?
        var connection: (any LogConnection)?
    }

    init(
        destination: String, address: String, transport: any LogTransport, thread: WorkerThread, log: Logger,
        tell: @escaping @Sendable (News) -> Void
    ) {
        self.address = address
        self.destination = destination
        self.log = log
        self.tell = tell
        self.thread = thread
        self.transport = transport
        limits = transport.limits
        (events, inbox) = AsyncStream.makeStream(of: Input.self)
    }

    // MARK: Lanes

    func add(_ lane: Lane) {
        lanes[lane.id] = lane
        if !order.contains(lane.id) { order.append(lane.id) }
        wake()
    }

    func set(_ id: String, isOver: Bool) {
        lanes[id]?.set(isOver: isOver)
        wake()
    }

    /// Files have changed.
    func want(_ id: String) {
        // Once is enough until it has been read.
        guard let lane = lanes[id], !lane.mayHaveMore else { return }
        lanes[id]?.mayHaveMore = true
        wake()
    }

    private func wake() {
        inbox.yield(Input(event: .wanted))
        arrival.signal()
    }

    /// Moves a container's files, and goes on there; what nobody writes any more is sent to its end.
    func move(_ id: String, to path: String, by work: @escaping @Sendable () throws -> Void) async throws {
        // After whatever is being read there: the thread does one thing after the other.
        try await thread.run(work)
        lanes[id]?.move(to: path)
        wake()
    }

    /// - Returns: Whether it was the last one.
    func remove(_ id: String) -> Bool {
        lanes[id] = nil
        order.removeAll { $0 == id }
        return lanes.isEmpty
    }

    /// Lets ``run()`` end.
    func stop() { inbox.finish() }

    func position(of id: String) -> LogPosition? { lanes[id]?.position }

    func status(of id: String) -> ShippingStatus? {
        guard let lane = lanes[id] else { return nil }
        return ShippingStatus(
            health: machine.health, isBehind: lane.oldest != nil, since: lane.oldest,
            counts: lane.counts, address: address)
    }

    /// How the destination stands, with all its containers together.
    func status() -> DestinationStatus {
        let all = lanes.keys.compactMap { self.status(of: $0) }
        var status = DestinationStatus(address: address, totals: totals, containers: all.count)
        if case .down = machine.health {
            status.state = "down"
        } else if all.contains(where: { $0.state == "behind" }) {
            status.state = "behind"
        }
        status.oldest = all.filter(\.isBehind).compactMap(\.since).min()
        return status
    }

    /// A removed container's rest is given up.
    func giveUp() { totals.losses += 1 }

    // MARK: The loop

    /// Until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await input in events {
                if Task.isCancelled { break }
                let now = ContinuousClock.now - start
                if machine.settles(by: now), let connection, await !connection.stands() {
                    handle(.failed("the receiver has broken the connection off"), at: now, in: &group)
                }
                if let attempt = input.attempt, attempt != self.attempt {
                    if let old = input.connection { group.addTask { await old.close() } }
                    continue
                }
                if let connection = input.connection { self.connection = connection }
                handle(input.event, at: now, in: &group)
            }
            group.cancelAll()
            if let connection { group.addTask { await uncancelled { await connection.close() } } }
        }
    }

    private func handle(_ event: SenderMachine.Event, at now: Duration, in group: inout DiscardingTaskGroup) {
        count(event)
        let effects = machine.receive(event, now: now, chance: .random(in: 0...1))
        for effect in effects { perform(effect, in: &group) }
    }

    private func count(_ event: SenderMachine.Event) {
        switch event {
        case .failed, .sent(.later): totals.retries += 1
        case .sent(.mixed(let outcomes, _)):
            let isPartly = outcomes.contains { if case .again = $0 { true } else { false } }
            if isPartly { totals.retries += 1 }
        default: break
        }
    }

    private func perform(_ effect: SenderMachine.Effect, in group: inout DiscardingTaskGroup) {
        switch effect {
        case .collect: group.addTask { self.inbox.yield(Input(event: .collected(await self.collect()))) }
        case .connect: connect(in: &group)
        case .send(let batch): send(batch, in: &group)
        case .close:
            attempt += 1
            guard let connection else { return }
            self.connection = nil
            group.addTask { await uncancelled { await connection.close() } }
        case .confirm(let batch): confirm(batch)
        case .refuse(let items, let reason):
            for (id, items) in Dictionary(grouping: items, by: \.containerID) {
                let count = items.reduce(0) { $0 + $1.line.count }
                lanes[id]?.refuse(count)
                totals.refused += count
                totals.lines -= count
                tell(.dropped(id: id, lines: count, reason: reason))
            }
        case .wake(let pause):
            let time = ContinuousClock.now + pause
            // One that comes too early asks for another.
            if let wakesAt, wakesAt > .now, wakesAt <= time { return }
            wakesAt = time
            group.addTask {
                // Cancelled: nobody reads events any more.
                guard (try? await Task.sleep(until: time, clock: .continuous)) != nil else { return }
                self.inbox.yield(Input(event: .timer))
            }
        case .report(let health): tell(.health(health))
        }
    }

    private func connect(in group: inout DiscardingTaskGroup) {
        attempt += 1
        let (attempt, transport, inbox) = (attempt, transport, inbox)
        group.addTask {
            do {
                let connection = try await withDeadline(
                    Self.connectTime, orThrow: TransportError("no connection within 3 seconds")
                ) { try await transport.connect() }
                inbox.yield(Input(event: .connected, attempt: attempt, connection: connection))
                do {
                    try await connection.untilOver()
                    try Task.checkCancellation()
                    inbox.yield(Input(event: .ended, attempt: attempt))
                } catch is CancellationError {
                    // The sender has ended: it may not have come to know of this connection. Closing twice does nothing.
                    await uncancelled { await connection.close() }
                } catch { inbox.yield(Input(event: .failed(TransportError(error).description), attempt: attempt)) }
            } catch { inbox.yield(Input(event: .failed(TransportError(error).description), attempt: attempt)) }
        }
    }

    private func send(_ batch: LogBatch, in group: inout DiscardingTaskGroup) {
        let (attempt, inbox, limit) = (attempt, inbox, limits.deadline)
        guard let connection else {
            inbox.yield(Input(event: .failed("the connection is gone"), attempt: attempt))
            return
        }
        group.addTask {
            let late = OwnedTasks()
            late.begin {
                guard (try? await Task.sleep(for: limit)) != nil else { return }  // Answered before.
                // What is being sent fails by that.
                await connection.close()
            }
            do {
                let outcome = try await connection.send(batch)
                inbox.yield(Input(event: .sent(outcome), attempt: attempt))
            } catch { inbox.yield(Input(event: .failed(TransportError(error).description), attempt: attempt)) }
            late.cancel()
        }
    }

    private func confirm(_ batch: LogBatch) {
        for item in batch.items {
            totals.lines += item.line.count
            totals.bytes += item.line.bytes.count
        }
        for (id, items) in Dictionary(grouping: batch.items, by: \.containerID) {
            guard lanes[id] != nil else { continue }
            lanes[id]?.confirm(items)
            tell(.moved(id: id))
            if lanes[id]?.isDone == true { tell(.done(id: id)) }
        }
    }

    // MARK: Collecting

    /// The next batch: what there is, and what comes within a moment; `nil` when there is nothing.
    private func collect() async -> LogBatch? {
        var items: [LogBatch.Item] = []
        var size = 0
        var closesAt: ContinuousClock.Instant?
        while !Task.isCancelled {
            let isFull = await fill(&items, &size)
            if isFull { break }
            if items.isEmpty {
                flushHeld()
                if lanes.values.contains(where: \.hasQueued) { continue }
                guard let next = lanes.values.compactMap(\.flushesAt).min() else { return nil }
                await arrival.wait(until: next)
                continue
            }
            let end = closesAt ?? .now + limits.delay
            closesAt = end
            if .now >= end { break }
            await arrival.wait(until: end)
        }
        return items.isEmpty ? nil : LogBatch(items)
    }

    private func flushHeld() {
        for id in order {
            guard let time = lanes[id]?.flushesAt, time <= .now else { continue }
            lanes[id]?.flush()
        }
    }

    /// Adds what all lanes have, in turns, until the batch is full or nobody has more. A lane that has had its turn goes to the end.
    private func fill(_ items: inout [LogBatch.Item], _ size: inout Int) async -> Bool {
        var idle = 0
        var lines = items.reduce(0) { $0 + $1.line.weight }
        while idle < order.count, !order.isEmpty {
            let id = order.removeFirst()
            order.append(id)
            let reads = lanes[id]?.hasQueued == true ? false : await read(id)
            let room = min(Self.turnBytes, limits.bytes - size)
            let taken = lanes[id]?.take(bytes: room, lines: min(Self.turnLines, limits.lines - lines)) ?? []
            if taken.isEmpty {
                // What was read may have been nothing for the receiver.
                idle = lanes[id]?.mayHaveMore == true && lanes[id]?.hasQueued != true && reads ? 0 : idle + 1
                continue
            }
            let bytes = taken.reduce(0) { $0 + $1.line.bytes.count }
            idle = 0
            size += bytes
            lines += taken.reduce(0) { $0 + $1.line.weight }
            items += taken
            if size >= limits.bytes || lines >= limits.lines { return true }
        }
        return false
    }

    /// Reads the next stretch of a container's log, if there may be one and there is room.
    /// - Returns: Whether something was read.
    private func read(_ id: String) async -> Bool {
        guard let (reader, wasOver) = lanes[id].flatMap({ $0.wantsToRead ? ($0.reader, $0.isOver) : nil }) else {
            return false
        }
        guard lanes.values.reduce(0, { $0 + $1.queuedBytes }) < Self.mostQueued else { return false }
        lanes[id]?.mayHaveMore = false
        do {
            let (entries, hasLost) = try await thread.run { (try reader.read(), reader.takeLoss()) }
            // Meanwhile it may have been moved, and is read anew.
            guard lanes[id]?.reader === reader else { return true }
            if hasLost {
                lanes[id]?.lose()
                totals.losses += 1
                tell(.dropped(id: id, lines: 0, reason: "the log's bound was reached before they were sent"))
            }
            if let entries {
                lanes[id]?.mayHaveMore = true
                lanes[id]?.append(entries)
            } else if wasOver, lanes[id]?.isOver == true {
                let last = try await thread.run { reader.finish() }
                guard lanes[id]?.reader === reader else { return true }
                lanes[id]?.append(last, isLast: true)
                tell(.moved(id: id))
                if lanes[id]?.isDone == true { tell(.done(id: id)) }
            }
            return entries != nil
        } catch {
            log.warning(
                "a log could not be read to be shipped",
                metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
            return false
        }
    }
}

/// How the shipping of one container's lines stands.
package struct ShippingStatus: Sendable, Equatable {
    /// `down` with its reason once the receiver has failed several times in a row.
    var health: SenderMachine.Health
    /// There are lines that the receiver does not have.
    package var isBehind: Bool
    /// When the oldest of them was written, where that is known.
    package var since: Timestamp?
    package var counts: LineCounts
    package var address: String

    /// `ok`, `behind`, `down`.
    package var state: String {
        if case .down = health { return "down" }
        // A moment under way is not behind.
        guard isBehind, let since, Timestamp.now.timeSince(since) > 10 else { return "ok" }
        return "behind"
    }

    /// Why the receiver counts as down; empty when it does not.
    package var error: String {
        if case .down(let reason) = health { return reason }
        return ""
    }
}
