import Concurrency
import EngineInterface
import Logging
import Model
import NIOCore
import Testing

@testable import Cluster
@testable import Dashboard

/// Lines of containers of other nodes that belong to no task, among those that the page shows.
@Suite struct StandaloneLogTests {
    private static func id(_ digit: Character) -> String { String(repeating: digit, count: 64) }

    private static let knowledge = known([
        ("n2", "c", "running"), ("n3", "d", "running"), ("n2", "e", "created"),
    ])

    /// - Parameter leftOut: As many more the nodes have.
    private static func known(_ all: [(String, Character, String)], leftOut: Int = 0) -> StandaloneKnowledge {
        var board = StandaloneBoard()
        for (node, digit, state) in all {
            var told = StandaloneMessages.Told()
            told.leftOut = leftOut
            told.present = [
                StandaloneContainer(
                    id: id(digit), name: "web", image: "nginx", state: state, created: Timestamp(seconds: 900))
            ]
            // Within what a node may tell.
            _ = try? board.take(told, of: node) { _ in true }
        }
        return StandaloneKnowledge(board: board, connected: ["n2"], news: ObservableValue(0))
    }

    /// So many containers of this node.
    private struct Listing: ContainerListBackend {
        let count: Int

        func listContainers(_ query: ContainerQuery) -> [ContainerSummary] {
            (0..<count).map { number in
                var row = ContainerSummary(networkMode: "default", networks: [:])
                row.identifier = "c\(number)"
                row.state = "running"
                return row
            }
        }

        func inspectContainer(_ reference: String, size: Bool) throws -> ContainerInspection {
            throw ContainerError.notFound(reference)
        }
    }

    /// Services whose logs have one line, or come to no end.
    private struct Services: ServiceBackend {
        let all: [Service]
        var isStuck = false
        /// Whose log cannot be read.
        var unread: String?
        /// Whose log has a mark of the system's: of something that is not in it.
        var marked: String?

        func listServices(_ filters: Filters, withStatus: Bool) -> [Service] { all }

        func serviceLogs(_ reference: String, _ query: LogQuery) throws -> LogStream {
            if reference == unread { throw ContainerError.notFound(reference) }
            if isStuck {
                return LogStream(
                    isTerminal: false,
                    output: AsyncThrowingStream(unfolding: {
                        try await Task.sleep(for: .seconds(3600))
                        return nil
                    }))
            }
            let line =
                "2026-01-02T03:04:05.000000006Z com.docker.swarm.task.id=t,com.docker.swarm.node.id=n from \(reference)\n"
            let isMarked = reference == marked
            return LogStream(
                isTerminal: false,
                output: AsyncThrowingStream { continuation in
                    if isMarked {
                        continuation.yield([OutputChunk(stream: .systemError, bytes: ByteBuffer(string: "incomplete"))])
                    }
                    continuation.yield([OutputChunk(stream: .standardOutput, bytes: ByteBuffer(string: line))])
                    continuation.finish()
                })
        }

        func inspectService(_ reference: String, insertDefaults: Bool) throws -> Service {
            throw ContainerError.notFound(reference)
        }

        func createService(_ spec: ServiceSpec) throws -> (id: String, warnings: [String]) {
            throw ContainerError.notFound("")
        }

        func updateService(
            _ reference: String, version: UInt64, _ spec: ServiceSpec, rollback: Bool,
            credentialsFrom origin: CredentialsOrigin
        ) throws -> [String] {
            throw ContainerError.notFound(reference)
        }

        func removeService(_ reference: String) throws { throw ContainerError.notFound(reference) }
    }

    private func dashboard(
        _ knowledge: StandaloneKnowledge = Self.knowledge, listing: (any ContainerListBackend)? = nil,
        services: (any ServiceBackend)? = nil
    ) async -> EngineDashboard {
        let engine = FakeEngine()
        var info = SwarmInfo()
        info.controlAvailable = true
        info.nodeID = "b2wobzwhvxkyusbn5r2xuekgk"
        await engine.set(swarm: info)
        var extras = EngineDashboard.Extras()
        extras.standalone = { knowledge }
        extras.standaloneLogs = { id, query in
            #expect(query.timestamps && query.details)
            // What its log options say is not believed.
            let line =
                "2026-01-02T03:04:05.000000006Z com.docker.swarm.task.id=other,com.docker.swarm.node.id=n9 from \(id.prefix(1))\n"
            return LogStream(
                isTerminal: false,
                output: AsyncThrowingStream { continuation in
                    // And of a long line, what a message had no room for.
                    continuation.yield(
                        [line, "the rest\n"].map {
                            OutputChunk(stream: .standardOutput, bytes: ByteBuffer(string: $0))
                        })
                    continuation.finish()
                })
        }
        let sources = EngineDashboard.Sources(
            system: engine, swarm: engine, nodes: engine, services: services ?? engine, tasks: engine, networks: engine,
            listing: listing ?? engine, logs: engine)
        return EngineDashboard(sources, extras: extras, version: "1", logger: Logger(label: "test"))
    }

    private func lines(_ scope: DashboardScope) async throws -> [DashboardLogLine] {
        let window = try #require(DashboardWindow(from: 1_767_000_000_000, to: 1_768_000_000_000))
        return try await dashboard().logs(DashboardLogQuery(scopes: [scope], window: window)).lines.filter {
            $0.text.hasPrefix("from")
        }
    }

    @Test func `a container's lines are its own and its node's`() async throws {
        let line = try #require(try await lines(DashboardScope(.container, Self.id("d"))).first)
        #expect(line.task == Self.id("d") && line.node == "n3" && line.text == "from d" && line.stream == 1)
    }

    @Test func `the rest of a line that was cut on its way is no word of the dashboard's`() async throws {
        let window = try #require(DashboardWindow(from: 1_767_000_000_000, to: 1_768_000_000_000))
        let query = DashboardLogQuery(scopes: [DashboardScope(.container, Self.id("d"))], window: window)
        let page = try await dashboard().logs(query)
        #expect(page.lines.map(\.text) == ["from d"] && page.notes.isEmpty)
    }

    @Test func `a node's lines and everybody's have those that can be asked for`() async throws {
        #expect(try await lines(DashboardScope(.node, "n2")).map(\.text) == ["from c"])
        #expect(try await lines(DashboardScope(.cluster)).map(\.node) == ["n2"])
    }

    @Test func `where only some logs are read the page says of how many, and the file as well`() async throws {
        let many: [(String, Character, String)] = "0123456789".map { ("n2", $0, "running") }
        let dashboard = await dashboard(Self.known(many, leftOut: 5))
        let window = try #require(DashboardWindow(from: 1_767_000_000_000, to: 1_768_000_000_000))
        func query(_ scope: DashboardScope) -> DashboardLogQuery { DashboardLogQuery(scopes: [scope], window: window) }
        // A task, too, and those that the node does not tell of.
        let some = DashboardLogsRead(read: 9, all: 16, most: 32, mostOfNode: 8)
        #expect(try await dashboard.logs(query(DashboardScope(.node, "n2"))).partial == some)
        #expect(try await dashboard.logs(query(DashboardScope(.container, Self.id("9")))).partial == nil)
        var notes: [String] = []
        for try await lines in try await dashboard.allLines(query(DashboardScope(.node, "n2"))) {
            notes += lines.filter { $0.stream == 3 }.map(\.text)
        }
        #expect(notes.first == "9 of 16 logs were read: choose some")
    }

    @Test func `a network's lines are those of its services, and it is said how many are read`()
        async throws
    {
        let all = (0..<40).map { number in
            var service = Service(id: "s\(number)")
            let network = number < 36 ? "w1" : "w2"
            if number % 2 == 0 {
                service.endpoint.virtualIPs = [VirtualIP(networkID: network, addr: nil)]
            } else {
                // One without a virtual address.
                var attachment = NetworkAttachmentConfig()
                attachment.target = network
                service.spec.taskTemplate.networks = [attachment]
            }
            return service
        }
        let dashboard = await dashboard(services: Services(all: all))
        let window = try #require(DashboardWindow(from: 1_767_000_000_000, to: 1_768_000_000_000))
        func query(_ id: String) -> DashboardLogQuery {
            DashboardLogQuery(scopes: [DashboardScope(.network, id)], window: window)
        }
        let page = try await dashboard.logs(query("w1"))
        let some = DashboardLogsRead(read: 32, all: 36, most: 32, mostOfNode: 8)
        #expect(page.partial == some && page.lines.count == 32 && !page.isCut)
        let volume = try await dashboard.logVolume(query("w1"), buckets: 10)
        #expect(volume.partial == some && volume.output.reduce(0, +) == 32 && !volume.isCut)
        let few = try await dashboard.logs(query("w2"))
        #expect(few.partial == nil && Set(few.lines.map(\.text)) == Set((36..<40).map { "from s\($0)" }))
        await #expect(throws: DashboardError(.badRequest)) { try await dashboard.logs(query("w3")) }
    }

    @Test func `an answer that was not looked for to its end says so`() async throws {
        let dashboard = await dashboard(services: Services(all: [Service(id: "s")], isStuck: true))
        let window = try #require(DashboardWindow(from: 1_767_000_000_000, to: 1_768_000_000_000))
        let query = DashboardLogQuery(scopes: [DashboardScope(.service, "s")], window: window)
        async let page = dashboard.logs(query)
        async let volume = dashboard.logVolume(query, buckets: 10)
        let (first, second) = try await (page, volume)
        #expect(first.isCut && second.isCut)
    }

    @Test func `a count from which a log is missing says so`() async throws {
        let all = [Service(id: "s"), Service(id: "u")]
        let window = try #require(DashboardWindow(from: 1_767_000_000_000, to: 1_768_000_000_000))
        let query = DashboardLogQuery(scopes: all.map { DashboardScope(.service, $0.id) }, window: window)
        for (services, count, isCut) in [
            (Services(all: all), 2, false), (Services(all: all, unread: "u"), 1, true),
            (Services(all: all, marked: "u"), 2, true),
        ] {
            let volume = try await dashboard(services: services).logVolume(query, buckets: 10)
            #expect(volume.output.reduce(0, +) == count && volume.isCut == isCut)
        }
    }

    @Test func `those that cannot be asked are shown as well`() async throws {
        let shown = try await dashboard().state().containers.filter { $0.node.hasPrefix("n") }
        #expect(shown.map(\.node) == ["n2", "n2", "n3"] && shown.map(\.state).contains("created"))
    }

    @Test func `as many containers of this node are shown as of another one, and how many there are beside`()
        async throws
    {
        let most = StandaloneNews.most
        for (count, more) in [(most, nil), (most + 3, 3)] as [(Int, Int?)] {
            let state = try await dashboard(listing: Listing(count: count)).state()
            let own = try #require(state.nodes.first { $0.id == state.cluster.nodeID })
            #expect(state.containers.filter { $0.node == own.id }.count == most)
            #expect(own.moreContainers == more)
        }
    }

    @Test func `nodes take turns, whatever one says of its containers`() {
        func container(_ id: String, _ node: String, _ state: String, _ createdAt: Int64) -> ContainerView {
            var view = ContainerView(id: id)
            (view.node, view.state, view.createdAt) = (node, state, createdAt)
            return view
        }
        var found = (0..<40).map { container("a\($0)", "a", "running", 9000 + Int64($0)) }
        found += (0..<10).map { container("m\($0)", "m", "running", Int64($0)) }
        found += [container("z0", "z", "exited", 5), container("z1", "z", "running", 1)]
        let shown = EngineDashboard.inTurn(found, own: "m").map(\.id)
        #expect(shown.prefix(7) == ["m9", "a39", "z1", "m8", "a38", "z0", "m7"])
        // All of this node, few of another.
        #expect(shown.count == 20 && shown.filter { $0.hasPrefix("a") }.count == 8)
        #expect(EngineDashboard.inTurn([], own: "m").isEmpty)
    }

    // MARK: Merging

    private func log(_ lines: [String], on stream: OutputChunk.Stream = .standardOutput, isStuck: Bool = false)
        -> LogStream
    {
        LogStream(
            isTerminal: false,
            output: AsyncThrowingStream { continuation in
                for line in lines {
                    continuation.yield([OutputChunk(stream: stream, bytes: ByteBuffer(string: line + "\n"))])
                }
                continuation.finish(throwing: isStuck ? TunnelError.brokenOff("node-3") : nil)
            })
    }

    private func merged(most: Int = 100, _ logs: [LogStream]) async throws -> [String] {
        let merged = MergedLog(most: most) { !$0.text.contains("no") }
        for (number, log) in logs.enumerated() {
            await merged.add(log, called: "log \(number)") { LogLines.line($0, owner: "\(number)") }
        }
        var texts: [String] = []
        while let lines = try await merged.next() { texts += lines.map { $0.stream == 3 ? "# " + $0.text : $0.text } }
        return texts
    }

    private func line(_ second: Int, _ text: String) -> String { "2026-01-02T03:04:0\(second).000000000Z  \(text)" }

    @Test func `lines of several logs are given in order of time, and what is missing at the end`() async throws {
        let logs = [
            log([line(1, "a"), line(4, "no"), line(5, "b")]), log([line(2, "c"), line(3, "d")], isStuck: true), log([]),
        ]
        let all = try await merged(logs)
        #expect(all.prefix(4) == ["a", "c", "d", "b"] && all.count == 5 && all[4].hasPrefix("# log 1: "), "\(all)")
        let some = try await merged(most: 2, [log([line(1, "a"), line(3, "b")]), log([line(2, "c")])])
        #expect(some.prefix(2) == ["a", "c"] && some.count == 3 && some[2].contains("left out"), "\(some)")
        #expect(try await merged([]).isEmpty)
    }

    @Test func `what the system says is told, and not without end, and what has no stamp is not`() async throws {
        let said = log((0..<1000).map { "what \($0)" }, on: .systemError)
        let all = try await merged([said, log(["a word of theirs", line(1, "a")])])
        #expect(all.first == "a" && all.count == 2 + LogFinds.mostNotes && all[1] == "# log 0: what 0")
        #expect(all.last == "# \(1000 - LogFinds.mostNotes) more notes are left out")
        let finds = LogFinds(most: 10)
        for number in 0..<(LogFinds.mostNotes + 3) { finds.note("\(number)") }
        #expect(finds.result().notes.count == LogFinds.mostNotes + 1)
        #expect(finds.result().notes.last == "3 more notes are left out")
    }
}
