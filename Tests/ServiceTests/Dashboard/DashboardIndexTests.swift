import Addressing
import EngineInterface
import Model
import Orchestration
import TestKit
import Testing

@testable import Cluster
@testable import Dashboard

/// What is shown after any changes is what is listed from nothing.
@Suite struct DashboardIndexTests {
    /// What somebody knows who was told.
    private struct Known: Equatable {
        var nodes: [String: NodeView] = [:]
        var services: [String: ServiceView] = [:]
        var tasks: [String: TaskView] = [:]
        var networks: [String: NetworkView] = [:]
        var containers: [String: ContainerView] = [:]

        init() {}

        init(_ state: DashboardState) { take(DashboardChanges(whole: state)) }

        mutating func take(_ changes: DashboardChanges) {
            if changes.isWhole { self = Known() }
            Self.take(changes.state.nodes, changes.gone[.nodes], into: &nodes)
            Self.take(changes.state.services, changes.gone[.services], into: &services)
            Self.take(changes.state.tasks, changes.gone[.tasks], into: &tasks)
            Self.take(changes.state.networks, changes.gone[.networks], into: &networks)
            Self.take(changes.state.containers, changes.gone[.containers], into: &containers)
        }

        private static func take<View: Identifiable>(_ set: [View], _ gone: [String]?, into all: inout [String: View])
        where View.ID == String {
            for id in gone ?? [] { all[id] = nil }
            for view in set { all[view.id] = view }
        }
    }

    /// A swarm to which anything may happen.
    private struct Stage {
        var random: SeededGenerator
        var state = SwarmState()
        var board = PulseBoard()
        var now = Timestamp(seconds: 1_000_000)
        var containers: [ContainerView] = []

        mutating func pick(_ prefix: String, of count: Int) -> String {
            "\(prefix)\(Int.random(in: 0..<count, using: &random))"
        }
        mutating func chance(_ whole: Int) -> Bool { Int.random(in: 0..<whole, using: &random) == 0 }

        mutating func change() {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: changeNode()
            case 1: changeService()
            case 2: changeNetwork()
            case 3, 4: tell()
            case 5:
                let steps: [Int64] = [1, 5, 30, 90]
                now = now.advanced(bySeconds: steps.randomElement(using: &random) ?? 1)
            case 6:
                let known = state
                board.forget(nodesBut: { known.nodes[$0] != nil }, servicesBut: { known.services[$0] != nil })
            default: changeTask()
            }
        }

        private mutating func changeNode() {
            let id = pick("n", of: 5)
            if state.nodes[id] != nil, chance(4) {
                state.nodes[id] = nil
                return
            }
            var node = state.nodes[id] ?? Node(id: id)
            node.status.state = chance(3) ? .down : .ready
            node.spec.role = chance(2) ? .manager : .worker
            node.managerStatus = node.spec.role == .manager ? ManagerStatus() : nil
            state.nodes[id] = node
        }

        private mutating func changeService() {
            let id = pick("s", of: 5)
            if state.services[id] != nil, chance(4) {
                state.services[id] = nil
                return
            }
            var service = state.services[id] ?? Service(id: id)
            service.spec.name = "name-\(id)"
            service.spec.mode.replicated = .init(replicas: UInt64.random(in: 0...5, using: &random))
            service.endpoint.virtualIPs = [VirtualIP(networkID: pick("w", of: 3), addr: IPNetwork("10.0.0.9/24"))]
            state.services[id] = service
        }

        private mutating func changeNetwork() {
            let id = pick("w", of: 3)
            var network = SwarmNetwork(id: id)
            network.spec.name = pick("name", of: 5)
            let isGone = chance(3)
            state.networks[id] = isGone ? nil : network
        }

        private mutating func changeTask() {
            let id = pick("t", of: 40)
            if state.tasks[id] != nil, chance(4) {
                state.tasks[id] = nil
                return
            }
            var task = state.tasks[id] ?? SwarmTask(id: id)
            if task.serviceID.isEmpty { task.serviceID = pick("s", of: 5) }
            // Once it has a node it has no other.
            if task.nodeID == nil, !chance(4) { task.nodeID = pick("n", of: 5) }
            task.desiredState = chance(4) ? .shutdown : .running
            let states: [TaskState] = [.new, .running, .running, .failed]
            task.status = TaskStatus(states.randomElement(using: &random) ?? .new, "", at: now)
            let address = "10.0.0.\(Int.random(in: 2...9, using: &random))/24"
            task.networksAttachments = [
                NetworkAttachment(
                    network: SwarmNetwork(id: pick("w", of: 3)), addresses: [IPNetwork(address)].compactMap { $0 })
            ]
            if chance(8) {
                task.spec.networkAttachmentSpec = NetworkAttachmentSpec(containerID: "c", containerName: "c")
            }
            state.tasks[id] = task
        }

        /// A node tells how it is.
        private mutating func tell() {
            var tasks: [String: [UInt64]] = [:]
            for id in state.tasks.keys.sorted() where chance(3) {
                tasks[id] = TaskPulseSeries.allCases.map { _ in UInt64.random(in: 0...1000, using: &random) }
            }
            let pulse = NodePulse(
                time: now.seconds - Int64.random(in: 0...70, using: &random),
                node: NodePulseSeries.allCases.map { _ in UInt64.random(in: 0...1000, using: &random) }, tasks: tasks)
            let node = pick("n", of: 5)
            let known = state
            board.take(pulse, of: node, now: now.seconds) { id in
                guard let task = known.tasks[id], task.nodeID == node else { return nil }
                return task.serviceID
            }
        }

        mutating func list() {
            containers = (0..<4).map { number in
                var view = ContainerView(id: "c\(number)")
                (view.node, view.status) = ("n0", "Up \(now.seconds) seconds")
                return view
            }
            if chance(2) { containers.removeLast() }
        }

        var networks: [NetworkView] {
            state.networks.values.map { network in
                var view = NetworkView(id: network.id)
                (view.name, view.subnets) = (network.spec.name, ["10.0.0.0/24"])
                return view
            }
        }
    }

    private static func shown(_ node: Node) -> Node {
        var node = node
        node.managerStatus?.reachability = "reachable"
        return node
    }

    /// All of it, from nothing.
    private func listed(_ stage: Stage, more: Int) -> DashboardState {
        let statuses = ServiceStatuses(stage.state)
        let services = stage.state.services.values.map { service in
            var service = service
            service.serviceStatus = statuses.status(of: service)
            return service
        }
        let tasks = stage.state.tasks.values.filter { !$0.isAttachment }
        var state = DashboardState(cluster: ClusterView())
        state.nodes = stage.state.nodes.values.map { NodeView(Self.shown($0)) }
        state.services = services.map { ServiceView($0) }
        state.tasks = tasks.map { TaskView($0) }
        state.networks = stage.networks
        state.networks.countAddresses(of: tasks, services)
        for index in state.nodes.indices where state.nodes[index].id == "n0" {
            state.nodes[index].moreContainers = more > 0 ? more : nil
        }
        state.fill(from: stage.board, now: stage.now.seconds)
        // Containers are as they were listed last.
        state.containers = stage.containers
        return state
    }

    @Test func `after any changes it shows what is listed from nothing, and tells each change`() {
        var stage = Stage(random: .fresh("DashboardIndexTests"))
        var index = DashboardIndex()
        var known = Known()
        var (former, number): (SwarmState, UInt64?) = (SwarmState(), nil)
        var more = 0
        for round in 0..<1500 {
            for _ in 0..<Int.random(in: 1...3, using: &stage.random) { stage.change() }
            let changes = SwarmChanges(from: former, to: stage.state)
            former = stage.state
            var sight = DashboardIndex.Sight()
            (sight.board, sight.now, sight.own) = (stage.board, stage.now, "n0")
            if !changes.networks.isEmpty || round == 0 { sight.networks = stage.networks }
            // A node that has come anew is listed with the next containers.
            if round == 0 || changes.nodes.contains("n0") || stage.chance(10) {
                stage.list()
                more = stage.state.nodes["n0"] == nil ? 0 : Int.random(in: 0...2, using: &stage.random)
                sight.containers = DashboardIndex.Containers(own: stage.containers, more: more)
            }
            index.take(stage.state, changes, sight, shown: Self.shown)
            // Now and then somebody has missed what was told.
            if stage.chance(50) { number = nil }
            let told = index.tell(since: number, ClusterView())
            #expect(told.isWhole == (number == nil))
            number = told.number
            known.take(told)
            var expected = Known(listed(stage, more: more))
            for id in expected.containers.keys { expected.containers[id]?.use = known.containers[id]?.use }
            guard known == expected else {
                Issue.record("another picture after round \(round)")
                return
            }
        }
    }

    @Test func `who was told before all was forgotten is told everything, also when that was lost on the way`() {
        var state = SwarmState()
        state.nodes["n0"] = Node(id: "n0")
        var index = DashboardIndex()
        func look(_ changes: SwarmChanges, since number: UInt64?) -> DashboardChanges {
            index.take(state, changes, DashboardIndex.Sight(), shown: Self.shown)
            return index.tell(since: number, ClusterView())
        }
        let first = look(SwarmChanges(all: state), since: nil)
        index.forget()
        state.nodes["n1"] = Node(id: "n1")
        // Nobody hears of the first of these.
        for _ in 0..<2 {
            let told = look(SwarmChanges(all: state), since: first.number)
            #expect(told.isWhole && told.state.nodes.map(\.id).sorted() == ["n0", "n1"])
        }
    }

    @Test func `one task that changes is told with its service alone, however many there are`() {
        var stage = Stage(random: SeededGenerator(seed: 1))
        for number in 0..<2000 {
            var task = SwarmTask(id: "t\(number)")
            task.serviceID = "s\(number % 100)"
            stage.state.tasks[task.id] = task
        }
        for number in 0..<100 {
            var service = Service(id: "s\(number)")
            service.spec.mode.replicated = .init(replicas: 20)
            stage.state.services[service.id] = service
        }
        var index = DashboardIndex()
        index.take(stage.state, SwarmChanges(all: stage.state), DashboardIndex.Sight(), shown: Self.shown)
        let first = index.tell(since: nil, ClusterView())
        #expect(first.isWhole && first.state.tasks.count == 2000)
        let former = stage.state
        stage.state.tasks["t7"]?.status.state = .running
        stage.state.tasks["t7"]?.desiredState = .running
        index.take(
            stage.state, SwarmChanges(from: former, to: stage.state), DashboardIndex.Sight(), shown: Self.shown)
        let second = index.tell(since: first.number, ClusterView())
        #expect(!second.isWhole && second.state.tasks.map(\.id) == ["t7"] && second.gone.isEmpty)
        #expect(second.state.services.map(\.id) == ["s7"] && second.state.services.first?.running == 1)
    }
}
