import Addressing
import Concurrency
import Engine
import EngineInterface
import LinuxSystem
import Model
import PathProbes
import Synchronization

/// Containers that exist in memory only: a node without a kernel.
final class KernellessExecutor: TaskExecutor {
    private struct Container {
        let id: String
        let serviceID: String
        /// What events tell of it.
        let attributes: [String: String]
        /// By the networks' ids.
        let networks: [(id: String, name: String)]
        var isRunning = false
        var exit: TaskExit?
    }

    private struct State {
        /// By task.
        var containers: [String: Container] = [:]
        var scopes: Set<NetworkFact.Scope> = []
        var nodeID = ""
        var isLost = false
    }

    /// The node's events, of which managers are told.
    let events: EventLog
    /// What it has in common with other nodes of this process.
    let table: FleetTable
    private let hostname: String
    private let state = Mutex(State())
    private let ends = KeyedCondition<String>()

    init(hostname: String, table: FleetTable, events: EventLog = EventLog()) {
        self.events = events
        self.hostname = hostname
        self.table = table
    }

    // MARK: The node

    func describeNode() async throws -> NodeDescription {
        var description = NodeDescription()
        description.hostname = hostname
        description.platform = .init(architecture: "x86_64", system: "linux")
        description.resources.nanoCPUs = 64_000_000_000
        description.resources.memoryBytes = 256 << 30
        return description
    }

    /// Ids of tasks whose containers run.
    var runningTasks: [String] { state.withLock { $0.containers.filter(\.value.isRunning).map(\.key) } }

    /// Nodes to which it measures the way; none while it does not know which node it is.
    var pathTargets: ArraySlice<PathTarget> {
        let nodeID = state.withLock { $0.nodeID }
        return nodeID.isEmpty ? [] : table.targets(of: nodeID)
    }

    /// The machine has failed: nothing of it counts any more.
    func lose() {
        let (services, scopes) = state.withLock { state in
            defer {
                state.isLost = true
                state.containers = [:]
                state.scopes = []
            }
            return (state.containers.values.filter(\.isRunning).map(\.serviceID), state.scopes)
        }
        for service in services { table.count(-1, of: service) }
        table.leave(scopes)
    }

    // MARK: Tasks

    func prepareTask(_ task: SwarmTask) async throws -> String {
        let (container, isNew) = state.withLock { state in
            if let known = state.containers[task.id] { return (known, false) }
            let new = Container(
                id: RandomID.docker(), serviceID: task.serviceID, attributes: Self.attributes(of: task),
                networks: (task.networksAttachments ?? []).map { (id: $0.network.id, name: $0.network.spec.name) })
            if !state.isLost { state.containers[task.id] = new }
            return (new, true)
        }
        if isNew { events.publish("container", "create", container.id, container.attributes) }
        return container.id
    }

    /// As a real container's events have them.
    private static func attributes(of task: SwarmTask) -> [String: String] {
        [
            "com.docker.swarm.node.id": task.nodeID ?? "", "com.docker.swarm.service.id": task.serviceID,
            "com.docker.swarm.service.name": task.assignment?.serviceName ?? "", "com.docker.swarm.task": "",
            "com.docker.swarm.task.id": task.id, "com.docker.swarm.task.name": task.containerName,
            "image": task.spec.containerSpec?.image ?? "", "name": task.containerName,
        ]
    }

    func startTask(_ task: SwarmTask) async throws -> TaskStatus.ContainerStatus {
        let started: Container? = state.withLock { state in
            guard var container = state.containers[task.id], !container.isRunning, container.exit == nil else {
                return nil
            }
            container.isRunning = true
            state.containers[task.id] = container
            return container
        }
        if let started {
            table.count(1, of: started.serviceID)
            tell(started, "connect")
            events.publish("container", "start", started.id, started.attributes)
        }
        var status = TaskStatus.ContainerStatus()
        status.containerID = state.withLock { $0.containers[task.id]?.id ?? "" }
        status.processID = 4242
        return status
    }

    func publishedPorts(of task: SwarmTask) async -> [PortConfig] { [] }

    func waitForTask(_ task: SwarmTask) async throws -> TaskExit? {
        try await ends.wait(task.id) {
            state.withLock { $0.containers[task.id].map { $0.exit == nil } ?? false }
        }
        return state.withLock { $0.containers[task.id]?.exit }
    }

    func stopTask(_ task: SwarmTask) async throws {
        end(task.id, "15")
        ends.signal([task.id])
    }

    func removeTask(id: String) async throws {
        end(id, "9")
        let removed = state.withLock { $0.containers.removeValue(forKey: id) }
        if let removed { events.publish("container", "destroy", removed.id, removed.attributes) }
        ends.signal([id])
    }

    /// - Parameter signal: Its number.
    private func end(_ taskID: String, _ signal: String) {
        let ended: Container? = state.withLock { state in
            guard var container = state.containers[taskID] else { return nil }
            let wasRunning = container.isRunning
            container.isRunning = false
            container.exit = container.exit ?? TaskExit(exitCode: 143, message: nil)
            state.containers[taskID] = container
            return wasRunning ? container : nil
        }
        guard let ended else { return }
        table.count(-1, of: ended.serviceID)
        events.publish("container", "kill", ended.id, ended.attributes.merging(["signal": signal]) { $1 })
        events.publish("container", "die", ended.id, ended.attributes.merging(["exitCode": "143"]) { $1 })
        tell(ended, "disconnect")
        events.publish("container", "stop", ended.id, ended.attributes)
    }

    private func tell(_ container: Container, _ action: String) {
        for network in container.networks {
            events.publish(
                "network", action, network.id,
                ["container": container.id, "name": network.name, "type": "overlay"])
        }
    }

    func presentTasks() async throws -> [String: TaskStatus.ContainerStatus] {
        state.withLock {
            $0.containers.mapValues { container in
                var status = TaskStatus.ContainerStatus()
                status.containerID = container.id
                return status
            }
        }
    }

    func taskLogDetails(id: String) async throws -> [String: String] { [:] }

    func taskLog(id: String, _ selection: LogSelection, watermarks: Duration) async throws
        -> AsyncThrowingStream<LogPart, any Error>
    {
        AsyncThrowingStream { nil }
    }

    // MARK: Networks

    func tryIngress(_ subnet: IPNetwork) async throws -> IngressTrouble? { nil }

    func applyNetworkChanges(_ changes: [NetworkChangeSet], nodeID: String) async throws {
        state.withLock { state in
            state.nodeID = nodeID
            if !state.isLost { table.take(changes, by: &state.scopes) }
        }
    }

    func leaveNetworks() async throws {}

    func setOverlayKeys(_ keys: OverlayKeyring) async {}

    /// It never encrypts.
    func waitForEncryption(otherThan told: NodeEncryption?) async throws {
        while true { try await Task.sleep(for: .seconds(3600)) }
    }

    func waitForHolder(of attachmentID: String, otherThan known: AttachmentHolder) async throws -> AttachmentHolder? {
        nil
    }

    func chosenAddresses(of task: SwarmTask) async -> [TaskStatus.ChosenAddresses] { [] }
}
