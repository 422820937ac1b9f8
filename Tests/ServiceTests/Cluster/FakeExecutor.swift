import Addressing
import Concurrency
import EngineInterface
import Faults
import LinuxSystem
import Model
import Synchronization
import TestKit

/// Containers that exist in memory only, and a record of what was asked.
final class FakeExecutor: TaskExecutor, TaskContainerLookup {
    struct Container: Sendable {
        var id: String
        var isRunning = false
        var exit: TaskExit?
    }

    struct State: Sendable {
        var containers: [String: Container] = [:]
        var starts: [String: Int] = [:]
        var stops: [String] = []
        var facts: NetworkFacts?
        var keys: OverlayKeyring?
        /// Held back: `applyNetworkChanges` waits as long as this is set.
        var holdsNetworks = false
        var refusesImage = false
        /// What the images of tasks are pulled with, by task.
        var credentials: [String: String] = [:]
        /// So many more calls to stop a task fail.
        var failingStops = 0
        /// Nobody learns how a container ends.
        var failsWaiting = false
        var hasLeft = false
        /// What tasks have written.
        var logs: [String: [LogEntry]] = [:]
        /// What log options name of their containers.
        var logDetails: [String: [String: String]] = [:]
        /// Grows with each line.
        var written = 0
        /// Attachments that some container holds.
        var attachments: Set<String> = []
        /// What those containers are called that were renamed since, by attachment.
        var renamed: [String: String] = [:]
        /// Addresses that the node has chosen, by task.
        var chosen: [String: [TaskStatus.ChosenAddresses]] = [:]
        /// Why the node cannot have subnets as ingress networks.
        var troubles: [String: IngressTrouble] = [:]
        /// Ids of containers here that belong to no task.
        var standalone: Set<String> = []
        /// Nothing of that can be tried.
        var failsTrials = false
    }

    let hostname: String
    let state = Mutex(State())
    let encryption = ObservableValue<NodeEncryption?>(NodeEncryption())
    /// What the node's own network routes, and the name servers that it asks.
    let routes = Mutex<(subnets: [IPNetwork], resolvers: [IPAddress])>(([], []))

    init(hostname: String) { self.hostname = hostname }

    func describeNode() async throws -> NodeDescription {
        var description = NodeDescription()
        description.hostname = hostname
        description.platform = .init(architecture: "x86_64", system: "linux")
        description.resources.nanoCPUs = 4_000_000_000
        description.resources.memoryBytes = 8 << 30
        description.encryption = encryption.value
        description.routedSubnets = routes.withLock { $0.subnets }
        description.resolvers = routes.withLock { $0.resolvers }
        return description
    }

    func waitForEncryption(otherThan told: NodeEncryption?) async throws {
        try await encryption.wait { $0 == told ? nil : true }
    }

    /// In force at once, once the process runs.
    func setOverlayKeys(_ keys: OverlayKeyring) async {
        state.withLock { $0.keys = keys.isEmpty ? nil : keys }
        encryption.change { $0?.keys = keys.isEmpty ? nil : keys.version }
    }

    func prepareTask(_ task: SwarmTask) async throws -> String {
        try state.withLock { state in
            if state.refusesImage {
                throw APIError(.notFound, "No such image: \(task.spec.containerSpec?.image ?? "")")
            }
            state.credentials[task.id] = task.spec.registryAuth
            let container = state.containers[task.id] ?? Container(id: RandomID.docker())
            state.containers[task.id] = container
            return container.id
        }
    }

    func startTask(_ task: SwarmTask) async throws -> TaskStatus.ContainerStatus {
        state.withLock { state in
            if state.containers[task.id]?.isRunning != true { state.starts[task.id, default: 0] += 1 }
            state.containers[task.id]?.isRunning = true
            var status = TaskStatus.ContainerStatus()
            status.containerID = state.containers[task.id]?.id ?? ""
            status.processID = 4242
            return status
        }
    }

    func publishedPorts(of task: SwarmTask) async -> [PortConfig] {
        (task.assignment?.ports ?? []).filter { $0.publishMode == "host" }
    }

    func chosenAddresses(of task: SwarmTask) async -> [TaskStatus.ChosenAddresses] {
        state.withLock { $0.chosen[task.id] ?? [] }
    }

    func waitForTask(_ task: SwarmTask) async throws -> TaskExit? {
        while true {
            let (container, fails) = state.withLock { ($0.containers[task.id], $0.failsWaiting) }
            if fails { throw APIError(.internalError, "the store cannot be read") }
            guard let container else { return nil }
            if let exit = container.exit { return exit }
            // Polled: this is a stand-in for a process.
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func stopTask(_ task: SwarmTask) async throws {
        try state.withLock { state in
            guard state.containers[task.id] != nil else { throw APIError(.notFound, "No such container") }
            if state.failingStops > 0 {
                state.failingStops -= 1
                throw APIError(.internalError, "the runtime does not answer")
            }
            guard state.containers[task.id]?.isRunning == true else { return }
            state.stops.append(task.id)
            state.containers[task.id]?.isRunning = false
            state.containers[task.id]?.exit = TaskExit(exitCode: 143, message: nil)
        }
    }

    func waitForHolder(of attachmentID: String, otherThan known: AttachmentHolder) async throws -> AttachmentHolder? {
        while true {
            let holder = state.withLock { state -> AttachmentHolder? in
                guard state.attachments.contains(attachmentID) else { return nil }
                return AttachmentHolder(
                    name: state.renamed[attachmentID] ?? known.name,
                    addresses: state.chosen[attachmentID]?.flatMap(\.addresses) ?? [])
            }
            if holder != known { return holder }
            // Polled: this is a stand-in for containers' records.
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func container(ofTask id: String) async -> String? { state.withLock { $0.containers[id]?.id } }

    func isStandalone(_ id: String) async -> Bool { state.withLock { $0.standalone.contains(id) } }

    func removeTask(id: String) async throws { state.withLock { $0.containers[id] = nil } }

    func presentTasks() async throws -> [String: TaskStatus.ContainerStatus] {
        state.withLock {
            $0.containers.mapValues { container in
                var status = TaskStatus.ContainerStatus()
                status.containerID = container.id
                return status
            }
        }
    }

    func tryIngress(_ subnet: IPNetwork) async throws -> IngressTrouble? {
        try state.withLock { state in
            if state.failsTrials { throw SystemError(errno: 28, attempting: "make a namespace") }
            return state.troubles[subnet.description]
        }
    }

    func applyNetworkChanges(_ changes: [NetworkChangeSet], nodeID: String) async throws {
        while self.state.withLock({ $0.holdsNetworks }) { try await Task.sleep(for: .milliseconds(5)) }
        self.state.withLock { state in
            var facts = state.facts ?? NetworkFacts()
            for set in changes { facts.apply(set) }
            state.facts = facts
        }
    }

    func taskLogDetails(id: String) async throws -> [String: String] { state.withLock { $0.logDetails[id] ?? [:] } }

    func taskLog(id: String, _ selection: LogSelection, watermarks: Duration) async throws
        -> AsyncThrowingStream<LogPart, any Error>
    {
        let place = Kept(0)
        let lines: @Sendable () -> LogPart = {
            let now = Timestamp.now
            let all = self.state.withLock { $0.logs[id] ?? [] }
            let new = place.withLock { place in
                defer { place = all.count }
                return all.dropFirst(place)
            }
            let wanted = new.filter { $0.timestamp >= selection.since ?? $0.timestamp }
            return LogPart(Array(wanted), completeUntil: now, isCaughtUp: true)
        }
        return AsyncThrowingStream {
            while true {
                let written = self.state.withLock { $0.written }
                let part = lines()
                if !part.entries.isEmpty || !selection.follows {
                    return selection.follows || !part.entries.isEmpty ? part : nil
                }
                // Polled: this is a stand-in for a file.
                let end = ContinuousClock.now + watermarks
                while self.state.withLock({ $0.written }) == written {
                    try await Task.sleep(for: .milliseconds(10))
                    if ContinuousClock.now > end { return part }
                }
            }
        }
    }

    /// A task writes a line now.
    func write(_ taskID: String, _ text: String) {
        state.withLock { state in
            state.logs[taskID, default: []].append(
                LogEntry(stream: .output, timestamp: .now, bytes: Array((text + "\n").utf8)))
            state.written += 1
        }
    }

    func leaveNetworks() async throws { state.withLock { $0.hasLeft = true } }

    func end(_ taskID: String, exitCode: Int) {
        state.withLock {
            $0.containers[taskID]?.isRunning = false
            $0.containers[taskID]?.exit = TaskExit(exitCode: exitCode, message: nil)
        }
    }

    var running: Set<String> { state.withLock { Set($0.containers.filter(\.value.isRunning).keys) } }
    /// What is known of networks, put together.
    var network: SwarmNetworkState? { state.withLock { $0.facts }?.whole }
}

extension NetworkFacts {
    var whole: SwarmNetworkState {
        var state = SwarmNetworkState()
        state.peers = peers.values.sorted { $0.nodeID < $1.nodeID }
        state.ports = ports.keys.sorted().compactMap { key in
            guard let port = ports[key], let own = port.port else { return nil }
            return .init(
                transport: key.transport, publishedPort: key.publishedPort, targetPort: own.targetPort,
                serviceID: own.serviceID, backends: port.backends.sorted())
        }
        state.networks = networks.keys.sorted().compactMap { id in
            guard let network = networks[id], let own = network.network else { return nil }
            return .init(
                network: own, endpoints: network.endpoints.values.sorted { $0.taskID < $1.taskID },
                services: network.services.values.compactMap { service in
                    service.service.map {
                        .init(
                            serviceID: $0.serviceID, name: $0.name, aliases: $0.aliases,
                            virtualAddresses: $0.virtualAddresses, backends: service.backends.sorted(),
                            tasks: service.backends.sorted())
                    }
                })
        }
        state.subnets = subnets.values.joined().sorted()
        state.dataPathPort = settings?.dataPathPort ?? state.dataPathPort
        state.controlPorts = settings?.controlPorts ?? []
        state.managers = settings?.managers ?? []
        return state
    }
}
