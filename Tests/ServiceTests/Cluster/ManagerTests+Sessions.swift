import Concurrency
import EngineInterface
import GRPCCore
import Logging
import Model
import NodeProtocol
import Orchestration
import StateStore
import TestKit
import Testing

@testable import Cluster

/// What a manager writes of its nodes' sessions and reports while others change the same things.
extension ManagerTests {
    private static let place = Dispatcher.ClaimedPlace(claim: "", source: NodeAddress("n1", source: nil))

    private static func dispatcher(of manager: Manager) -> Dispatcher {
        Dispatcher(
            model: manager.model, writer: manager.writer, live: manager.live, nodeID: "own",
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Begins a session of node `n1`, to which nothing is answered.
    private static func begin(
        _ session: String, _ description: NodeDescription? = nil, with dispatcher: Dispatcher
    ) async throws {
        let (_, answers) = AsyncStream.makeStream(of: Void.self)
        try await dispatcher.open(
            Member(nodeID: "n1", clusterID: "c", role: .worker), session: session, description: description,
            place: place, program: Capabilities.present.program, answers: answers)
    }

    @Test func `nodes are not asked for more signs of life than they can give`() async throws {
        var cluster = ClusterObject(id: "c")
        cluster.spec = Manager.completed(nil)
        cluster.spec.dispatcher?.heartbeatPeriod = 1
        try await withManager([cluster]) { manager, _ in
            let dispatcher = Self.dispatcher(of: manager)
            #expect(await dispatcher.heartbeat == Dispatcher.shortestHeartbeat)
        }
    }

    @Test func `what a session has to write does not take a node back that has begun another one`() async throws {
        try await withManager([node("n1")]) { manager, store in
            let dispatcher = Self.dispatcher(of: manager)
            var description = NodeDescription()
            description.hostname = "before"
            try await Self.begin("first", description, with: dispatcher)
            func stored() async throws -> Node {
                try Node(stored: try #require(try await store.base.get(StoreKey(.nodes, id: "n1"))))
            }
            #expect(try await stored().membership?.session == .init(manager: "own", id: "first"))

            description.hostname = "after"
            try await dispatcher.heard("n1", session: "first", description: description, place: Self.place)
            var elsewhere = try await stored()
            elsewhere.membership?.session = .init(manager: "other", id: "second")
            let taken = elsewhere
            store.overtake { base in try await Self.put(taken, in: base) }
            let refusal = await #expect(throws: RPCError.self) {
                try await dispatcher.writeHeard("n1", session: "first")
            }
            #expect(refusal?.code == .aborted)
            #expect(try await stored().membership?.session == .init(manager: "other", id: "second"))
            #expect(try await stored().description?.hostname == "before")
        }
    }

    @Test func `a node's word that the store does not take is written later`() async throws {
        try await withManager([node("n1")]) { manager, store in
            let dispatcher = Self.dispatcher(of: manager)
            try await Self.begin("s", with: dispatcher)
            var description = NodeDescription()
            description.hostname = "named"
            try await dispatcher.heard("n1", session: "s", description: description, place: Self.place)
            store.overtake { _ in throw StateStoreError(.unavailable, "reading") }
            try await dispatcher.writeHeard("n1", session: "s")
            #expect(try await manager.writer.get(Node.self, "n1")?.description?.hostname != "named")
            await dispatcher.tick()
            #expect(try await manager.writer.get(Node.self, "n1")?.description?.hostname == "named")
        }
    }

    @Test func `a node that describes itself anew all the time is written a few times at once, and no more`()
        async throws
    {
        try await withManager([node("n1")]) { manager, _ in
            let dispatcher = Self.dispatcher(of: manager)
            try await Self.begin("s", with: dispatcher)
            var description = NodeDescription()
            var written: Set<String> = []
            for number in 0..<20 {
                description.hostname = "h\(number)"
                try await dispatcher.heard("n1", session: "s", description: description, place: Self.place)
                try await dispatcher.writeHeard("n1", session: "s")
                let stored = try await manager.writer.get(Node.self, "n1")
                if let name = stored?.description?.hostname, !name.isEmpty { written.insert(name) }
            }
            // Five, and one more for each ten seconds that this may have taken.
            #expect(!written.isEmpty && written.count < 10, "\(written.sorted())")
        }
    }

    @Test func `an address that was refused is looked at again while the node's session lasts`() async throws {
        let other = ChosenAddressTests.task("b", on: "n2", ["192.0.2.5/24"])
        try await withManager([node("n1"), other, ChosenAddressTests.task("a", on: "n1")]) { manager, store in
            let dispatcher = Self.dispatcher(of: manager)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await dispatcher.run() }
                defer { group.cancelAll() }
                try await Self.begin("s", with: dispatcher)
                let report = ChosenAddressTests.status(["192.0.2.5/24"])
                try await dispatcher.report("n1", session: "s", [(taskID: "a", status: report)])
                func isAddressed() -> Bool {
                    manager.model.objects.tasks["a"]?.networksAttachments?.first?.addresses.isEmpty == false
                }
                #expect(!isAddressed())
                var ended = other
                ended.status.state = .shutdown
                try await Self.put(ended, in: store.base)
                try await eventually("it has the address") { isAddressed() }
            }
        }
    }

    @Test func `a node is heard while what it reports, and says of itself, waits for a store that does not answer`()
        async throws
    {
        var task = SwarmTask(id: "t")
        task.nodeID = "n1"
        task.assignment = .init()
        task.status = TaskStatus(.assigned, "", at: Timestamp(seconds: 1_000))
        try await withManager([node("n1"), task]) { manager, store in
            let dispatcher = Self.dispatcher(of: manager)
            try await Self.begin("s", with: dispatcher)
            func beat(_ description: NodeDescription?) async throws {
                let before = try #require(await dispatcher.sessions["n1"]?.lastHeard)
                try await within(.seconds(20)) {
                    try await dispatcher.heard("n1", session: "s", description: description, place: Self.place)
                }
                let now = try #require(await dispatcher.sessions["n1"]?.lastHeard)
                #expect(now > before)
            }
            let answer = Promise<Void>()
            store.gate.withLock { $0 = answer }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let running = TaskStatus(.running, "", at: Timestamp(seconds: 2_000))
                    try await dispatcher.report("n1", session: "s", [("t", running)])
                }
                try await eventually("the report waits for the store") { answer.waiterCount == 1 }
                var description = NodeDescription()
                description.hostname = "named"
                try await beat(description)
                group.addTask { try await dispatcher.writeHeard("n1", session: "s") }
                try await eventually("so does what it says of itself") { answer.waiterCount == 2 }
                try await beat(nil)
                store.gate.withLock { $0 = nil }
                answer.succeed(())
                try await group.waitForAll()
            }
            let written = try #require(try await store.base.get(StoreKey(.tasks, id: "t")))
            #expect(try SwarmTask(stored: written).status.state == .running)
            #expect(try await manager.writer.get(Node.self, "n1")?.description?.hostname == "named")
        }
    }

    @Test(arguments: [true, false]) func `of a node that has been removed nothing is kept`(closesFirst: Bool)
        async throws
    {
        try await withManager([node("n1")]) { manager, store in
            let dispatcher = Self.dispatcher(of: manager)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await dispatcher.run() }
                defer { group.cancelAll() }
                try await Self.begin("s", with: dispatcher)
                if closesFirst { await dispatcher.close("n1", session: "s") }
                #expect(await dispatcher.lastHeard["n1"] != nil)
                _ = try await store.base.commit(StoreTransaction(deletes: [StoreKey(.nodes, id: "n1")]))
                try await eventually("it is forgotten") {
                    let (isHeard, hasPace) = await (dispatcher.lastHeard["n1"] != nil, dispatcher.paces["n1"] != nil)
                    return !isHeard && !hasPace
                }
            }
        }
    }
}
