import EngineInterface
import GRPCCore
import Model
import NIOPosix
import NodeProtocol
import SwiftProtobuf
import TestKit
import Testing

@testable import Cluster
@testable import Engine

/// What is refused of tunnels, and what comes of nodes that do not answer as they should.
@Suite(.serialized, .timeLimit(.minutes(3))) struct TunnelRefusalTests {
    /// A manager and a node, each with a task, and the connection of somebody who speaks in the node's name: its daemon is gone.
    private func withImpostor(
        _ body: @escaping @Sendable (Swarm, TestNode, SwarmTask, TLSIdentity) async throws -> Void
    ) async throws {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            try await first.running { manager in
                try await first.initialise(manager)
                let token = try await manager.inspectSwarm().joinTokens?.worker ?? ""
                let task = try await second.running { worker in
                    try await second.join(worker, token: token, manager: first)
                    try await eventually("both nodes are ready") { try await ready(manager) == 2 }
                    _ = try await manager.createService(service("web", replicas: 2))
                    try await eventually(within: .seconds(20), "two tasks run") {
                        try await manager.listTasks(Filters()).count { $0.status.state == .running } == 2
                    }
                    let own = await manager.swarmInfo().nodeID
                    return try await manager.listTasks(Filters()).first { $0.nodeID != own }
                }
                try await body(manager, first, try #require(task), try identity(of: second))
            }
        }
    }

    private func identity(of node: TestNode) throws -> TLSIdentity {
        let files = CredentialFiles(directory: node.directory + "/swarm/certificates")
        return try TLSIdentity(try #require(try files.load()))
    }

    private func connected<Value: Sendable>(
        to node: TestNode, as identity: TLSIdentity,
        _ body: @escaping @Sendable (NodeTransport.Client) async throws -> Value
    ) async throws -> Value {
        try await NodeTransport.withClient(
            to: "\(node.address):\(node.port)", identity: identity, check: .none,
            group: .singletonMultiThreadedEventLoopGroup, body)
    }

    /// A feed in the node's name, that has `asked` be told which calls are to be opened.
    private func feed(_ client: NodeTransport.Client, opensTunnels: Bool = true, asked: Kept<[String]>) async throws {
        try await Wire.Feed.Client(wrapping: client).tell(options: NodeTransport.streamOptions) { writer in
            try await writer.write(
                .with {
                    $0.beginning.log = "impostor"
                    $0.beginning.opensTunnels = opensTunnels
                })
            try await Task.sleep(for: .seconds(600))
        } onResponse: { response in
            for try await reply in response.messages { asked.withLock { $0 += reply.tunnels } }
        }
    }

    /// Opens a call that begins with an id, gives `answers` to whatever is asked, and returns how it ended.
    private func open(_ client: NodeTransport.Client, _ id: String, _ answers: [Wire.TunnelAnswer]) async
        -> RPCError.Code?
    {
        do {
            try await Wire.Tunnels.Client(wrapping: client).open(options: NodeTransport.streamOptions) { writer in
                try await writer.write(.with { $0.id = id })
                for answer in answers { try await writer.write(answer) }
                try await Task.sleep(for: .seconds(600))
            } onResponse: { response in
                for try await _ in response.messages {}
            }
            return nil
        } catch { return (error as? RPCError)?.code }
    }

    private func list(_ titles: [String]) throws -> [Wire.TunnelAnswer] {
        Wire.TunnelPiece.pieces(try WireJSON.encode(RemoteProcesses(titles: titles, processes: []))).map { piece in
            .with { $0.json = piece }
        }
    }

    @Test func `an id counts for the node that was asked, once, and nobody else`() async throws {
        try await withImpostor { manager, first, task, identity in
            let containers = manager.containers(over: first.answering)
            try await connected(to: first, as: identity) { client in
                let asked = Kept<[String]>([])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await feed(client, asked: asked) }
                    try await eventually("the feed is there") {
                        await manager.feeds?.ask(task.nodeID ?? "", toOpen: "probe") == .asked
                    }
                    group.addTask {
                        let top = try await containers.topContainer(task.id, arguments: "")
                        #expect(top.titles == ["TRUE"])
                    }
                    let id = try await eventually("the question") { asked.withLock { $0.first { $0 != "probe" } } }
                    #expect(id.utf8.count == 64)
                    // A node that was not asked: a manager's own certificate does not help it.
                    let foreign = try self.identity(of: first)
                    let answers = try list(["FALSE"])
                    let refused = try await connected(to: first, as: foreign) { await open($0, id, answers) }
                    #expect(refused == .notFound)
                    // Nor does another id help the node that was asked.
                    #expect(await open(client, String(repeating: "0", count: 64), answers) == .notFound)
                    #expect(await open(client, id, try list(["TRUE"])) == nil)
                    #expect(await open(client, id, answers) == .notFound)
                    group.cancelAll()
                }
            }
        }
    }

    @Test func `an unauthenticated peer opens nothing, and a worker's own API knows its own containers only`()
        async throws
    {
        try await withSwarm { manager, first, worker, second in
            _ = try await manager.createService(service("web", replicas: 2))
            try await eventually(within: .seconds(20), "two tasks run") {
                try await manager.listTasks(Filters()).count { $0.status.state == .running } == 2
            }
            let tasks = try await manager.listTasks(Filters())
            await first.plant(tasks)
            await second.plant(tasks)
            let own = await manager.swarmInfo().nodeID
            let task = try #require(tasks.first { $0.nodeID == own })
            let containers = worker.containers(over: second.answering)
            for reference in [task.id, "web.\(task.slot ?? 0)", task.status.containerStatus?.containerID ?? ""] {
                await #expect(throws: ContainerError.notFound(reference)) {
                    try await containers.inspectContainer(reference, size: false)
                }
                await #expect(throws: ContainerError.notFound(reference)) {
                    var request = ExecRequest()
                    request.cmd = ["cat"]
                    return try await containers.createExec(container: reference, request)
                }
            }
            let unauthenticated = try TLSIdentity(joiner: NodeKey(), roots: [])
            let refused = try await connected(to: first, as: unauthenticated) { await open($0, "x", []) }
            #expect(refused == .permissionDenied)
            // A node's own container that is no task's is none of a manager's business.
            let foreign = String(repeating: "e", count: 64)
            await second.engine.plant(foreign, name: "private", command: ["cat"])
            let other = try #require(tasks.first { $0.nodeID != own })
            var place = try #require(
                TaskContainerPlace(try await manager.manager().model.objects.tasks[other.id] ?? other))
            place.containerID = foreign
            let remote = RemoteContainer(place: place, reference: "private", hub: try await manager.manager().tunnels)
            await #expect(throws: ContainerError.notFound("private")) { try await remote.inspect(size: false) }
        }
    }

    @Test func `an exec of another container is not found`() async throws {
        try await withSwarm { manager, first, _, second in
            _ = try await manager.createService(service("web", replicas: 4))
            try await eventually(within: .seconds(20), "four tasks run") {
                try await manager.listTasks(Filters()).count { $0.status.state == .running } == 4
            }
            let tasks = try await manager.listTasks(Filters())
            await second.plant(tasks)
            let own = await manager.swarmInfo().nodeID
            let hub = try await manager.manager().tunnels
            let places = tasks.filter { $0.nodeID != own }.compactMap(TaskContainerPlace.init)
            try #require(places.count == 2)
            let remotes = places.map { RemoteContainer(place: $0, reference: $0.taskID, hub: hub) }
            var request = ExecRequest()
            request.cmd = ["cat"]
            let id = try await remotes[0].createExec(request)
            #expect(try await remotes[0].inspectExec(id).running)
            await #expect(throws: ExecError.notFound(id)) { try await remotes[1].inspectExec(id) }
            await #expect(throws: ExecError.notFound(id)) { try await remotes[1].startExecDetached(id) }
            await #expect(throws: ExecError.notFound(id)) { try await remotes[1].resizeExec(id, height: 1, width: 1) }
        }
    }

    @Test func `a node that is too old, or silent, or answers something else is named in time`() async throws {
        try await withImpostor { manager, first, task, identity in
            let containers = manager.containers(over: first.answering)
            try await connected(to: first, as: identity) { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let asked = Kept<[String]>([])
                    group.addTask { try await feed(client, opensTunnels: false, asked: asked) }
                    try await eventually("the feed is there") {
                        await manager.feeds?.ask(task.nodeID ?? "", toOpen: "probe") == .tooOld
                    }
                    await #expect(throws: TunnelError.nodeTooOld("node-2")) {
                        try await containers.topContainer(task.id, arguments: "")
                    }
                    group.cancelAll()
                }
            }
            try await connected(to: first, as: identity) { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let asked = Kept<[String]>([])
                    group.addTask { try await feed(client, asked: asked) }
                    try await eventually("the feed is there") {
                        await manager.feeds?.ask(task.nodeID ?? "", toOpen: "probe") == .asked
                    }
                    let begun = ContinuousClock.now
                    await #expect(throws: TunnelError.noAnswer("node-2")) {
                        try await containers.topContainer(task.id, arguments: "")
                    }
                    #expect(ContinuousClock.now - begun < TunnelHub.openingDeadline + .seconds(5))
                    // Too late.
                    let late = try #require(asked.withLock { $0.last })
                    #expect(await open(client, late, try list(["LATE"])) == .notFound)
                    // Another container's.
                    let before = asked.withLock { $0.count }
                    group.addTask {
                        await #expect(throws: TunnelError.badAnswer("node-2")) {
                            try await containers.measureContainer(task.id)
                        }
                    }
                    let id = try await eventually("the question") { asked.withLock { $0.dropFirst(before).first } }
                    let wrong = Wire.TunnelPiece.pieces(
                        try WireJSON.encode(ContainerMeasurement(identifier: "other", name: "web"))
                    ).map { piece in Wire.TunnelAnswer.with { $0.json = piece } }
                    #expect(await open(client, id, wrong) == nil)
                    let hub = try await manager.manager().tunnels
                    try await eventually("the question is over") { hub.count == 0 }
                    group.cancelAll()
                }
            }
        }
    }

    @Test func `there are so many questions to a node at once, and room again when they are over`() async throws {
        try await withSwarm { manager, first, _, second in
            _ = try await manager.createService(service("web", replicas: 2))
            try await eventually(within: .seconds(20), "two tasks run") {
                try await manager.listTasks(Filters()).count { $0.status.state == .running } == 2
            }
            let tasks = try await manager.listTasks(Filters())
            await second.plant(tasks)
            let own = await manager.swarmInfo().nodeID
            let task = try #require(tasks.first { $0.nodeID != own })
            let containers = manager.containers(over: first.answering)
            var open: [PendingExit] = []
            for _ in 0..<TunnelHub.mostOfNode {
                open.append(try await containers.waitForContainer(task.id, .notRunning))
            }
            await #expect(throws: TunnelError.limitReached("node-2")) {
                try await containers.topContainer(task.id, arguments: "")
            }
            #expect(open.count == TunnelHub.mostOfNode)
            // Whoever waits no more gives his place back.
            open = []
            try await eventually("there is room") {
                (try? await containers.topContainer(task.id, arguments: "")) != nil
            }
        }
    }

    @Test func `both nodes have an event of who asked for what, without a command's environment`() async throws {
        try await withSwarm { manager, first, _, second in
            _ = try await manager.createService(service("web", replicas: 2))
            try await eventually(within: .seconds(20), "two tasks run") {
                try await manager.listTasks(Filters()).count { $0.status.state == .running } == 2
            }
            let tasks = try await manager.listTasks(Filters())
            await second.plant(tasks)
            let own = await manager.swarmInfo().nodeID
            let task = try #require(tasks.first { $0.nodeID != own })
            let containers = manager.containers(over: first.answering)
            var request = ExecRequest()
            request.cmd = ["cat", "/etc/motd"]
            request.env = ["PASSWORD=secret"]
            let exec = try await APIClient.$current.withValue(APIClient { "uid=7" }) {
                let id = try await containers.createExec(container: task.id, request)
                try await containers.startExecDetached(id)
                _ = try await containers.measureContainer(task.id)
                return id
            }
            for (node, scope) in [(first, "swarm"), (second, "local")] {
                let events = await node.eventLog.recent(LoggedEvent.auditType, since: .zero)
                    .filter { $0.actorID == task.status.containerStatus?.containerID }
                #expect(
                    events.map(\.action) == ["exec_create", "exec_start"] && events.allSatisfy { $0.scope == scope })
                #expect(events.first?.attributes["command"] == "cat /etc/motd")
                #expect(events.last?.attributes["execID"] == exec)
                for event in events {
                    #expect(event.attributes["client"] == "uid=7" && event.attributes["task.id"] == task.id)
                    #expect(scope == "local" || event.attributes["node.id"] == task.nodeID)
                    #expect(scope == "swarm" || event.attributes["manager.id"] == own)
                    #expect(!"\(event)".contains("secret"))
                }
            }
        }
    }
}
