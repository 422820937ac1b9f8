import EngineInterface
import GRPCCore
import Model
import NIOCore
import NodeProtocol
import Orchestration
import TestKit
import Testing

@testable import Cluster
@testable import Engine

/// Containers of other nodes that belong to no task: what nodes tell of them, what managers keep, and what stays refused.
@Suite(.serialized, .timeLimit(.minutes(3))) struct StandaloneTests {
    private func id(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 64 - digits.count) + digits
    }

    private func container(_ number: Int, _ name: String = "web", _ state: String = "running") -> StandaloneContainer {
        StandaloneContainer(
            id: id(number), name: name, image: "nginx:1", state: state, created: Timestamp(seconds: 1000))
    }

    private func whole(_ containers: [StandaloneContainer], leftOut: Int = 0) -> StandaloneNews {
        var news = StandaloneNews(place: 1, isWhole: true)
        news.leftOut = leftOut
        news.present = containers
        return news
    }

    // MARK: Messages

    @Test func `what a node tells arrives as it is, in pieces`() throws {
        var first = container(1)
        first.exitCode = 137
        first.finished = Timestamp(seconds: 1300)
        first.health = "unhealthy"
        first.started = Timestamp(seconds: 1200)
        let all = [first] + (2...1000).map { container($0, String(repeating: "n", count: 200)) }
        let pieces = StandaloneMessages.pieces(whole(all, leftOut: 7))
        #expect(pieces.count > 3 && pieces.allSatisfy { $0.present.count < 400 })
        let told = try pieces.map { try StandaloneMessages.told($0, now: Timestamp(seconds: 1250)) }
        #expect(told.map(\.begins) == [true] + told.dropFirst().map { _ in false })
        #expect(told.map(\.isComplete) == told.dropLast().map { _ in false } + [true])
        #expect(told.allSatisfy { $0.leftOut == 7 } && told.flatMap(\.present).dropFirst() == all.dropFirst())
        // Nothing has happened later than now.
        first.finished = Timestamp(seconds: 1250)
        #expect(told.first?.present.first == first && told.first?.present.last?.started == .zero)
        var changes = StandaloneNews(place: 2, isWhole: false)
        changes.gone = [id(5)]
        let change = try StandaloneMessages.told(try #require(StandaloneMessages.pieces(changes).first))
        #expect(!change.begins && !change.isComplete && change.gone == [id(5)])
    }

    @Test func `what no honest node tells is refused, and what is too long is cut before`() throws {
        let good = try #require(StandaloneMessages.pieces(whole([container(1)])).first)
        #expect(try StandaloneMessages.told(good).present.count == 1)
        let spoiled: [(inout Wire.StandaloneContainer) -> Void] = [
            { $0.id = "" }, { $0.id = String($0.id.dropLast()) + "G" }, { $0.id += "0" }, { $0.name = "" },
            { $0.name = "a b" }, { $0.name = String(repeating: "n", count: 256) }, { $0.name = "\u{202e}web" },
            { $0.image = "a\nb" }, { $0.image = "a\u{202e}b" }, { $0.image = String(repeating: "i", count: 513) },
            { $0.state = "Running" }, { $0.state = "" }, { $0.health = "none" }, { $0.exitCode = 256 },
            { $0.exitCode = .min },
        ]
        for (number, spoil) in spoiled.enumerated() {
            var news = good
            spoil(&news.present[0])
            #expect(throws: RPCError.self, "\(number)") { try StandaloneMessages.told(news) }
        }
        var many = good
        many.present = Array(repeating: good.present[0], count: 2 * StandaloneNews.most + 1)
        #expect(throws: RPCError.self) { try StandaloneMessages.told(many) }
        many = good
        many.gone = ["../x"]
        #expect(throws: RPCError.self) { try StandaloneMessages.told(many) }
        // What it is made of here is always taken.
        var long = container(2, String(repeating: "n", count: 999))
        long.exitCode = 70_000
        long.image = "\u{1b}[31m" + String(repeating: "ä", count: 999)
        long.started = Timestamp(seconds: .max)
        let told = try StandaloneMessages.told(try #require(StandaloneMessages.pieces(whole([long])).first))
        #expect(told.present.first?.name.utf8.count == 255 && told.present.first?.image.hasPrefix("[31m") == true)
    }

    // MARK: What a manager keeps

    private func told(_ news: StandaloneNews) throws -> [StandaloneMessages.Told] {
        try StandaloneMessages.pieces(news).map { try StandaloneMessages.told($0) }
    }

    @Test func `a manager keeps what is told by node until it is told anew`() throws {
        var board = StandaloneBoard()
        func take(_ news: StandaloneNews, of node: String, there: Set<String> = ["n1", "n2"]) throws {
            for told in try told(news) { try board.take(told, of: node) { there.contains($0) } }
        }
        try take(whole([container(1, "b"), container(2, "a")], leftOut: 3), of: "n1")
        try take(whole([container(3)]), of: "n2")
        #expect(board.places.map(\.container.name) == ["a", "b", "web"])
        #expect(board.place(of: id(1))?.nodeID == "n1" && board.leftOut(of: "n1") == 3 && board.leftOut(of: "n2") == 0)
        var change = StandaloneNews(place: 2, isWhole: false)
        change.present = [container(2, "a", "exited"), container(4, "new")]
        change.gone = [id(1), id(3)]
        try take(change, of: "n1")
        // What is another node's stays, whatever is said of it.
        #expect(
            board.places.map(\.container.name) == ["a", "new", "web"]
                && board.place(of: id(2))?.container.state == "exited")
        change.gone = []
        change.present = [container(3, "mine")]
        try take(change, of: "n1")
        #expect(board.place(of: id(3))?.nodeID == "n2" && board.has(id(3), of: "n2") && !board.has(id(3), of: "n1"))
        // A node that has come back under another id has its containers, once the one of before is gone.
        try take(change, of: "n1", there: ["n1"])
        #expect(board.place(of: id(3))?.container.name == "mine" && board.places.count == 3)
        // Told anew: what is not among them is no more, and nothing is missing meanwhile.
        let again = try told(
            whole([container(4, "new")] + (10...900).map { container($0, String(repeating: "n", count: 99)) }))
        try board.take(try #require(again.first), of: "n1") { _ in true }
        #expect(again.count > 1 && board.place(of: id(2)) != nil)
        for piece in again.dropFirst() { try board.take(piece, of: "n1") { _ in true } }
        #expect(board.place(of: id(2)) == nil && board.places.count == 892)
        board.forget { $0 != "n1" }
        #expect(board.places.isEmpty && board.place(of: id(4)) == nil)
    }

    @Test func `containers are in the order of nodes and names, however they came`() throws {
        var (board, random) = (StandaloneBoard(), SeededGenerator(seed: 5))
        var present: Set<String> = ["n1", "n2", "n3"]
        for round in 0..<400 {
            let node = "n\(Int.random(in: 1...3, using: &random))"
            var told = StandaloneMessages.Told()
            told.begins = round % 20 == 0
            told.isComplete = round % 40 == 0
            told.present = (0..<5).map { _ in
                // Some have the same name, others get another one, or were another node's.
                container(
                    Int.random(in: 0..<40, using: &random), "c\(Int.random(in: 0..<9, using: &random))",
                    Bool.random(using: &random) ? "running" : "exited")
            }
            told.gone = [id(Int.random(in: 0..<40, using: &random))]
            present = round % 7 == 0 ? [node] : ["n1", "n2", "n3"]
            try board.take(told, of: node) { present.contains($0) }
            if round % 50 == 49 { board.forget { $0 != node } }
            let places = board.places
            let sorted = places.sorted {
                ($0.nodeID, $0.container.name, $0.container.id) < ($1.nodeID, $1.container.name, $1.container.id)
            }
            #expect(places == sorted && Set(places.map(\.container.id)).count == places.count)
            #expect(places.allSatisfy { board.place(of: $0.container.id) == $0 })
            let known = (0..<40).filter { board.place(of: id($0)) != nil }
            #expect(known.count == places.count)
        }
    }

    @Test func `beginnings without an end pile nothing up, and what is told again is no news`() throws {
        var board = StandaloneBoard()
        for round in 0..<5 {
            var told = StandaloneMessages.Told()
            told.begins = true
            told.present = (0..<8).map { container(8 * round + $0) }
            #expect(try board.take(told, of: "n1") { _ in true })
        }
        #expect(board.places.count <= 16)
        var same = StandaloneMessages.Told()
        same.present = [container(39)]
        #expect(try !board.take(same, of: "n1") { _ in true })
        same.present = [container(39, "web", "exited")]
        #expect(try board.take(same, of: "n1") { _ in true })
    }

    @Test func `a node that tells of more containers than it may is cut off`() throws {
        var board = StandaloneBoard()
        let most = StandaloneNews.most
        for piece in try told(whole((1...most).map { container($0) })) { try board.take(piece, of: "n") { _ in true } }
        // As many others in their place are no more than that.
        for piece in try told(whole((2000..<2000 + most).map { container($0) })) {
            try board.take(piece, of: "n") { _ in true }
        }
        #expect(board.places.count == most)
        var more = StandaloneNews(place: 2, isWhole: false)
        more.present = [container(1)]
        for piece in try told(more) {
            #expect(throws: RPCError.self) { try board.take(piece, of: "n") { _ in true } }
        }
    }

    @Test func `figures count for containers that the same node has told of`() throws {
        var containers = StandaloneBoard()
        for piece in try told(whole([container(1, "cache")])) { try containers.take(piece, of: "n1") { _ in true } }
        var board = PulseBoard()
        for (time, cpu) in [(1000, 0), (1010, 5_000_000)] as [(Int64, UInt64)] {
            for node in ["n1", "n2"] {
                let pulse = NodePulse(
                    time: time, node: [0, 4, 0, 4096],
                    containers: [id(1): [cpu, 0, 64, 0, 1, 2, 3, 4, 5], id(2): [cpu]])
                board.take(
                    pulse, of: node, now: time, service: { _ in nil }, isStandalone: { containers.has($0, of: node) })
            }
        }
        #expect(board.container(id(1), ofNode: "n2") == nil && board.container(id(2), ofNode: "n1") == nil)
        var state = SwarmState()
        var node = Node(id: "n1")
        node.spec.name = "one"
        state.nodes["n1"] = node
        let report = UsageReport(state: state, board: board, containers: containers, now: 1011)
        let usage = try #require(report.others.first)
        #expect(usage.name == "cache" && usage.nodeName == "one" && usage.image == "nginx:1" && usage.cores == 0.5)
        #expect(usage.memoryBytes == 64 && usage.memoryLimitBytes == 4096 && usage.processes == 5)
        #expect([usage.blockReadBytes, usage.networkSentBytes] == [1, 4])
        let later = UsageReport(state: state, board: board, containers: containers, now: 1071)
        #expect(later.others.first?.measuredAt == nil && later.others.count == 1)
    }

    // MARK: The way

    private func text(_ log: LogStream) async throws -> String {
        var text = ""
        for try await chunks in log.output { for chunk in chunks { text += String(buffer: chunk.bytes) } }
        return text
    }

    @Test func `a manager sees another node's containers and what they write, and nothing else of them`() async throws {
        try await withSwarm { manager, first, worker, second in
            let hub = try #require(await manager.feeds)
            let id = id(0xabc)
            second.standalone.set([container(0xabc, "cache")])
            try await eventually("the container is known") { hub.standalone(id)?.container.name == "cache" }
            let node = await worker.swarmInfo().nodeID
            #expect(hub.standalone(id)?.nodeID == node && hub.connected.contains(node))
            second.standalone.set([container(0xabc, "cache", "paused")])
            try await eventually("its state is known") { hub.standalone(id)?.container.state == "paused" }

            await second.engine.plant(id, name: "cache", command: ["cat"])
            second.executor.state.withLock { $0.standalone = [id] }
            let containers = manager.containers(over: first.answering)
            #expect(try await text(containers.standaloneLogs(id, LogQuery())) == "err\nout\n")
            // Whoever may look at the dashboard sees lines of all nodes: that is no event, as with services' lines.
            #expect(second.eventLog.state.withLock { !$0.recent.contains { $0.event.type == LoggedEvent.auditType } })
            // The API answers for it no more than before, and its node answers nothing else, even to a manager.
            await #expect(throws: ContainerError.notFound(id)) { try await containers.containerLogs(id, LogQuery()) }
            await #expect(throws: ContainerError.notFound(id)) {
                try await containers.inspectContainer(id, size: false)
            }
            let tunnels = try await manager.manager().tunnels
            let remote = RemoteContainer(
                place: TaskContainerPlace(try #require(hub.standalone(id))), reference: id, hub: tunnels)
            await #expect(throws: ContainerError.notFound(id)) { try await remote.inspect(size: false) }
            await #expect(throws: ContainerError.notFound(id)) { try await remote.top("") }
            await #expect(throws: ContainerError.notFound(id)) { try await remote.createExec(ExecRequest()) }
            await #expect(throws: ContainerError.notFound(id)) { try await remote.attach(AttachQuery()) }
            second.executor.state.withLock { $0.standalone = [] }
            await #expect(throws: ContainerError.notFound(id)) { try await remote.logs(LogQuery()) }

            second.standalone.set([])
            try await eventually("it is no more") { hub.standalone(id) == nil }
            await #expect(throws: ContainerError.notFound(id)) {
                try await containers.standaloneLogs(id, LogQuery())
            }
        }
    }

    @Test func `whoever watches logs leaves places for others`() async throws {
        try await withSwarm { manager, first, worker, second in
            let node = await worker.swarmInfo().nodeID
            let tunnels = try await manager.manager().tunnels
            try await eventually("the node can be asked") {
                // Not before its feed is open.
                (try? await tunnels.open(node, called: "node-2"))?.end() != nil
            }
            var open: [Tunnel] = []
            for _ in 0..<TunnelHub.mostViewsOfNode {
                open.append(try await tunnels.open(node, called: "node-2", isView: true))
            }
            await #expect(throws: TunnelError.limitReached("node-2")) {
                try await tunnels.open(node, called: "node-2", isView: true)
            }
            open.append(try await tunnels.open(node, called: "node-2"))
            for tunnel in open { tunnel.end() }
        }
    }
}
