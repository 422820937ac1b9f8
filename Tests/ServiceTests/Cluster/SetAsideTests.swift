import EngineInterface
import Faults
import LinuxSystem
import Logging
import Model
import StateStore
import TestKit
import Testing

@testable import Cluster

/// What the swarm's machinery makes of records that it cannot read.
@Suite(.timeLimit(.minutes(2))) struct SetAsideTests {
    private static let newer = #"{"Kind":"task","Value":{"ID":"later"},"Version":99}"#

    @Test func `an object that cannot be read does not stop a manager's copy, and is told of`() async throws {
        let store = MemoryStore()
        let key = StoreKey(.services, id: "bad")
        @Sendable func put(_ key: StoreKey, _ value: [UInt8]) async throws {
            _ = try await store.commit(StoreTransaction(puts: [.init(key, value)]))
        }
        try await put(key, Array("rubbish".utf8))
        let model = ReadModel(store: store)
        let told = Kept<[EngineEvent]>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await model.run() }
            group.addTask { await model.publish { event in told.withLock { $0.append(event) } } }
            group.addTask {
                try await eventually("the rest is known") { !model.isStale }
                let node = Node(id: "n1")
                try await put(node.key, try node.storedBytes)
                try await eventually("what comes after is known, too") { model.objects.nodes["n1"] != nil }
                try await put(StoreKey(.tasks, id: "later"), Array(Self.newer.utf8))
                try await eventually("both are told of") {
                    told.withLock { $0.filter { $0.action == "set-aside" }.map { "\($0.type) \($0.actorID)" } }
                        == ["service bad", "task later"]
                }
                // Whoever would change it is refused, and it stays as it is.
                await #expect(throws: ClusterError.self) {
                    _ = try await ObjectWriter(store: store).update(Service.self, "bad") { _ in true }
                }
                #expect(try await store.get(key)?.value == Array("rubbish".utf8))
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    @Test func `of what was assigned the part that cannot be read is left out and kept`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/assigned.json"
            var memory = AssignedStore.Memory()
            memory.tasks = [SwarmTask(id: "one"), SwarmTask(id: "two")]
            memory.network = SwarmNetworkState()
            memory.network?.version = 7
            let whole = String(decoding: try WireJSON.encode(record: memory), as: UTF8.self)
            let text = whole.replacing(#""Tasks":["#, with: #""Tasks":[\#(Self.newer),"#)
            #expect(text != whole)
            try Files.writeAtomically(text, to: path)
            let told = Kept<[EngineEvent]>([])
            let board = AssignedTasks(
                executor: FakeExecutor(hostname: "one"), directory: directory,
                publish: { event in told.withLock { $0.append(event) } }, log: quiet)
            await board.restore()
            #expect(board.knownIDs == ["one", "two"])
            // It is kept in its new place from now on.
            #expect(!Files.exists(path))
            let again = try await AssignedStore.open(directory, log: quiet)
            #expect(again.kept.tasks.map(\.id) == ["one", "two"] && again.kept.unread.isEmpty)
            #expect(told.withLock { $0.map { "\($0.action) \($0.type) \($0.actorID)" } } == ["set-aside task later"])
            #expect(try kept(directory) == [text])
        }
    }

    @Test func `assignments that cannot be read at all are set aside, and the node goes on`() async throws {
        for text in ["rubbish", #"{"Kind":"assigned","Value":{},"Version":99}"#] {
            try await withTemporaryDirectory { directory in
                let path = directory + "/assigned.json"
                try Files.writeAtomically(text, to: path)
                let board = AssignedTasks(executor: FakeExecutor(hostname: "one"), directory: directory, log: quiet)
                await board.restore()
                #expect(board.knownIDs.isEmpty && !Files.exists(path))
                #expect(try kept(directory) == [text])
            }
        }
    }

    @Test func `a task that is assigned in a form that is not read leaves the others, and what it was before`() throws {
        let board = AssignedTasks(executor: FakeExecutor(hostname: "one"), directory: "/nonexistent", log: quiet)
        board.take(complete: true, [SwarmTask(id: "one"), SwarmTask(id: "later")], removed: [])
        board.take(complete: true, [SwarmTask(id: "one")], removed: [], unread: ["later"])
        #expect(board.knownIDs == ["one", "later"])
    }

    @Test func `a membership that cannot be read stops no daemon, and is overwritten by nothing`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            let path = node.directory + "/swarm/membership.json"
            let text = #"{"Kind":"membership","Value":{"NodeID":"n"},"Version":99}"#
            try Files.makeDirectories(Files.parent(of: path))
            try Files.writeAtomically(text, to: path)
            try await node.running { swarm in
                let info = await swarm.swarmInfo()
                #expect(info.localNodeState == "error" && info.error.contains("newer version"), "\(info.error)")
                let refusal = await #expect(throws: APIError.self) {
                    try await told { try await node.initialise(swarm) }
                }
                #expect(refusal?.message.contains("cannot be read") == true)
                #expect(node.events.withLock { $0.map(\.action) } == ["set-aside"])
            }
            #expect(try Files.text(path) == text)
        }
    }

    @Test func `lists beside the certificate that cannot be read are set aside, the others are taken up`() async throws
    {
        try await withTemporaryDirectory { directory in
            let files = CredentialFiles(directory: directory)
            try Files.writeAtomically("rubbish", to: files.revokedPath)
            try Files.writeAtomically(#"{"Current":null,"Secrets":[]}"#, to: files.sealingPath)
            let unread = try files.setAsideUnread()
            #expect(unread.count == 1 && unread[0].id.hasPrefix(files.revokedPath + ".unread-"))
            #expect(try Files.text(unread[0].id) == "rubbish")
            #expect(try files.loadRevoked().isEmpty && Files.exists(files.sealingPath))
        }
    }

    private var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    private func kept(_ directory: String) throws -> [String?] {
        try Files.list(directory).filter { $0.contains(".unread-") }.map { try Files.text("\(directory)/\($0)") }
    }
}
