import EngineInterface
import Foundation
import GRPCCore
import Model
import NodeProtocol
import TestKit
import Testing

@testable import Cluster
@testable import Engine

/// What nodes tell managers of themselves, over real TLS and gRPC between nodes in one process.
@Suite(.serialized, .timeLimit(.minutes(3))) struct FeedTests {
    /// What a manager knows of a type of events, in order.
    private func told(_ node: TestNode, _ filters: [String: [String]]) async throws -> [ToldEvent] {
        var query = EventQuery(Filters(filters))
        query.since = .zero
        query.until = .now
        var told: [ToldEvent] = []
        for await event in await node.eventLog.tell(query, try EventFilter(query.filters)) { told.append(event) }
        return told
    }

    private func tell(_ node: TestNode, _ numbers: Range<Int>) {
        for number in numbers {
            node.eventLog.publish("container", "\(number)", "c", ["name": "web"])
            node.eventLog.publish("container", "exec_create: true", "c")
        }
    }

    @Test func `F8: a manager knows what happens on a node, once and in order, also of the time when it was away`()
        async throws
    {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            let cluster = ["scope": ["cluster"], "container": ["c"]]
            try await second.running { worker in
                try await first.running { manager in
                    try await first.initialise(manager)
                    let token = try await manager.inspectSwarm().joinTokens?.worker ?? ""
                    try await second.join(worker, token: token, manager: first)
                    tell(second, 0..<1000)
                    try await eventually(within: .seconds(30), "the events come") {
                        try await told(first, cluster).count == 1000
                    }
                }
                // No manager is there: this waits in the node's own log.
                tell(second, 1000..<1100)
                try await first.running { _ in
                    try await eventually(within: .seconds(40), "the events of meanwhile come") {
                        try await told(first, cluster).count >= 1100
                    }
                    tell(second, 1100..<1101)
                    try await eventually("new ones come") { try await told(first, cluster).count >= 1101 }
                }
            }
            let all = try await told(first, cluster)
            let numbers: [String] = (0..<1101).map { "\($0)" }
            #expect(all.map(\.event.action) == numbers)
            #expect(all.allSatisfy { $0.event.attributes["node.name"] == "node-2" && $0.event.scope == "local" })
            let own = try await told(second, cluster).filter { !$0.event.action.hasPrefix("exec") }
            #expect(all.map(\.id) == own.map(\.id))
            // Docker's clients are told of their own node.
            #expect(try await told(first, [:]).allSatisfy { $0.event.type != "container" })
        }
    }

    @Test func `F8: what happens to tasks is told on the manager, with reasons`() async throws {
        try await withSwarm { manager, first, worker, second in
            second.executor.state.withLock { $0.refusesImage = true }
            _ = try await manager.createService(service("web", replicas: 2))
            try await eventually(within: .seconds(20), "a task is refused") {
                let events = try await told(first, ["type": ["task"], "service": ["web"]])
                return events.contains { $0.event.action == "rejected" && $0.event.attributes["reason"] != nil }
                    && events.contains { $0.event.action == "running" }
            }
            let events = try await told(first, ["type": ["task"]])
            let running = try #require(events.first { $0.event.action == "running" })
            let own = events.filter { $0.event.actorID == running.event.actorID }.map(\.event.action)
            #expect(own.first == "assigned" && own.last == "running", "\(own)")
            #expect(Set(events.map(\.id)).count == events.count)
            #expect(try await told(second, ["type": ["task"]]).isEmpty)
            #expect(try await told(first, [:]).allSatisfy { $0.event.type != "task" })
        }
    }

    @Test func `pulses are known on the manager, and nodes are asked, of which one may be silent`() async throws {
        try await withSwarm { manager, first, worker, second in
            _ = try await manager.createService(service("web", replicas: 2))
            try await eventually(within: .seconds(20), "two tasks run") {
                try await manager.listTasks(Filters()).count { $0.status.state == .running } == 2
            }
            let tasks = try await manager.listTasks(Filters())
            let hub = try #require(await manager.feeds)
            #expect(await worker.feeds == nil)
            let now = Timestamp.now.seconds / 10 * 10
            for (step, cpu) in [(now - 10, 100), (now, 350)] as [(Int64, UInt64)] {
                for node in [first, second] {
                    var pulse = NodePulse(time: step, node: [cpu * 10, 4])
                    // Whatever it tells of tasks that are not its own counts for nothing.
                    for task in tasks { pulse.tasks[task.id] = [cpu, 0, 7] }
                    node.meter.newest.set(pulse)
                }
                try await eventually("the pulses come") {
                    let board = hub.board
                    return board.nodeIDs.count == 2
                        && board.nodeIDs.allSatisfy { board.latest(ofNode: $0)?.time == step }
                }
            }
            let board = hub.board
            let own = try #require(tasks.first)
            #expect(board.points(ofService: own.serviceID).last == PulseBoard.Point(time: now, values: [500, 0, 14]))
            #expect(board.tasks[own.id]?.values == [350, 0, 7] && board.tasks[own.id]?.growth == [250, 0, 7])
            #expect(board.tasks.count == 2 && board.tasks[own.id]?.nodeID == own.nodeID)

            let ids = try await manager.listNodes(Filters()).map(\.id)
            // Each is given a few seconds, and a busy machine may take them.
            let answers = try await eventually("both answer") { () async throws -> [String: Data]? in
                let answers = await hub.ask(Self.question(ids + ["nobody"]))
                return answers.count < ids.count ? nil : answers
            }
            #expect(Set(answers.keys) == Set(ids) && answers.values.allSatisfy { $0 == Data("answer to q".utf8) })
            second.meter.isSilent.set(true)
            try await eventually("one answers, and the other is silent") { () async throws -> Bool in
                let begun = ContinuousClock.now
                let some = await hub.ask(Self.question(ids))
                #expect(ContinuousClock.now - begun < .seconds(10))
                return some.count == 1
            }
        }
    }

    @Test func `a manager that takes nothing costs a node nothing: another one stays current, and nothing piles up`()
        async throws
    {
        try await withNodes(3) { nodes in
            let (first, slow, node) = (nodes[0], nodes[1], nodes[2])
            try await first.running { manager in
                try await first.initialise(manager)
                let tokens = try await manager.inspectSwarm().joinTokens
                try await slow.running { other in
                    try await slow.join(other, token: tokens?.manager ?? "", manager: first)
                    try await node.running { worker in
                        try await node.join(worker, token: tokens?.worker ?? "", manager: first)
                        let id = await worker.swarmInfo().nodeID
                        try await eventually(within: .seconds(30), "both managers hear the node") {
                            let heard = [await manager.feeds, await other.feeds].compactMap { $0?.connected }
                            return heard.count == 2 && heard.allSatisfy { $0.contains(id) }
                        }
                        let hubs = [try #require(await manager.feeds), try #require(await other.feeds)]
                        try await holdUp(slow, beside: first, node, id, hubs)
                    }
                }
            }
        }
    }

    /// One manager takes nothing of what the node tells, and then all of it.
    /// - Parameter hubs: Of the manager that goes on, and of the slow one.
    private func holdUp(_ slow: TestNode, beside first: TestNode, _ node: TestNode, _ id: String, _ hubs: [FeedHub])
        async throws
    {
        let cluster = ["scope": ["cluster"], "container": ["c"]]
        let log = node.eventLog.id
        let before = slow.exchange.offered.withLock { $0[log] ?? 0 }
        slow.exchange.isHeld.set(true)
        // Two megabytes: more than is on its way of a call.
        let (count, long) = (600, String(repeating: "x", count: 1000))
        for number in 0..<count {
            node.eventLog.publish("container", "\(number)", "c", ["a": long, "b": long, "d": long])
        }
        let numbers = (0..<count).map { "\($0)" }
        try await eventually(within: .seconds(60), "the other manager has them all") {
            try await told(first, cluster).map(\.event.action) == numbers
        }
        // The next message is made when this one has been kept.
        try await eventually("the slow one has been handed something") {
            slow.exchange.offered.withLock { $0[log] ?? 0 } > before
        }
        #expect(slow.exchange.offered.withLock { $0[log] ?? 0 } == before + 1)
        let now = Timestamp.now.seconds / 10 * 10
        for step in [now - 10, now] {
            node.meter.newest.set(NodePulse(time: step, node: [1]))
            try await eventually("the pulses come") { hubs[0].board.latest(ofNode: id)?.time == step }
        }
        try await eventually("it answers") { await hubs[0].ask(Self.question([id])).count == 1 }
        #expect(hubs[1].board.latest(ofNode: id) == nil)
        #expect(try await told(slow, cluster).isEmpty)
        slow.exchange.isHeld.set(false)
        try await eventually(within: .seconds(60), "it has all of it, in order, and the newest pulse") {
            try await told(slow, cluster).map(\.event.action) == numbers
                && hubs[1].board.latest(ofNode: id)?.time == now
        }
    }

    @Test func `however slow a manager is, one message of events and the newest pulse wait for it`() async throws {
        let outbox = FeedOutbox()
        for number in 1...100 as ClosedRange<Int64> {
            outbox.put(Wire.Pulse(NodePulse(time: number, node: [1])))
            let event = EngineEvent(type: "container", action: "start", actorID: "c")
            outbox.put(FeedEvents.batch([NumberedEvent(sequence: number, event: event)]))
            outbox.add(.with { $0.id = UInt64(clamping: number) })
        }
        for number in 1...FeedOutbox.mostAnswers {
            #expect(try await outbox.next().answer.id == UInt64(clamping: number))
        }
        #expect(try await outbox.next().pulse.pulse.time == 100)
        #expect(try await outbox.next().events.events.map(\.sequence) == [100])
        // And nothing else.
        outbox.add(.with { $0.id = 1000 })
        #expect(try await outbox.next().answer.id == 1000)
    }

    private static func question(_ ids: [String]) -> [String: Data] {
        Dictionary(uniqueKeysWithValues: ids.map { ($0, Data("q".utf8)) })
    }

    // MARK: What a node may tell

    private func event(_ sequence: Int64, _ type: String = "container", _ attributes: [String: String] = [:])
        -> Wire.NodeEvent
    {
        Wire.NodeEvent(
            NumberedEvent(
                sequence: sequence,
                event: EngineEvent(type: type, action: "start", actorID: "c", attributes: attributes)))
    }

    private func taken(_ events: [Wire.NodeEvent]) throws -> [NumberedEvent] {
        var batch = Wire.EventBatch()
        batch.events = events
        return try FeedEvents.events(batch).events
    }

    @Test func `a node tells of itself alone, in order, and no more than a manager keeps`() throws {
        #expect(try taken([event(1), event(3)]).map(\.sequence) == [1, 3])
        for wrong in [
            [event(2), event(1)], [event(0)], [event(1, "task")], [event(1, "node")],
            [event(1, "container", ["a": String(repeating: "x", count: 5000)])],
            [event(1, "container", Dictionary(uniqueKeysWithValues: (0..<300).map { ("\($0)", "") }))],
            (1...300).map { event($0) },
        ] { #expect(throws: RPCError.self) { try taken(wrong) } }
        var late = event(1)
        late.time = .max
        #expect(try taken([late])[0].event.time <= .now)
        // What it is made of here is always taken.
        let labels = Dictionary(
            uniqueKeysWithValues: (0..<1000).map { ("label-\($0)", String(repeating: "ä", count: 5000)) })
        let long = (1...40).map { number in
            NumberedEvent(
                sequence: number,
                event: EngineEvent(
                    type: "container", action: String(repeating: "y", count: 9999), actorID: "c", attributes: labels))
        }
        let batch = FeedEvents.batch(long)
        #expect((10..<20).contains(batch.events.count), "\(batch.events.count)")
        #expect(batch.events.allSatisfy { $0.attributes.count > 2 })
        #expect(try FeedEvents.events(batch).events.count == batch.events.count)
    }

    @Test func `a node cannot speak in another one's log`() async throws {
        let log = EventLog()
        let one = EventNode(id: "n1", name: "one")
        let start = NumberedEvent(sequence: 5, event: EngineEvent(type: "container", action: "start", actorID: "c"))
        #expect(try await log.take([start], through: 5, of: "log1", at: one) == 5)
        #expect(
            try await log.take([start], through: 5, of: "log1", at: one) == 5 && log.known(of: "log1", at: "n1") == 5)
        #expect(log.known(of: "log1", at: "n2") == 0)
        await #expect(throws: EventExchangeError.self) {
            try await log.take([start], through: 5, of: "log1", at: EventNode(id: "n2", name: "two"))
        }
        // A node that was removed has come back as another: it goes on in the log that it has.
        let again = EventNode(id: "n3", name: "one")
        #expect(try await log.take([start], through: 9, of: "log1", at: again) { $0 != "n1" } == 9)
        #expect(log.known(of: "log1", at: "n3") == 9 && log.known(of: "log1", at: "n1") == 0)
        await #expect(throws: EventExchangeError.self) { try await log.take([start], through: 5, of: log.id, at: one) }
        // However many logs it makes up, a manager remembers some of them.
        for number in 2..<100 { _ = try await log.take([start], through: 5, of: "log\(number)", at: one) }
        #expect(log.state.withLock { $0.streams.count } == 5)
    }

    @Test func `what only managers may tell is left out of a worker's events, and not asked for again`() async throws {
        var batch = Wire.EventBatch()
        batch.events = [event(1, "alert"), event(2), event(3, "audit")]
        let told = try FeedEvents.events(batch)
        #expect(told.events.map(\.sequence) == [2] && told.last == 3)
        let manager = try FeedEvents.events(batch, isManager: true)
        #expect(manager.events.map(\.sequence) == [1, 2, 3] && manager.events.first?.event.scope == "swarm")
        let log = EventLog()
        let node = EventNode(id: "n1", name: "one")
        #expect(try await log.take(told.events, through: told.last, of: "log1", at: node) == 3)
        // One that has nothing else to tell goes on, too.
        #expect(try await log.take([], through: 5, of: "log1", at: node) == 5 && log.known(of: "log1", at: "n1") == 5)
        #expect(try await log.take([], through: 4, of: "log1", at: node) == 5)
    }

    @Test func `a board keeps a quarter of an hour, and counters that begin anew are no negative growth`() {
        var board = PulseBoard()
        let service: (String) -> String? = { $0 == "t" ? "s" : nil }
        for step in 0..<200 as Range<Int64> {
            board.take(
                NodePulse(
                    time: 1000 + step * 10, node: [UInt64(step)], tasks: ["t": [UInt64(step % 50) * 100], "x": [1]]),
                of: "n", now: 1000 + step * 10, service: service)
        }
        #expect(board.points(ofNode: "n").count == 90 && board.points(ofService: "s").count == 90)
        #expect(board.points(ofNode: "n").last == PulseBoard.Point(time: 2990, values: [1]))
        #expect(board.points(ofService: "s").allSatisfy { $0.values[0] == 100 || $0.values[0] == 0 })
        #expect(board.tasks.keys.sorted() == ["t"])
        // Late, twice, or out of the future: nothing.
        let before = board.points(ofNode: "n")
        for time in [2990, 2000, 9000] as [Int64] {
            board.take(NodePulse(time: time, node: [9]), of: "n", now: 2990, service: service)
        }
        #expect(board.points(ofNode: "n") == before)
        board.forget(nodesBut: { _ in false }, servicesBut: { _ in false })
        #expect(board.nodeIDs.isEmpty && board.tasks.isEmpty && board.points(ofService: "s").isEmpty)
    }
}
