import Cluster
import EngineInterface
import Foundation
import Glibc
import Model

/// The figures, one line each: `bench swarm NAME VALUE UNIT`.
struct Measurement {
    let swarm: ManagedSwarm
    let children: AgentProcess
    let options: SwarmBenchmark.Run

    private static let limit = Duration.seconds(1200)
    /// For how long what is idle is looked at.
    private static let idle = Duration.seconds(20)

    func all() async throws {
        let before = try ProcessCost(of: getpid()).resident
        try await fromNothing()
        let tasks = options.services * options.replicas
        let after = try ProcessCost(of: getpid()).resident
        tell("manager-memory-a-task", Double(after - before) / 1024 / Double(max(1, tasks)), "KiB")
        try await beats()
        try await lists()
        try await singleChanges()
        try await lostNode()
        try await update()
    }

    private func tell(_ name: String, _ value: Double, _ unit: String) {
        print("bench swarm \(name) \(String(format: "%.3f", value)) \(unit)")
        fflush(nil)
    }

    private func running() async throws -> Int {
        try await swarm.swarm.listServices(Filters(), withStatus: true).reduce(0) {
            $0 + Int($1.serviceStatus?.runningTasks ?? 0)
        }
    }

    private func spec(_ name: String, replicas: Int, network: String) -> ServiceSpec {
        var spec = ServiceSpec()
        spec.name = name
        var container = ContainerSpec()
        container.image = "busybox:latest"
        spec.taskTemplate.containerSpec = container
        spec.mode.replicated = .init(replicas: UInt64(replicas))
        var attachment = NetworkAttachmentConfig()
        attachment.target = network
        spec.taskTemplate.networks = [attachment]
        return spec
    }

    private func fromNothing() async throws {
        var networks: [String] = []
        for index in 0..<options.networks {
            var request = NetworkRequest()
            request.name = "net-\(index)"
            request.driver = "overlay"
            let pool = AddressPool(subnet: "10.\(index / 16 + 1).\(index % 16 * 16).0/20")
            request.ipam = AddressManagement(driver: "default", config: [pool])
            networks.append(try await swarm.swarm.createSwarmNetwork(request))
        }
        let begun = ContinuousClock.now
        let (manager, store, agents) = try costs()
        for index in 0..<options.services {
            _ = try await swarm.swarm.createService(
                spec("service-\(index)", replicas: options.replicas, network: networks[index % networks.count]))
        }
        try await until(within: Self.limit, every: .milliseconds(500)) {
            try await running() == options.services * options.replicas
        }
        tell("from-nothing", (ContinuousClock.now - begun) / .seconds(1), "s")
        let now = try costs()
        tell("from-nothing-cpu-manager", (now.manager - manager) / .seconds(1), "s")
        tell("from-nothing-cpu-store", (now.store - store) / .seconds(1), "s")
        tell("from-nothing-cpu-agents", (now.agents - agents) / .seconds(1), "s")
    }

    private func costs() throws -> (manager: Duration, store: Duration, agents: Duration) {
        let store = try swarm.storeProcess.map { try ProcessCost(of: $0).cpu } ?? .zero
        return (try ProcessCost(of: getpid()).cpu, store, try ProcessCost(of: children.processID).cpu)
    }

    private func beats() async throws {
        // What the last tasks have left to say is said first.
        try await Task.sleep(for: .seconds(5))
        let before = try costs()
        try await Task.sleep(for: Self.idle)
        let after = try costs()
        tell("idle-manager", (after.manager - before.manager) / Self.idle * 100, "% of a core")
        tell("idle-store", (after.store - before.store) / Self.idle * 100, "% of a core")
        tell("idle-agents", (after.agents - before.agents) / Self.idle * 100, "% of a core")
    }

    private func lists() async throws {
        let swarm = swarm.swarm
        try await time("list-services") { _ = try await swarm.listServices(Filters(), withStatus: true) }
        try await time("list-tasks") { _ = try await swarm.listTasks(Filters()) }
        let filters = Filters(["service": ["service-0"]])
        try await time("list-tasks-of-a-service") { _ = try await swarm.listTasks(filters) }
        try await time("list-nodes") { _ = try await swarm.listNodes(Filters()) }
    }

    private func time(_ name: String, _ body: () async throws -> Void) async throws {
        var times: [Double] = []
        for _ in 0..<5 {
            let begun = ContinuousClock.now
            try await body()
            times.append((ContinuousClock.now - begun) / .milliseconds(1))
        }
        tell(name, times.sorted()[2], "ms")
    }

    private func scale(_ name: String, to replicas: Int) async throws {
        var service = try await swarm.swarm.inspectService(name, insertDefaults: false)
        service.spec.mode.replicated = .init(replicas: UInt64(replicas))
        _ = try await swarm.swarm.updateService(
            name, version: service.version.index, service.spec, rollback: false)
    }

    private func singleChanges() async throws {
        var total = options.services * options.replicas
        let idle = try await cost(over: Self.idle)
        let begun = ContinuousClock.now
        let before = try costs()
        for index in 0..<options.changes {
            total += 1
            try await scale("service-0", to: options.replicas + index + 1)
            let wanted = total
            try await until(within: Self.limit) { try await running() == wanted }
        }
        let took = ContinuousClock.now - begun
        let after = try costs()
        let changes = Double(options.changes)
        tell("one-more-task", took / .milliseconds(1) / changes, "ms")
        let share = took / Self.idle
        let manager = after.manager - before.manager - idle.manager * share
        let agents = after.agents - before.agents - idle.agents * share
        tell("one-more-task-cpu-manager", manager / .milliseconds(1) / changes, "ms")
        tell("one-more-task-cpu-agents", agents / .milliseconds(1) / changes, "ms")
    }

    private func cost(over time: Duration) async throws -> (manager: Duration, agents: Duration) {
        let before = try costs()
        try await Task.sleep(for: time)
        let after = try costs()
        return (after.manager - before.manager, after.agents - before.agents)
    }

    private func lostNode() async throws {
        let wanted = try await running()
        try children.stop(1)
        let begun = ContinuousClock.now
        try await until(within: Self.limit) {
            try await swarm.swarm.listNodes(Filters()).contains { $0.status.state == .down }
        }
        tell("lost-node-noticed", (ContinuousClock.now - begun) / .seconds(1), "s")
        let noticed = ContinuousClock.now
        try await until(within: Self.limit) {
            let down = Set(try await swarm.swarm.listNodes(Filters()).filter { $0.status.state == .down }.map(\.id))
            let up = try await swarm.swarm.listTasks(Filters()).count {
                $0.status.state == .running && $0.desiredState == .running && !down.contains($0.nodeID ?? "")
            }
            return up == wanted
        }
        tell("lost-node-replaced", (ContinuousClock.now - noticed) / .seconds(1), "s")
    }

    private func update() async throws {
        var service = try await swarm.swarm.inspectService("service-1", insertDefaults: false)
        service.spec.taskTemplate.forceUpdate = service.spec.taskTemplate.forceUpdate &+ 1
        var config = UpdateConfiguration()
        config.parallelism = 100
        service.spec.updateConfig = config
        let begun = ContinuousClock.now
        _ = try await swarm.swarm.updateService(
            "service-1", version: service.version.index, service.spec, rollback: false)
        try await until(within: Self.limit, every: .milliseconds(100)) {
            try await swarm.swarm.inspectService("service-1", insertDefaults: false).updateStatus?.state == "completed"
        }
        tell("update-of-a-service", (ContinuousClock.now - begun) / .seconds(1), "s")
    }
}
