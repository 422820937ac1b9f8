import Model
import StateStore
import Testing

@testable import Orchestration

/// A leader, a store and many nodes, of which messages are lost and late, which are cut off, crash and come back, and whose clocks jump.
///
/// A step is a second. All chance comes from the seed.
struct SimulatedCluster {
    struct Agent {
        /// The tasks that it was told last, and in which order that was.
        var told: [String: SwarmTask] = [:]
        var toldAt = 0
        var containers: [String: TaskState] = [:]
        var isUp = true
        var isCutOff = false
        var clockOffset: Int64 = 0
        var lastBeat: Int64 = 0
    }

    enum Message {
        case tasks(node: String, sequence: Int, [String: SwarmTask])
        case report(node: String, task: String, TaskState)
    }

    static let silence: Int64 = 12

    private(set) var store = SwarmState()
    private(set) var agents: [String: Agent] = [:]
    private(set) var random: SplitMix
    private(set) var second: Int64 = 0
    var problems: [String] = []
    /// Nothing goes wrong any more.
    var isHealed = false
    private var revision: Int64 = 1
    private var past: [SwarmState] = []
    private var mail: [Int64: [Message]] = [:]
    private var sequence = 0
    private var planner: SwarmPlanner
    private var leaderOffset: Int64 = 0
    private var seen: SwarmState?
    private var written: Int64 = 0
    var reached: [String: TaskState] = [:]
    private let ids = Counter()
    private let fence = LeaderFence(role: "test", revision: 1)

    init(seed: UInt64, nodes: Int) {
        random = SplitMix(state: seed)
        planner = Self.planner(ids)
        put(ClusterObject(id: "c"), .clusters, "c")
        put(NetworkAllocator(state: store).ingress(id: "ingress", at: now), .networks, "ingress")
        for number in 0..<max(1, nodes / 20) {
            var request = NetworkRequest()
            request.name = "net\(number)"
            // Subnets may be used up: then there are fewer networks.
            guard let made = try? NetworkAllocator(state: store).allocate(request, id: request.name, at: now) else {
                continue
            }
            put(made, .networks, made.id)
        }
        for number in 0..<nodes {
            let id = "node\(String(format: "%05d", number))"
            var node = Node(id: id)
            var description = NodeDescription()
            description.hostname = id
            node.description = description
            node.status.state = .ready
            put(node, .nodes, id)
            agents[id] = Agent()
        }
    }

    private static func planner(_ ids: Counter) -> SwarmPlanner {
        SwarmPlanner(makeID: { "task\(String(format: "%08d", ids.next()))" })
    }

    private var now: Timestamp { Timestamp(seconds: 1_800_000_000 + second) }
    private mutating func chance(_ part: Int, of whole: Int) -> Bool {
        Int.random(in: 0..<whole, using: &random) < part
    }

    // MARK: Store

    private mutating func put<Object: VersionedRecord>(_ object: Object, _ kind: StoreKind, _ id: String) {
        do {
            let value = Array(try WireJSON.encode(record: object))
            _ = commit(StoreTransaction(puts: [.init(StoreKey(kind, id: id), value)]))
        } catch {
            problems.append("\(kind) \(id) cannot be written: \(error)")
        }
    }

    private func version(of key: StoreKey) -> Int64? {
        guard let (kind, id) = key.object else { return nil }
        let version =
            switch kind {
            case .nodes: store.nodes[id]?.version
            case .services: store.services[id]?.version
            case .tasks: store.tasks[id]?.version
            case .networks: store.networks[id]?.version
            default: nil as ObjectVersion?
            }
        return version.map { Int64(clamping: $0.index) }
    }

    private mutating func commit(_ transaction: StoreTransaction) -> CommitOutcome {
        let failed = transaction.conditions.filter { condition in
            switch condition {
            case .absent(let key): version(of: key) != nil
            case .present(let key): version(of: key) == nil
            case .modified(let key, let revision): version(of: key) != revision
            case .created: false
            }
        }
        guard failed.isEmpty else { return .refused(failed: failed, current: [:]) }
        revision += 1
        let revision = revision
        let puts = transaction.puts.map { put in
            StoreEvent.put(
                StoredValue(key: put.key, value: put.value, createRevision: revision, modifyRevision: revision))
        }
        store.take(.events(puts + transaction.deletes.map { .delete($0, revision: revision) }))
        return .committed(revision: revision)
    }

    // MARK: What users do

    mutating func addService(_ id: String, replicas: UInt64?, network: String?, port: Int?, startsFirst: Bool) {
        var service = Service(id: id)
        service.spec.name = id
        if let replicas {
            service.spec.mode.replicated = .init(replicas: replicas)
        } else {
            service.spec.mode.global = Empty()
        }
        service.spec.taskTemplate.containerSpec = ContainerSpec()
        service.spec.taskTemplate.containerSpec?.image = "first"
        service.spec.taskTemplate.restartPolicy = TaskRestartPolicy()
        service.spec.taskTemplate.restartPolicy?.delay = 1_000_000_000
        var update = UpdateConfiguration()
        update.parallelism = 4
        update.failureAction = "continue"
        update.order = startsFirst ? "start-first" : nil
        service.spec.updateConfig = update
        if let network {
            var config = NetworkAttachmentConfig()
            config.target = network
            service.spec.taskTemplate.networks = [config]
        }
        if let port {
            var config = PortConfig()
            config.targetPort = 80
            config.publishedPort = port
            var endpoint = EndpointSpec()
            endpoint.ports = [config]
            service.spec.endpointSpec = endpoint
        }
        service.createdAt = now
        put(service, .services, id)
    }

    mutating func change(_ id: String, _ change: (inout ServiceSpec) -> Void) {
        guard var service = store.services[id] else { return }
        service.previousSpec = service.spec
        service.updateStatus = nil
        service.rollout = nil
        change(&service.spec)
        put(service, .services, id)
    }

    mutating func removeService(_ id: String) {
        _ = commit(StoreTransaction(deletes: [StoreKey(.services, id: id)]))
    }

    private mutating func use() {
        guard let id = store.services.keys.sorted().randomElement(using: &random) else { return }
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<4:
            let replicas = UInt64.random(in: 0...12, using: &random)
            change(id) { if $0.mode.replicated != nil { $0.mode.replicated = .init(replicas: replicas) } }
        case 4..<7:
            let image = ["first", "second", "third"].randomElement(using: &random)
            change(id) { $0.taskTemplate.containerSpec?.image = image ?? "" }
        case 7:
            removeService(id)
            addService(
                "again\(second)", replicas: 5, network: chance(1, of: 2) ? "net0" : nil,
                port: chance(1, of: 2) ? 0 : nil,
                startsFirst: chance(1, of: 2))
        default:
            guard let node = agents.keys.sorted().randomElement(using: &random), var found = store.nodes[node] else {
                return
            }
            found.spec.availability = found.spec.availability == .active && chance(1, of: 3) ? .drain : .active
            put(found, .nodes, node)
        }
    }

    // MARK: What goes wrong

    private mutating func harm() {
        guard let id = agents.keys.sorted().randomElement(using: &random), var agent = agents[id] else { return }
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1:
            agent.isUp.toggle()
            // Whatever ran is gone with the machine.
            agent.containers = [:]
            agent.told = [:]
        case 2, 3: agent.isCutOff.toggle()
        case 4: agent.clockOffset = Int64.random(in: -90...90, using: &random)
        case 5: leaderOffset = Int64.random(in: -30...30, using: &random)
        case 6: elect()
        default:
            // A container ends by itself.
            guard let task = agent.containers.keys.sorted().randomElement(using: &random) else { return }
            if agent.containers[task] == .running { agent.containers[task] = .failed }
        }
        agents[id] = agent
    }

    /// Another manager leads: it knows nothing, and has a clock of its own.
    ///
    /// It reads the whole store, as the majority has it, after it has become the leader, see `ObjectStore.follow`: nothing that the leader
    /// before it has written is missing from its first view, and nothing of that one is written after.
    private mutating func elect() {
        planner = Self.planner(ids)
        seen = nil
        written = revision
        leaderOffset = Int64.random(in: -30...30, using: &random)
    }

    mutating func heal() {
        isHealed = true
        leaderOffset = 0
        for id in agents.keys {
            agents[id]?.isUp = true
            agents[id]?.isCutOff = false
        }
        for id in store.nodes.keys where store.nodes[id]?.spec.availability != .active {
            guard var node = store.nodes[id] else { continue }
            node.spec.availability = .active
            put(node, .nodes, id)
        }
    }

    // MARK: A step

    mutating func step() {
        second += 1
        past.append(store)
        if past.count > 4 { past.removeFirst() }
        if !isHealed {
            for _ in 0..<max(1, agents.count / 100) {
                if chance(1, of: 4) { use() }
                if chance(1, of: 3) { harm() }
            }
        }
        for message in mail.removeValue(forKey: second) ?? [] { deliver(message) }
        for id in agents.keys.sorted() { work(id) }
        hear()
        if chance(4, of: 5) { plan() }
    }

    private mutating func send(_ message: Message) {
        if !isHealed, chance(1, of: 8) { return }
        mail[second + Int64.random(in: 1...(isHealed ? 1 : 4), using: &random), default: []].append(message)
    }

    private mutating func deliver(_ message: Message) {
        switch message {
        case .tasks(let node, let sequence, let tasks):
            guard let agent = agents[node], agent.isUp, !agent.isCutOff, agent.toldAt < sequence else { return }
            agents[node]?.told = tasks
            agents[node]?.toldAt = sequence
        case .report(let node, let id, let state):
            guard let agent = agents[node], !agent.isCutOff, var task = store.tasks[id], task.nodeID == node else {
                return
            }
            guard !task.status.state.isTerminal, state > task.status.state else { return }
            let own = now.advanced(bySeconds: agent.clockOffset)
            task.status = TaskStatus(state, "", at: min(max(own, task.status.timestamp), now))
            let timestamp = task.status.timestamp
            if state == .running { task.assignment?.runningSince = timestamp }
            task.updatedAt = now
            put(task, .tasks, id)
        }
    }

    /// What a node does in a second: one step of each of its tasks; and it says how they are until the managers know.
    private mutating func work(_ id: String) {
        guard var agent = agents[id], agent.isUp else { return }
        for task in agent.told.values.sorted(by: { $0.id < $1.id }) where task.status.state >= .assigned {
            let former = agent.containers[task.id]
            var state =
                former ?? (task.status.state > .preparing && !task.status.state.isTerminal ? .failed : .preparing)
            if state.isTerminal {
            } else if task.desiredState > .complete {
                state = .shutdown
            } else if state < .ready {
                state = .ready
            } else if task.desiredState == .running {
                state = .running
            }
            agent.containers[task.id] = state
            if task.status.state < state, !agent.isCutOff { send(.report(node: id, task: task.id, state)) }
        }
        for task in agent.containers.keys where agent.told[task] == nil { agent.containers[task] = nil }
        agents[id] = agent
    }

    /// Signs of life, and what the nodes are to do.
    private mutating func hear() {
        for id in agents.keys.sorted() {
            guard let agent = agents[id], let node = store.nodes.shared(id)?.value else { continue }
            let isHeard = agent.isUp && !agent.isCutOff && (isHealed || chance(7, of: 8))
            if isHeard {
                agents[id]?.lastBeat = second
                if node.status.state != .ready { setState(.ready, of: id) }
                sequence += 1
                let tasks = store.tasks(onNode: id).filter { $0.status.state >= .assigned }
                send(.tasks(node: id, sequence: sequence, Dictionary(tasks.map { ($0.id, $0) }) { $1 }))
            } else if second - agent.lastBeat > Self.silence, node.status.state == .ready {
                setState(.down, of: id)
            }
        }
    }

    private mutating func setState(_ state: NodeState, of id: String) {
        guard var node = store.nodes[id] else { return }
        node.status.state = state
        node.updatedAt = now
        put(node, .nodes, id)
    }

    /// What a leader does, whose copy may be some seconds old.
    private mutating func plan() {
        let views = ([store] + past.reversed()).prefix(isHealed ? 1 : 4).filter {
            $0.revision >= max(written, seen?.revision ?? 0)
        }
        guard let state = views.randomElement(using: &random), state.cluster != nil else { return }
        var draft = SwarmDraft(state, now: now.advanced(bySeconds: leaderOffset))
        planner.plan(&draft, changes: seen.map { SwarmChanges(from: $0, to: state) })
        seen = state
        var overtaken: Set<String> = []
        do {
            for var planned in try draft.transactions(under: fence) {
                planned.leaveOut(overtaken)
                while !planned.transaction.isEmpty {
                    guard case .refused(let failed, _) = commit(planned.transaction) else {
                        written = revision
                        break
                    }
                    overtaken.formUnion(planned.owners(of: failed.map(\.key)))
                    planned.leaveOut(overtaken)
                }
            }
        } catch {
            problems.append("a plan cannot be written: \(error)")
        }
    }
}
