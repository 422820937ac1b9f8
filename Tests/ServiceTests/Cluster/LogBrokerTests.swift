import Cluster
import EngineInterface
import GRPCCore
import GRPCNIOTransportHTTP2
import LinuxSystem
import Model
import NIOCore
import NIOPosix
import NodeProtocol
import SwiftProtobuf
import Synchronization
import TestKit
import Testing

/// Logs of services over real TLS and gRPC between nodes in one process.
@Suite(.serialized, .timeLimit(.minutes(3))) struct LogBrokerTests {
    /// Two tasks on each of two nodes.
    private func withService(
        _ body: @escaping @Sendable (Swarm, TestNode, Swarm, TestNode, [SwarmTask]) async throws -> Void
    ) async throws {
        try await withSwarm { manager, first, worker, second in
            _ = try await manager.createService(service("web", replicas: 4))
            try await eventually(within: .seconds(20), "four tasks run") {
                try await manager.listTasks(Filters()).count { $0.status.state == .running } == 4
            }
            let tasks = try await manager.listTasks(Filters())
            try await body(manager, first, worker, second, tasks)
        }
    }

    private func query(follow: Bool = false, tail: Int? = nil) -> LogQuery {
        var query = LogQuery()
        query.follow = follow
        query.tail = tail
        return query
    }

    private func text(_ chunks: [OutputChunk]) -> [String] { chunks.map { String(buffer: $0.bytes) } }

    private func all(_ log: LogStream) async throws -> [OutputChunk] {
        var chunks: [OutputChunk] = []
        for try await more in log.output { chunks += more }
        return chunks
    }

    @discardableResult
    private func write(_ tasks: [SwarmTask], _ nodes: [TestNode], rounds: Range<Int>) -> [String] {
        var lines: [String] = []
        for round in rounds {
            for (index, task) in tasks.enumerated() {
                let node = nodes.first { node in
                    node.executor.state.withLock { $0.containers[task.id] != nil }
                }
                node?.executor.write(task.id, "\(round).\(index)")
                lines.append("\(round).\(index)\n")
            }
        }
        return lines
    }

    @Test func `F1: lines of both nodes come in order of time, and the tail is that of all`() async throws {
        try await withService { manager, first, worker, second, tasks in
            let lines = write(tasks, [first, second], rounds: 0..<50)
            #expect(text(try await all(try await manager.serviceLogs("web", query()))) == lines)
            #expect(text(try await all(try await manager.serviceLogs("web", query(tail: 7)))) == lines.suffix(7))
            #expect(try await all(try await manager.serviceLogs("web", query(tail: 0))).isEmpty)
            #expect(text(try await all(try await manager.serviceLogs("web", query(tail: .max)))) == lines)
            let own = try await all(try await manager.taskLogs(tasks[2].id, query()))
            #expect(text(own) == (0..<50).map { "\($0).2\n" })
            await #expect(throws: (any Error).self) { try await worker.serviceLogs("web", query()) }
            var detailed = query(tail: 1)
            detailed.details = true
            let last = text(try await all(try await manager.serviceLogs("web", detailed)))
            let task = tasks[3]
            #expect(
                last == [
                    "com.docker.swarm.node.id=\(task.nodeID ?? ""),com.docker.swarm.service.id=\(task.serviceID),"
                        + "com.docker.swarm.task.id=\(task.id) 49.3\n"
                ])
            // What log options name of the containers comes from the nodes, and cannot say whose line it is.
            for node in [first, second] {
                node.executor.state.withLock { state in
                    for task in tasks {
                        state.logDetails[task.id] = [
                            "color": "blue", "zone": "a b", "com.docker.swarm.task.id": "other",
                        ]
                    }
                }
            }
            detailed.tail = 4
            let named = text(try await all(try await manager.serviceLogs("web", detailed)))
            let expected: [String] = tasks.enumerated().map { index, task in
                let (node, service) = ("node.id=\(task.nodeID ?? "")", "service.id=\(task.serviceID)")
                let ids = [node, service, "task.id=\(task.id)"].map { "com.docker.swarm.\($0)" }
                return "color=blue,\(ids.joined(separator: ",")),zone=a+b 49.\(index)\n"
            }
            #expect(named == expected)
        }
    }

    @Test
    func `F2: following tells new lines and new tasks, names a node that breaks off, and goes on when it is back`()
        async throws
    {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            try await first.running { manager in
                try await first.initialise(manager)
                let token = try await manager.inspectSwarm().joinTokens?.worker ?? ""
                let seen = Kept<[String]>([])
                let tasks = Kept<[SwarmTask]>([])
                let log = Kept<LogStream?>(nil)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let log = try await eventually(within: .seconds(60), "the logs") { log.withLock { $0 } }
                        for try await chunks in log.output {
                            let lines = text(chunks)
                            seen.withLock { $0 += lines }
                        }
                    }
                    try await second.running { worker in
                        try await second.join(worker, token: token, manager: first)
                        try await eventually("both nodes are ready") { try await ready(manager) == 2 }
                        _ = try await manager.createService(service("web", replicas: 2))
                        try await eventually(within: .seconds(20), "two tasks run") {
                            try await manager.listTasks(Filters()).count { $0.status.state == .running } == 2
                        }
                        let all = try await manager.listTasks(Filters())
                        tasks.withLock { $0 = all }
                        write(all, nodes, rounds: 0..<3)
                        let stream = try await manager.serviceLogs("web", query(follow: true, tail: 1))
                        log.withLock { $0 = stream }
                        try await eventually("the last line of before") { seen.withLock { $0 } == ["2.1\n"] }
                        write(all, nodes, rounds: 3..<5)
                        try await eventually("new lines") { seen.withLock { $0.count } == 5 }
                    }
                    // The second node's daemon is gone.
                    try await eventually(within: .seconds(8), "the node is named") {
                        seen.withLock { $0.last?.contains("node node-2 does not answer") == true }
                    }
                    let all = tasks.withLock { $0 }
                    let before = seen.withLock { $0.count }
                    write(all, nodes, rounds: 5..<7)
                    try await eventually("lines of the other node") { seen.withLock { $0.count } == before + 2 }
                    try await second.running { _ in
                        try await eventually(within: .seconds(20), "lines of when it was away") {
                            seen.withLock { $0.count } == before + 4
                        }
                        let written: [String] = (3..<7).flatMap { round -> [String] in ["\(round).0\n", "\(round).1\n"]
                        }
                        let lines: [String] = seen.withLock { $0 }.filter { !$0.hasPrefix("[") }
                        #expect(lines.sorted() == (["2.1\n"] + written).sorted())
                    }
                    group.cancelAll()
                }
            }
        }
    }

    /// A task on each of two nodes, with five lines each; the second node's daemon is not there, and a client in its name can be.
    private func withStandIn(
        _ body: @escaping @Sendable (Swarm, TestNode, TestNode, [SwarmTask], StandIn) async throws -> Void
    ) async throws {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            try await first.running { manager in
                try await first.initialise(manager)
                let token = try await manager.inspectSwarm().joinTokens?.worker ?? ""
                try await second.running { worker in
                    try await second.join(worker, token: token, manager: first)
                    try await eventually("both nodes are ready") { try await ready(manager) == 2 }
                    _ = try await manager.createService(service("web", replicas: 2))
                    try await eventually(within: .seconds(20), "two tasks run") {
                        try await manager.listTasks(Filters()).count { $0.status.state == .running } == 2
                    }
                }
                let tasks = try await manager.listTasks(Filters())
                write(tasks, nodes, rounds: 0..<5)
                let files = CredentialFiles(directory: second.directory + "/swarm/certificates")
                let identity = try TLSIdentity(try #require(try files.load()))
                let standIn = StandIn(manager: "\(first.address):\(first.port)", identity: identity)
                try await body(manager, first, second, tasks, standIn)
            }
        }
    }

    private struct StandIn: Sendable {
        struct BreaksOff: Error {}
        typealias Broker = Wire.LogBroker.Client<HTTP2ClientTransport.Posix>

        let manager: String
        let identity: TLSIdentity

        /// One connection: does something with each request that is wanted, until that throws.
        func connect(_ take: @escaping @Sendable (Wire.LogRequest, Broker) async throws -> Void) async throws {
            try await NodeTransport.withClient(
                to: manager, identity: identity, check: .none, group: .singletonMultiThreadedEventLoopGroup
            ) { client in
                let broker = Broker(wrapping: client)
                try await broker.wanted(.init(), options: NodeTransport.streamOptions) { response in
                    for try await message in response.messages {
                        for request in message.requests { try await take(request, broker) }
                    }
                }
            }
        }
    }

    @Test(arguments: [nil, 4])
    func `F2: a node that breaks off and comes again at once has told everything, and nothing twice`(tail: Int?)
        async throws
    {
        try await withStandIn { manager, first, second, tasks, standIn in
            let id = second.executor.state.withLock { $0.containers.keys.first }
            let task = try #require(tasks.first { $0.id == id })
            let entries = second.executor.state.withLock { $0.logs[task.id] ?? [] }.map { entry in
                var entry = entry
                entry.origin = task.id
                return entry
            }
            let asked = Kept<[Wire.LogRequest]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: (any Error).self) {
                        try await standIn.connect { request, broker in
                            asked.withLock { $0.append(request) }
                            _ = try await broker.publish(options: NodeTransport.streamOptions) { writer in
                                try await writer.write(.with { $0.requestID = request.id })
                                try await writer.write(.with { $0.lines = entries.prefix(2).map(Wire.LogLine.init) })
                                // What was written has come when the connection ends; nobody tells the node so.
                                try await Task.sleep(for: .seconds(1))
                                throw StandIn.BreaksOff()
                            }
                        }
                    }
                    try await standIn.connect { request, broker in
                        guard asked.withLock({ $0.count }) == 1 else { return }
                        asked.withLock { $0.append(request) }
                        let again = entries.filter { $0.timestamp >= request.selection.since ?? .zero }
                        _ = try await broker.publish(options: NodeTransport.streamOptions) { writer in
                            try await writer.write(.with { $0.requestID = request.id })
                            try await writer.write(.with { $0.lines = again.map(Wire.LogLine.init) })
                            try await writer.write(.with { $0.isEnd = true })
                        }
                    }
                }
                let chunks = try await all(try await manager.serviceLogs("web", query(tail: tail)))
                let lines = (0..<5).flatMap { round in tasks.indices.map { "\(round).\($0)\n" } }
                #expect(text(chunks) == Array(lines.suffix(tail ?? lines.count)))
                #expect(chunks.allSatisfy { chunk in chunk.stream == OutputChunk.Stream.standardOutput })
                let requests = asked.withLock { $0 }
                #expect(Set(requests.map(\.id)).count == 2)
                // From where it broke off, unless only the last lines count.
                #expect(requests.last?.selection.since == (tail == nil ? entries[1].timestamp : nil))
                #expect(requests.last?.selection.tail == tail)
                group.cancelAll()
            }
        }
    }

    @Test func `F2: a node that is connected and says nothing is given up after a while, and named`() async throws {
        try await withStandIn { manager, first, _, tasks, standIn in
            try await withThrowingTaskGroup(of: Void.self) { group in
                let wanted = Kept(0)
                group.addTask { try await standIn.connect { _, _ in wanted.withLock { $0 += 1 } } }
                let begun = ContinuousClock.now
                let chunks = try await all(try await manager.serviceLogs("web", query()))
                #expect(ContinuousClock.now - begun < .seconds(20))
                // Once at first, and again when nothing was heard.
                #expect(wanted.withLock { $0 } >= 2)
                let lines = text(chunks)
                let here = tasks.firstIndex { task in
                    first.executor.state.withLock { $0.containers[task.id] != nil }
                }
                let own: [String] = lines.filter { !$0.hasPrefix("[") }.dropLast()
                let written: [String] = (0..<5).map { "\($0).\(here ?? 9)\n" }
                #expect(own == written)
                #expect(lines.contains { $0.hasPrefix("[node node-2 does not answer") })
                #expect(chunks.last?.stream == .systemError)
                #expect(lines.last?.hasSuffix("reasons: node node-2 is not available\n") == true)
                group.cancelAll()
            }
        }
    }
}
