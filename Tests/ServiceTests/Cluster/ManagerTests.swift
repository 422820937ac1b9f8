import Addressing
import Concurrency
import EngineInterface
import EtcdStore
import Faults
import GRPCCore
import LinuxSystem
import Logging
import Model
import NodeProtocol
import Orchestration
import StateStore
import Synchronization
import TestKit
import Testing

@testable import Cluster

/// What a manager decides while others change the same things, over a store in memory.
@Suite(.timeLimit(.minutes(1))) struct ManagerTests {
    /// A store that lets another manager be faster, and does not answer while a test has it so.
    final class OvertakenStore: ObjectStore {
        let base = MemoryStore()
        /// What transactions wait for.
        let gate = Mutex<Promise<Void>?>(nil)
        private let change = Mutex<(@Sendable (MemoryStore) async throws -> Void)?>(nil)

        /// - Parameter change: Made once, right before the next single read.
        func overtake(by change: @escaping @Sendable (MemoryStore) async throws -> Void) {
            self.change.withLock { $0 = change }
        }

        func get(_ key: StoreKey) async throws -> StoredValue? {
            let change = change.withLock { change in
                defer { change = nil }
                return change
            }
            try await change?(base)
            return try await base.get(key)
        }

        func list(_ prefix: String) async throws -> StoreListing { try await base.list(prefix) }

        func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome {
            try await gate.withLock { $0 }?.value()
            return try await base.commit(transaction)
        }

        func watch(
            _ prefix: String, after revision: Int64, receive: @escaping @Sendable ([StoreEvent]) async throws -> Void
        ) async throws { try await base.watch(prefix, after: revision, receive: receive) }

        func withLeadership(
            of role: String, candidate: [UInt8], lease: Duration,
            _ body: @escaping @Sendable (LeaderFence) async throws -> Void
        ) async throws { try await base.withLeadership(of: role, candidate: candidate, lease: lease, body) }
    }

    private static let guardKey = StoreKey(path: "/apus/guard/references")

    func withManager(
        _ objects: [any SwarmObject], _ body: @escaping @Sendable (Manager, OvertakenStore) async throws -> Void
    ) async throws {
        let store = OvertakenStore()
        for object in objects { try await Self.put(object, in: store.base) }
        let log = Logger(label: "test")
        let model = ReadModel(store: store)
        let members = EtcdMembers(try EtcdConnection(socket: "/nonexistent/etcd", logger: log))
        let manager = Manager(
            store: store, model: model, live: ManagerPresence(store: store, nodeID: "own", log: log), members: members,
            nodeID: "own", log: log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await model.run() }
            group.addTask {
                try await eventually("the manager knows the swarm") { !model.isStale }
                try await body(manager, store)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// As another manager writes it.
    static func put(_ object: some SwarmObject, in store: MemoryStore) async throws {
        _ = try await store.commit(
            StoreTransaction(puts: [.init(object.key, try object.storedBytes), .init(guardKey, Array("other".utf8))]))
    }

    func node(_ id: String) -> Node {
        var node = Node(id: id)
        node.status.state = .down
        return node
    }

    @Test func `a node that is promoted while it is removed stays`() async throws {
        try await withManager([node("n1")]) { manager, store in
            store.overtake { base in
                var promoted = Node(id: "n1")
                promoted.status.state = .down
                promoted.spec.role = .manager
                try await Self.put(promoted, in: base)
            }
            let refusal = await #expect(throws: APIError.self) {
                try await told { try await manager.removeNode("n1", force: true) }
            }
            #expect(refusal?.message.contains("is a cluster manager") == true)
            let kept = try await store.base.get(StoreKey(.nodes, id: "n1"))
            #expect(kept != nil)
        }
    }

    @Test(arguments: [NodeState.ready, .down, .unknown, .disconnected])
    func `a node that is up is removed by force alone`(state: NodeState) async throws {
        var present = node("n1")
        present.status.state = state
        try await withManager([present]) { manager, _ in
            if state == .ready {
                await #expect(throws: NodeError.notDown("n1")) { try await manager.removeNode("n1", force: false) }
            }
            try await manager.removeNode("n1", force: state == .ready)
        }
    }

    @Test func `a version of the future is refused at once`() async throws {
        try await withManager([node("n1")]) { manager, _ in
            let begun = ContinuousClock.now
            for version in [1000, UInt64.max] {
                await #expect(throws: SwarmObjectError.outOfSequence) {
                    try await manager.updateNode("n1", version: version, NodeSpec())
                }
                let refusal = await #expect(throws: APIError.self) {
                    try await told {
                        try await manager.updateNode("n2", version: version, NodeSpec())
                    }
                }
                #expect(refusal?.kind == .notFound)
            }
            #expect(ContinuousClock.now - begun < ReadModel.catchUpDeadline / 2)
        }
    }

    @Test func `a version that another manager has just made is waited for`() async throws {
        try await withManager([node("n1")]) { manager, store in
            try await Self.put(node("n1"), in: store.base)
            let version = UInt64(store.base.revision)
            var spec = NodeSpec()
            spec.labels = ["a": "b"]
            try await manager.updateNode("n1", version: version, spec)
            #expect(manager.model.objects.nodes["n1"]?.spec.labels == ["a": "b"])
        }
    }

    private func task(_ id: String, of nodeID: String, attached: Bool) -> SwarmTask {
        var task = SwarmTask(id: id)
        task.nodeID = nodeID
        if attached { task.spec.networkAttachmentSpec = Self.requested }
        return task
    }

    private static let requested = NetworkAttachmentSpec(
        containerID: "c", containerName: "box", aliases: [], address: nil)

    @Test(arguments: [true, false])
    func `a node cannot ask for what is another's, nor make it end`(attached: Bool) async throws {
        try await withManager([node("n1"), task("t1", of: attached ? "n2" : "n1", attached: attached)]) {
            manager, store in
            let refusal = await #expect(throws: APIError.self) {
                try await told {
                    _ = try await manager.attach("t1", of: "n1", to: "net", Self.requested)
                }
            }
            #expect(refusal?.kind == .forbidden)
            let kept = try await store.base.get(StoreKey(.tasks, id: "t1"))
            #expect(kept != nil)
        }
    }

    @Test func `an attachment that another manager has been asked for already is answered`() async throws {
        var network = SwarmNetwork(id: "net")
        network.spec.name = "att"
        network.spec.attachable = true
        let place = NetworkAttachment(network: network, addresses: [try #require(IPNetwork("10.0.0.2/24"))])
        try await withManager([node("n1"), network]) { manager, store in
            store.overtake { base in
                var task = SwarmTask(id: "t1")
                task.nodeID = "n1"
                task.spec.networkAttachmentSpec = Self.requested
                task.networksAttachments = [place]
                try await Self.put(task, in: base)
            }
            let begun = ContinuousClock.now
            let answer = try await manager.attach("t1", of: "n1", to: "att", Self.requested)
            #expect(answer.addresses == place.addresses)
            #expect(ContinuousClock.now - begun < ReadModel.catchUpDeadline / 2)
        }
    }

    private static func spec(_ name: String, _ change: (inout ServiceSpec) -> Void = { _ in }) -> ServiceSpec {
        var spec = ServiceSpec()
        spec.name = name
        spec.mode.replicated = .init(replicas: 1)
        spec.taskTemplate.containerSpec = ContainerSpec()
        spec.taskTemplate.containerSpec?.image = "box"
        change(&spec)
        return spec
    }

    @Test func `however many changes come at once, all are made`() async throws {
        try await withManager([]) { manager, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let task = SwarmTask(id: "t\(number)")
                        try await manager.guarded { _ in
                            StoreTransaction(puts: [.init(task.key, try task.storedBytes)])
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(manager.model.objects.tasks.count == 200)
        }
    }

    @Test func `tasks are found by the labels that their service had when they were made`() async throws {
        var (blue, plain) = (task("t1", of: "n1", attached: false), task("t2", of: "n1", attached: false))
        blue.assignment = SwarmTask.Assignment()
        blue.assignment?.serviceLabels = ["team": "blue", "com.docker.stack.namespace": "s"]
        // What a task itself is labelled with is nothing that Docker asks for.
        plain.labels = ["team": "blue"]
        try await withManager([node("n1"), blue, plain]) { manager, _ in
            for labels in [["team"], ["team=blue"], ["team", "com.docker.stack.namespace=s"]] {
                let found = try manager.listTasks(Filters(["label": labels]))
                #expect(found.map(\.id) == ["t1"], "\(labels)")
            }
            for labels in [["team=red"], ["team", "none"]] {
                let found = try manager.listTasks(Filters(["label": labels]))
                #expect(found.isEmpty, "\(labels)")
            }
        }
    }

    @Test func `a service without a name gets one, each another`() async throws {
        try await withManager([]) { manager, _ in
            for _ in 0..<3 {
                let id = try await manager.createService(Self.spec("")).id
                let name = try manager.findService(id).spec.name
                #expect(name.wholeMatch(of: /[a-z]+_[a-z]+[0-9]/) != nil, "\(name)")
            }
            let names: [String] = manager.model.objects.services.values.map(\.spec.name)
            #expect(Set(names).count == 3)
        }
    }

    @Test func `templates are parsed when a service is created, and labels are none`() async throws {
        try await withManager([]) { manager, _ in
            func refusal(_ change: (inout ServiceSpec) -> Void) async -> String? {
                do {
                    _ = try await told { try await manager.createService(Self.spec("s", change)) }
                    return nil
                } catch { return (error as? APIError)?.message }
            }
            #expect(
                await refusal { $0.taskTemplate.containerSpec?.hostname = "{{.Node" }
                    == "rpc error: code = InvalidArgument desc = expanding hostname failed: template: expansion:1: unclosed action"
            )
            #expect(
                await refusal { $0.taskTemplate.containerSpec?.env = ["A=1", "B={{.Node.Bad}}"] }
                    == "rpc error: code = InvalidArgument desc = expanding env failed: expanding env \"B={{.Node.Bad}}\": "
                    + "template: expansion:1:9: executing \"expansion\" at <.Node.Bad>: "
                    + "can't evaluate field Bad in type struct { ID string; Hostname string; Platform template.Platform }"
            )
            #expect(
                await refusal {
                    var mount = Mount()
                    (mount.type, mount.source, mount.target) = ("volume", "v", "/{{upstreams 8080}}")
                    $0.taskTemplate.containerSpec?.mounts = [mount]
                }?.hasSuffix("template: expansion:1: function \"upstreams\" not defined") == true)
            #expect(
                await refusal { $0.taskTemplate.containerSpec?.hostname = "{{index .Service.Labels \"a.b\"}}" }
                    == "the template {{index .Service.Labels \"a.b\"}} is not implemented by apus yet")
            #expect(await refusal { $0.labels = ["caddy.reverse_proxy": "{{upstreams 8080}}"] } == nil)
        }
    }

    @Test func `a task that is too large for the store holds no other up`() async throws {
        func service(_ id: String, bytes: Int) throws -> StoreTransaction.Put {
            var service = Service(id: id)
            service.spec.name = id
            service.spec.mode.replicated = .init(replicas: 3)
            service.spec.taskTemplate.containerSpec = ContainerSpec()
            service.spec.taskTemplate.containerSpec?.image = String(repeating: "x", count: bytes)
            return .init(service.key, try service.storedBytes)
        }
        let store = MemoryStore()
        let cluster = ClusterObject(id: "c")
        _ = try await store.commit(
            StoreTransaction(puts: [.init(cluster.key, try cluster.storedBytes), try service("small", bytes: 10)]))
        let large = try service("large", bytes: 10)
        let room = StoreTransaction.maximumBytes - large.key.path.utf8.count - large.value.count
        _ = try await store.commit(StoreTransaction(puts: [try service("large", bytes: room)]))
        let model = ReadModel(store: store)
        let loop = OrchestrationLoop(
            store: store, copy: model, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) {
            RandomID.swarm()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await model.run() }
            group.addTask {
                try await store.withLeadership(of: "any", candidate: [], lease: .seconds(2)) { fence in
                    try await loop.run(under: fence)
                }
            }
            group.addTask {
                try await eventually("the small service has its tasks") {
                    let tasks = try await store.list(StoreKey.prefix(of: .tasks)).values
                    return try tasks.map { try SwarmTask(stored: $0) }.count { $0.serviceID == "small" } == 3
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
