import Cluster
import EngineInterface
import Foundation
import Glibc
import LinuxSystem
import Model
import Orchestration

/// The figures, one line each: `bench swarm NAME VALUE UNIT`, with `aim=… met` or `aim=… missed` where there is an aim.
struct Measurement {
    let swarm: ManagedSwarm
    let children: AgentProcess
    let size: SwarmBenchmark.Size.Chosen
    /// What the manager took before there was any node.
    let memoryBefore: Memory
    /// And with the first half of them.
    let memoryOfHalf: Memory

    /// What this process takes, without what a burst of work has left: the daemon gives that back when the work is over, too.
    struct Memory {
        /// Bytes in memory.
        let resident: Int
        /// Of these, allocated and not freed.
        let allocated: Int

        init() async throws {
            try await LinuxSystem.Memory.giveBack()
            resident = try ProcessCost(of: getpid()).resident
            allocated = LinuxSystem.Memory.allocatedBytes
        }

        /// In KiB, of each of so many.
        static func each(_ later: Int, _ earlier: Int, of count: Int) -> Double {
            Double(later - earlier) / 1024 / Double(max(1, count))
        }
    }

    static let limit = Duration.seconds(1200)

    func all() async throws {
        let before = try await Memory()
        Self.tell(
            "manager-memory-a-session", Memory.each(before.resident, memoryBefore.resident, of: size.agents), "KiB",
            atMost: 64)
        Self.tell(
            "manager-allocated-a-session", Memory.each(before.allocated, memoryBefore.allocated, of: size.agents),
            "KiB")
        let second = size.agents - size.agents / 2
        Self.tell(
            "manager-memory-one-more-session", Memory.each(before.resident, memoryOfHalf.resident, of: second), "KiB")
        Self.tell(
            "manager-allocated-one-more-session", Memory.each(before.allocated, memoryOfHalf.allocated, of: second),
            "KiB")
        try await fromNothing()
        let after = try await Memory()
        Self.tell(
            "manager-memory-a-task", Memory.each(after.resident, before.resident, of: size.tasks), "KiB", atMost: 1)
        Self.tell(
            "manager-allocated-a-task", Memory.each(after.allocated, before.allocated, of: size.tasks), "KiB")
        try await beats()
        try await lists()
        let idle = try await cost(over: size.idle)
        try await singleChanges("one-more-task", of: "service-0", tellsAll: size.published >= size.services, idle)
        if size.published > 0 {
            try await singleChanges(
                "one-more-published", of: "service-\(size.services - 1)", tellsAll: true, idle)
        }
        try await lostNode()
        try await update()
    }

    static func tell(_ name: String, _ value: Double, _ unit: String, atMost aim: Double? = nil) {
        let verdict = aim.map { " aim=\(String(format: "%.3f", $0)) \(value <= $0 ? "met" : "missed")" } ?? ""
        print("bench swarm \(name) \(String(format: "%.3f", value)) \(unit)\(verdict)")
        fflush(nil)
    }

    // MARK: Asking

    /// How many tasks run of all services, as the manager says.
    private func running() async throws -> Int {
        try await swarm.swarm.listServices(Filters(), withStatus: true).reduce(0) {
            $0 + Int(clamping: $1.serviceStatus?.runningTasks ?? 0)
        }
    }

    /// Returns when so many tasks run: as their nodes say, and then as the manager says. It is not asked before, for its answer takes time that
    /// would count as its own.
    private func untilRunning(_ count: Int) async throws {
        try await until(within: Self.limit) { try await children.count().running == count }
        try await until(within: Self.limit, every: .milliseconds(100)) { try await running() == count }
    }

    private func tasks(of service: String) async throws -> [SwarmTask] {
        try await swarm.swarm.listTasks(Filters(["service": [service]]))
    }

    /// - Parameter publishes: Whether it has a port of the mesh, which the swarm chooses.
    static func spec(_ name: String, replicas: Int, network: String, publishes: Bool = false) -> ServiceSpec {
        var spec = ServiceSpec()
        spec.name = name
        var container = ContainerSpec()
        container.image = "busybox:latest"
        spec.taskTemplate.containerSpec = container
        spec.mode.replicated = .init(replicas: UInt64(clamping: replicas))
        var attachment = NetworkAttachmentConfig()
        attachment.target = network
        spec.taskTemplate.networks = [attachment]
        if publishes {
            var port = PortConfig()
            port.targetPort = 80
            spec.endpointSpec = EndpointSpec()
            spec.endpointSpec?.ports = [port]
        }
        return spec
    }

    static func network(_ name: String, subnet: String) -> NetworkRequest {
        var request = NetworkRequest()
        request.name = name
        request.driver = "overlay"
        request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: subnet)])
        return request
    }

    private func costs() throws -> (manager: Duration, store: Duration, agents: Duration) {
        let store = try swarm.storeProcess.map { try ProcessCost(of: $0).cpu } ?? .zero
        return (try ProcessCost(of: getpid()).cpu, store, try ProcessCost(of: children.processID).cpu)
    }

    // MARK: Rows

    private func fromNothing() async throws {
        var networks: [String] = []
        for index in 0..<size.networks {
            let subnet = "10.\(index / 16 + 1).\(index % 16 * 16).0/20"
            networks.append(
                try await swarm.swarm.createSwarmNetwork(Self.network("net-\(index)", subnet: subnet)))
        }
        let begun = ContinuousClock.now
        let (manager, store, agents) = try costs()
        for index in 0..<size.services {
            _ = try await swarm.swarm.createService(
                Self.spec(
                    "service-\(index)", replicas: size.replicas, network: networks[index % networks.count],
                    publishes: index >= size.services - size.published))
        }
        try await untilRunning(size.tasks)
        Self.tell("from-nothing", (ContinuousClock.now - begun) / .seconds(1), "s", atMost: 180)
        let now = try costs()
        Self.tell("from-nothing-cpu-manager", (now.manager - manager) / .seconds(1), "s")
        Self.tell("from-nothing-cpu-store", (now.store - store) / .seconds(1), "s")
        Self.tell("from-nothing-cpu-agents", (now.agents - agents) / .seconds(1), "s")
    }

    private func beats() async throws {
        // What the last tasks have left to say is said first.
        try await Task.sleep(for: .seconds(5))
        let before = try costs()
        try await Task.sleep(for: size.idle)
        let after = try costs()
        Self.tell("idle-manager", (after.manager - before.manager) / size.idle * 100, "% of a core", atMost: 5)
        Self.tell("idle-store", (after.store - before.store) / size.idle * 100, "% of a core")
        Self.tell("idle-agents", (after.agents - before.agents) / size.idle * 100, "% of a core")
    }

    private func lists() async throws {
        let swarm = swarm.swarm
        // As `docker` asks for them, and encoded as it is answered.
        try await time("service-ls") {
            _ = try WireJSON.encode(try await swarm.listServices(Filters(), withStatus: true))
        }
        let filters = Filters(["service": ["service-0"]])
        try await time("service-ps") { _ = try WireJSON.encode(try await swarm.listTasks(filters)) }
        let node = try await tasks(of: "service-0").compactMap(\.nodeID).first ?? "self"
        let ofNode = Filters(["node": [node]])
        try await time("node-ps") { _ = try WireJSON.encode(try await swarm.listTasks(ofNode)) }
        try await time("node-ls") { _ = try WireJSON.encode(try await swarm.listNodes(Filters())) }
        // What a manager's part of `network inspect` is: its node adds the containers that it has itself.
        try await time("network-inspect") { _ = try WireJSON.encode(try await swarm.swarmNetworks()) }
        try await time("all-tasks", hasAim: false) { _ = try await swarm.listTasks(Filters()) }
    }

    private func time(_ name: String, hasAim: Bool = true, _ body: () async throws -> Void) async throws {
        var times: [Double] = []
        for _ in 0..<5 {
            let begun = ContinuousClock.now
            try await body()
            times.append((ContinuousClock.now - begun) / .milliseconds(1))
        }
        Self.tell(name, times.sorted()[2], "ms", atMost: hasAim ? 100 : nil)
    }

    /// - Parameters:
    ///   - name: What the figures are called.
    ///   - tellsAll: Whether every node is told of each of the tasks, as of those behind a published port.
    ///   - idle: What the same processes take in ``SwarmBenchmark/Size/Chosen/idle`` by themselves.
    private func singleChanges(
        _ name: String, of service: String, tellsAll: Bool, _ idle: (manager: Duration, agents: Duration)
    ) async throws {
        let id = try await swarm.swarm.inspectService(service, insertDefaults: false).id
        let begun = ContinuousClock.now
        let before = try costs()
        for index in 0..<size.changes {
            let wanted = size.replicas + index + 1
            try await swarm.scale(service, to: wanted)
            try await until(within: Self.limit, every: .milliseconds(5)) {
                try await children.count(id).running == wanted
            }
            try await until(within: Self.limit) {
                try await tasks(of: service).count { $0.status.state == .running && $0.isWanted } == wanted
            }
        }
        let took = ContinuousClock.now - begun
        let after = try costs()
        let changes = Double(size.changes)
        Self.tell(name, took / .milliseconds(1) / changes, "ms")
        let share = took / size.idle
        let manager = (after.manager - before.manager - idle.manager * share) / .milliseconds(1) / changes
        let agents = after.agents - before.agents - idle.agents * share
        let told = try await tellsAll ? size.agents : subscribers()
        Self.tell("\(name)-subscribers", Double(told), "nodes")
        Self.tell(
            "\(name)-cpu-manager", manager, "ms",
            atMost: Double(Self.changesOfATask) * (1 + 0.01 * Double(told)))
        Self.tell("\(name)-cpu-agents", agents / .milliseconds(1) / changes, "ms")
    }

    /// How many nodes have a task of a service in the first network, and are told of others there.
    private func subscribers() async throws -> Int {
        var nodes: Set<String> = []
        for index in stride(from: 0, to: size.services, by: size.networks) {
            nodes.formUnion(try await tasks(of: "service-\(index)").compactMap(\.nodeID))
        }
        return nodes.count
    }

    /// What one more task changes in the store: the service, the task that is made, placed, accepted, prepared, ready, started, and runs.
    private static let changesOfATask = 8

    private func cost(over time: Duration) async throws -> (manager: Duration, agents: Duration) {
        let before = try costs()
        try await Task.sleep(for: time)
        let after = try costs()
        return (after.manager - before.manager, after.agents - before.agents)
    }

    private func downNodes() async throws -> Set<String> {
        Set(try await swarm.swarm.listNodes(Filters()).filter { $0.status.state == .down }.map(\.id))
    }

    private func lostNode() async throws {
        let wanted = try await running()
        try children.stop(1)
        let begun = ContinuousClock.now
        try await until(within: Self.limit, every: .milliseconds(100)) { try await !downNodes().isEmpty }
        Self.tell("lost-node-noticed", (ContinuousClock.now - begun) / .seconds(1), "s")
        let noticed = ContinuousClock.now
        let lost = try await downNodes()
        var affected = 0
        for node in lost { affected += try await swarm.swarm.listTasks(Filters(["node": [node]])).count }
        Self.tell("lost-node-tasks", Double(affected), "tasks")
        // Those of nodes that are down do not count.
        try await untilRunning(wanted)
        Self.tell("lost-node-replaced", (ContinuousClock.now - noticed) / .seconds(1), "s", atMost: 10)
    }

    /// A large service of its own, updated a part at a time: first an old task ends, then its successor begins.
    private func update() async throws {
        let network = try await swarm.swarm.createSwarmNetwork(Self.network("large", subnet: "10.200.0.0/16"))
        var begun = ContinuousClock.now
        let before = try await running()
        let id = try await swarm.swarm.createService(Self.spec("large", replicas: size.large, network: network)).id
        try await untilRunning(before + size.large)
        Self.tell("large-service", (ContinuousClock.now - begun) / .seconds(1), "s")
        var service = try await swarm.swarm.inspectService("large", insertDefaults: false)
        service.spec.taskTemplate.forceUpdate = service.spec.taskTemplate.forceUpdate &+ 1
        var config = UpdateConfiguration()
        config.parallelism = UInt64(clamping: size.parallelism)
        config.monitor = 1_000_000
        service.spec.updateConfig = config
        begun = ContinuousClock.now
        _ = try await swarm.swarm.updateService(
            "large", version: service.version.index, service.spec, rollback: false)
        let manager = try costs().manager
        // What happened before does not count.
        _ = try await children.count(id)
        try await until(within: Self.limit, every: .milliseconds(100)) {
            try await swarm.swarm.inspectService("large", insertDefaults: false).updateStatus?.state == "completed"
        }
        let count = try await children.count(id)
        Self.tell("update-of-large-service", (ContinuousClock.now - begun) / .seconds(1), "s")
        Self.tell("update-of-large-service-cpu-manager", (try costs().manager - manager) / .seconds(1), "s")
        Self.tell("update-tasks-at-most", Double(count.most), "tasks", atMost: Double(size.large))
        Self.tell(
            "update-tasks-out-at-most", Double(size.large - count.fewest), "tasks", atMost: Double(size.parallelism))
    }
}
