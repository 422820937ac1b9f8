import Foundation
import Model
import Orchestration
import StateStore
import Testing

/// What is told of tasks: everything, once, and the same by every manager.
@Suite struct TaskEventsTests {
    /// An event as far as managers have to agree on it.
    private struct Told: Hashable {
        var id: EventID
        var action: String
        var attributes: [String: String]
        var time: Timestamp
    }

    /// What a manager tells that is told so.
    private static func told(_ updates: [StoreUpdate]) -> [Told] {
        var history = SwarmHistory.unread
        var told: [Told] = []
        for update in updates {
            history.take(update) { step in
                told += TaskEvents(step).events.map { event, id in
                    Told(
                        id: id, action: event.action, attributes: event.attributes,
                        time: event.action == TaskEvents.remove ? .zero : event.time)
                }
            }
        }
        return told
    }

    /// A store to which whatever may be written of tasks is written, and what that is to be told as.
    private struct Writer {
        var random: SplitMix
        var revision: Int64 = 10
        var events: [StoreEvent] = []
        var tasks: [String: SwarmTask] = [:]
        /// Id of the task and action.
        var expected: [String] = []
        private var made = 0
        /// A revision changes a key once.
        private var touched: Set<String> = []

        init(seed: UInt64) { random = SplitMix(state: seed) }

        private mutating func chance(_ part: Int, of whole: Int) -> Bool {
            Int.random(in: 0..<whole, using: &random) < part
        }

        private mutating func put(_ task: SwarmTask) throws {
            tasks[task.id] = task
            touched.insert(task.id)
            events.append(
                .put(
                    StoredValue(
                        key: StoreKey(.tasks, id: task.id), value: Array(try WireJSON.encode(record: task)),
                        createRevision: 1, modifyRevision: revision)))
        }

        private mutating func add() throws {
            made += 1
            var task = SwarmTask(id: "task\(made)")
            task.serviceID = "s1"
            task.slot = made
            task.spec.containerSpec = ContainerSpec()
            task.spec.containerSpec?.image = "image"
            if chance(1, of: 2) {
                var check = HealthConfiguration()
                check.test = chance(1, of: 3) ? ["NONE"] : ["CMD", "true"]
                task.spec.containerSpec?.healthcheck = check
            }
            try move(task, to: .new)
        }

        private mutating func move(_ former: SwarmTask, to state: TaskState) throws {
            var task = former
            task.nodeID = state < .assigned ? nil : "n1"
            task.updatedAt = Timestamp(seconds: 1000 + revision)
            task.status = TaskStatus(state, "", at: task.updatedAt)
            if state == .failed, chance(1, of: 2) {
                task.status.err = "task: non-zero exit (137): dockerexec: unhealthy container"
                expected.append("\(task.id) unhealthy")
            }
            expected.append("\(task.id) \(state.rawValue)")
            if state == .running, task.spec.containerSpec?.healthcheck?.test.first == "CMD" {
                expected.append("\(task.id) healthy")
            }
            try put(task)
        }

        /// One revision, of one write or of several.
        mutating func write() throws {
            revision += 1
            touched = []
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                guard
                    let task = tasks.values.filter({ !touched.contains($0.id) }).sorted(by: { $0.id < $1.id })
                        .randomElement(using: &random),
                    !chance(1, of: 6)
                else {
                    try add()
                    continue
                }
                touched.insert(task.id)
                switch Int.random(in: 0..<10, using: &random) {
                case 0:
                    tasks[task.id] = nil
                    expected.append("\(task.id) remove")
                    events.append(.delete(StoreKey(.tasks, id: task.id), revision: revision))
                case 1:
                    var same = task
                    same.desiredState = .shutdown
                    try put(same)
                case 2:
                    events.append(
                        .put(
                            StoredValue(
                                key: StoreKey(.nodes, id: "n\(made)"), value: [123], createRevision: 1,
                                modifyRevision: revision)))
                default:
                    let later = TaskState.allCases.filter { $0 > task.status.state && $0 < .remove }
                    guard let next = later.prefix(3).randomElement(using: &random) else { continue }
                    try move(task, to: next)
                }
            }
        }

        func listing() throws -> StoreListing {
            var values: [StoreKey: StoredValue] = [:]
            for event in events {
                switch event {
                case .put(let value): values[value.key] = value
                case .delete(let key, _): values[key] = nil
                }
            }
            return StoreListing(values: values.values.sorted { $0.key < $1.key }, revision: revision)
        }

        /// Events in batches as a watch may tell them: whole revisions, often one.
        mutating func batches() -> [StoreUpdate] {
            var batches: [[StoreEvent]] = []
            for event in events {
                let isSame = batches.last?.last?.revision == event.revision
                if let last = batches.last, isSame || chance(1, of: 3) {
                    batches[batches.count - 1] = last + [event]
                } else {
                    batches.append([event])
                }
            }
            return batches.map { .events($0) }
        }
    }

    private static let empty = StoreUpdate.snapshot(StoreListing(values: [], revision: 5))

    @Test(arguments: 0..<10) func `no state is missed, and every manager tells the same`(seed: UInt64) throws {
        var writer = Writer(seed: seed)
        for _ in 0..<120 { try writer.write() }
        let first = Self.told([Self.empty] + writer.batches())
        #expect(first.map { "\($0.id.origin.split(separator: "/")[1]) \($0.action)" } == writer.expected)
        #expect(Set(first.map(\.id)).count == first.count, "one id for two events")
        #expect(first == Self.told([Self.empty] + writer.batches()), "it depends on how the watch tells it")
        #expect(first == Self.told([Self.empty, .events(writer.events)]))
    }

    @Test(arguments: 0..<10) func `a manager that has missed a part tells what came of it, by the same ids`(
        seed: UInt64
    )
        throws
    {
        var writer = Writer(seed: seed)
        for _ in 0..<60 { try writer.write() }
        let known = writer.events.count
        for _ in 0..<60 { try writer.write() }
        let middle = try writer.listing()
        let missed = writer.events.count
        for _ in 0..<60 { try writer.write() }
        let all = Self.told([Self.empty, .events(writer.events)])
        let some = Self.told([
            Self.empty, .events(Array(writer.events.prefix(known))), .stale, .snapshot(middle),
            .events(Array(writer.events.dropFirst(missed))),
        ])
        let ids = Set(all.map(\.id))
        #expect(some.allSatisfy { ids.contains($0.id) }, "it tells what nobody else knows")
        #expect(Set(some.map(\.id)).count == some.count)
        func last(_ told: [Told]) -> [String: EventID] {
            Dictionary(told.map { ($0.id.origin, $0.id) }) { max($0, $1) { $0.sequence < $1.sequence } }
        }
        for (task, id) in last(some) { #expect(last(all)[task] == id) }
        for id in writer.tasks.keys { #expect(last(some).keys.contains { $0.hasSuffix("/\(id)") }) }
    }

    @Test func `the first look at the store is no news, and an event says what a person asks for`() throws {
        var writer = Writer(seed: 1)
        for _ in 0..<50 { try writer.write() }
        #expect(Self.told([.snapshot(try writer.listing())]).isEmpty)
        var state = SwarmState()
        var node = Node(id: "n1")
        node.spec.name = "one"
        state.nodes["n1"] = node
        state.cluster = ClusterObject(id: "c")
        var steps: [TaskStep] = []
        var task = SwarmTask(id: "t")
        task.serviceID = "s"
        task.slot = 2
        task.nodeID = "n1"
        task.assignment = SwarmTask.Assignment()
        task.assignment?.serviceName = "web"
        task.spec.containerSpec = ContainerSpec()
        task.spec.containerSpec?.image = "nginx"
        func put(_ task: SwarmTask, _ revision: Int64) throws {
            let value = StoredValue(
                key: StoreKey(.tasks, id: "t"), value: Array(try WireJSON.encode(record: task)), createRevision: 1,
                modifyRevision: revision)
            state.take(.events([.put(value)])) { steps.append($0) }
        }
        task.status = TaskStatus(.running, "started", at: .now)
        try put(task, 1)
        task.status = TaskStatus(.failed, "failed", at: .now, error: "task: non-zero exit (3)")
        task.status.containerStatus = .init()
        task.status.containerStatus?.exitCode = 3
        task.status.containerStatus?.containerID = "abc"
        try put(task, 2)
        let (event, id) = try #require(steps.last.flatMap { TaskEvents($0).events.last })
        #expect(event.type == "task" && event.action == "failed" && event.actorID == "t" && event.scope == "swarm")
        #expect(
            event.attributes == [
                "name": "web.2.t", "service.id": "s", "service.name": "web", "node.id": "n1", "node.name": "one",
                "slot": "2", "image": "nginx", "oldstate": "running", "reason": "task: non-zero exit (3)",
                "exitCode": "3", "container": "abc",
            ])
        #expect(id.origin == "c/t")
    }
}

private func max(_ first: EventID, _ second: EventID, _ isBefore: (EventID, EventID) -> Bool) -> EventID {
    isBefore(first, second) ? second : first
}
