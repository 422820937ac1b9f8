import Model
import Orchestration
import StateStore
import Testing

/// What lists of services tell of their tasks.
@Suite struct ServiceStatusTests {
    /// A store to which anything is written that changes what is told, in an order that a seed says.
    private struct Writer {
        private static let desired: [TaskState] = [.ready, .running, .running, .complete, .shutdown, .remove]
        private static let nodeStates: [NodeState] = [.ready, .down, .down, .disconnected, .unknown]

        private var random: SplitMix
        private var revision: Int64 = 1
        private var values: [StoreKey: StoredValue] = [:]

        init(seed: UInt64) { random = SplitMix(state: seed) }

        private mutating func chance(_ part: Int, of whole: Int) -> Bool { number(whole) < part }

        private mutating func number(_ end: Int) -> Int { Int.random(in: 0..<end, using: &random) }

        private mutating func iteration() -> ObjectVersion { ObjectVersion(index: UInt64(clamping: number(3))) }

        private mutating func put(_ kind: StoreKind, _ id: String, _ bytes: [UInt8]) -> StoreEvent {
            let key = StoreKey(kind, id: id)
            let value = StoredValue(key: key, value: bytes, createRevision: 1, modifyRevision: revision)
            values[key] = value
            return .put(value)
        }

        private mutating func delete(_ kind: StoreKind, _ id: String) -> StoreEvent {
            let key = StoreKey(kind, id: id)
            values[key] = nil
            return .delete(key, revision: revision)
        }

        private mutating func service() throws -> StoreEvent {
            let kind = number(7)
            let id = "s\(kind)"
            if chance(1, of: 5) { return delete(.services, id) }
            var service = Service(id: id)
            service.spec.name = id
            switch kind {
            case 0: service.spec.mode.globalJob = Empty()
            case 1: service.spec.mode.replicatedJob = .init(maxConcurrent: 2, totalCompletions: 4)
            case 2: service.spec.mode.replicatedJob = .init()
            case 3, 4: service.spec.mode.global = Empty()
            default: service.spec.mode.replicated = .init(replicas: UInt64(clamping: number(5)))
            }
            if service.spec.isJob, !chance(1, of: 4) {
                service.jobStatus = JobStatus(jobIteration: iteration(), lastExecution: nil)
            }
            return put(.services, id, Array(try WireJSON.encode(record: service)))
        }

        private mutating func node() throws -> StoreEvent {
            let id = "n\(number(5))"
            if chance(1, of: 6) { return delete(.nodes, id) }
            var node = Node(id: id)
            node.status.state = Self.nodeStates.randomElement(using: &random) ?? .ready
            return put(.nodes, id, Array(try WireJSON.encode(record: node)))
        }

        /// One of a service and on a node that are there or not.
        private mutating func task() throws -> StoreEvent {
            let slot = number(40)
            let id = "t\(slot)"
            if chance(1, of: 8) { return delete(.tasks, id) }
            var task = SwarmTask(id: id)
            task.serviceID = "s\(slot % 8)"
            task.slot = slot
            if !chance(1, of: 6) { task.nodeID = "n\(number(6))" }
            if chance(1, of: 2) { task.jobIteration = iteration() }
            task.desiredState = Self.desired.randomElement(using: &random) ?? .running
            switch number(4) {
            case 0: task.status.state = .complete
            case 1: task.status.state = TaskState.allCases.randomElement(using: &random) ?? .new
            default: task.status.state = .running
            }
            return put(.tasks, id, Array(try WireJSON.encode(record: task)))
        }

        private mutating func unreadable() -> StoreEvent {
            let rubbish = Array("rubbish".utf8)
            switch number(3) {
            case 0: return put(.services, "s\(number(7))", rubbish)
            case 1: return put(.nodes, "n\(number(5))", rubbish)
            default: return put(.tasks, "t\(number(40))", rubbish)
            }
        }

        private mutating func event() throws -> StoreEvent {
            switch number(30) {
            case 0...2: return try service()
            case 3...8: return try node()
            case 9: return unreadable()
            default: return try task()
            }
        }

        func listing() -> StoreListing {
            StoreListing(values: values.values.sorted { $0.key < $1.key }, revision: revision)
        }

        /// What a watch tells of a few changes; now and then it has missed them, and tells all there is.
        mutating func update() throws -> StoreUpdate {
            var events: [StoreEvent] = []
            for _ in 0...number(4) {
                revision += 1
                events.append(try event())
            }
            return chance(1, of: 40) ? .snapshot(listing()) : .events(events)
        }
    }

    @Test(arguments: UInt64(0)..<4) func `what is told of services is what counting says, whatever happens`(
        seed: UInt64
    ) throws {
        var writer = Writer(seed: seed)
        var state = SwarmState()
        state.take(.snapshot(writer.listing()))
        var former = state
        var told = StateOracle.told(state)
        var (lost, completed) = (0, 0)
        for step in 0..<250 {
            state.take(try writer.update())
            let now = StateOracle.told(state)
            #expect(now == StateOracle.counted(state), "step \(step)")
            #expect(StateOracle.told(former) == told, "step \(step): a copy tells of what came after it")
            lost += state.tasks.values.count { $0.runsAsWanted && StateOracle.isLost($0, state) }
            completed += now.values.count { $0.completedTasks > 0 }
            if step % 10 == 0 {
                StateOracle.check(state)
                (former, told) = (state, now)
            }
        }
        StateOracle.check(state)
        #expect(lost > 0 && completed > 0)
    }

    @Test func `tasks count as running from when their node comes back, and not while it is down`() {
        var state = SwarmState()
        var service = Service(id: "web")
        service.spec.mode.replicated = .init(replicas: 3)
        state.services["web"] = service
        for (number, node) in ["n1", "n1", "n2"].enumerated() {
            state.nodes[node] = Node(id: node)
            var task = SwarmTask(id: "t\(number)")
            task.serviceID = "web"
            task.slot = number + 1
            task.nodeID = node
            task.desiredState = .running
            task.status.state = .running
            state.tasks[task.id] = task
        }
        func running() -> UInt64? { StateOracle.told(state)["web"]?.runningTasks }
        #expect(running() == 3)
        state.nodes["n1"]?.status.state = .down
        #expect(running() == 1)
        // One that is replaced counts no less when its node is back.
        state.tasks["t0"]?.desiredState = .shutdown
        #expect(running() == 1)
        state.nodes["n1"]?.status.state = .ready
        #expect(running() == 2)
        state.nodes["n2"]?.status.state = .down
        #expect(running() == 1)
        // Of a node that is gone nobody says that it is down.
        state.nodes["n2"] = nil
        #expect(running() == 2)
    }
}
