import Concurrency
import DockerMessages
import LocalStore
package import Addressing
package import EngineInterface
import Faults
import LinuxSystem
import Logging
package import Model
import Netlink

/// Running the swarm's tasks as containers.
package final class TaskService: TaskExecutor, TaskContainerLookup {
    let containers: ContainerTable
    let life: ContainerService
    let events: EventLog
    let log: Logger
    private let factory: ContainerFactory
    private let images: ImageService
    private let logs: LogService
    let networks: SwarmNetworks
    private let node: NodeDescriber

    init(
        containers: ContainerTable, life: ContainerService, factory: ContainerFactory, images: ImageService,
        logs: LogService, networks: SwarmNetworks, node: NodeDescriber, events: EventLog, log: Logger
    ) {
        self.containers = containers
        self.events = events
        self.factory = factory
        self.images = images
        self.life = life
        self.log = log
        self.logs = logs
        self.networks = networks
        self.node = node
    }

    package func describeNode() async throws -> NodeDescription { try await node.describe() }

    package func waitForEncryption(otherThan told: NodeEncryption?) async throws {
        try await node.encryption.status.wait { $0 == told ? nil : true }
    }

    package func prepareTask(_ task: SwarmTask) async throws -> String {
        if task.isInEncryptedNetwork, let reason = node.encryption.obstacle {
            throw TaskError.encryptionImpossible(reason)
        }
        if let existing = record(of: task.id) { return existing.id }
        guard let nodeID = task.nodeID, let image = task.spec.containerSpec?.image else {
            throw TaskError.notAssigned(task.id)
        }
        var plan = TaskContainer(task: task, nodeID: nodeID, machine: try await Machine.read())
        if task.assignment?.ports.contains(where: { !$0.isOnMesh && $0.publishedOn != nil }) == true {
            plan.nodeAddresses = try await onThread { try TaskContainer.readNodeAddresses() }
            plan.families = networks.publishedFamilies(isAttached: task.networksAttachments?.isEmpty == false)
        }
        let request = try plan.request()
        try await networks.ensureNodeLocal(for: task)
        try await ensureImage(image, task.spec.registryAuth)
        let endpoints = try plan.endpoints(
            gatewayBridgeID: networks.gatewayBridgeID, openNodeLocal: networks.openNodeLocal)
        let made = try await factory.makeContainer(name: task.containerName, request) { record in
            if let endpoints {
                record.endpoints = endpoints
                record.hostConfig.networkMode = endpoints.first?.networkName ?? "default"
            }
            record.task = ContainerRecord.TaskReference(
                taskID: task.id, serviceID: task.serviceID, serviceName: task.assignment?.serviceName ?? "",
                ports: task.assignment?.ports ?? [])
        }
        return made.id
    }

    /// Pulls the image unless it is here. An image that no registry has is an error only if it is not here either.
    /// - Parameter header: The credentials that the service's client has handed over.
    private func ensureImage(_ reference: String, _ header: String?) async throws {
        do {
            _ = try await images.defaults(of: reference)
        } catch let fault as any Fault where fault.kind == .notFound {
            do {
                let credentials = header.flatMap { RegistryCredentials(header: $0) }
                try await images.pullImage(reference, platform: nil, credentials: credentials) { _ in }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                log.warning("an image could not be pulled", metadata: ["image": "\(reference)", "error": "\(error)"])
                throw ImageError.notFound(reference)
            }
        }
    }

    private func record(of taskID: String) -> ContainerRecord? { containers.record(ofTask: taskID) }

    package func container(ofTask id: String) async -> String? { record(of: id)?.id }

    package func isStandalone(_ id: String) async -> Bool { containers.record(id).map { $0.task == nil } ?? false }

    package func startTask(_ task: SwarmTask) async throws -> TaskStatus.ContainerStatus {
        guard let record = record(of: task.id) else { throw TaskError.containerMissing(task.id) }
        do {
            try await networks.ensureNodeLocal(for: task)
            try await life.start(record.id)
        } catch let refusal as any Fault where refusal.kind == .notModified {
            // It runs already: the daemon was restarted in between.
        } catch {
            throw TaskError.notStarted(Cause(error))
        }
        if task.isInEncryptedNetwork { try await node.encryption.waitUntilInForce() }
        try await waitUntilHealthy(record.id, task)
        try await waitUntilServing(record.id)
        return status(containers.record(record.id) ?? record)
    }

    private func status(_ record: ContainerRecord) -> TaskStatus.ContainerStatus {
        var status = TaskStatus.ContainerStatus()
        status.containerID = record.id
        status.processID = record.processID
        status.exitCode = record.phase.exitCode
        return status
    }

    package func publishedPorts(of task: SwarmTask) async -> [PortConfig] {
        // One at several addresses, or of both families, is one.
        let ports = (record(of: task.id)?.publishedPorts ?? []).filter { $0.isRouted != true }.map {
            PublishedPort(
                transport: $0.transport, hostPort: $0.hostPort, containerPort: $0.containerPort,
                count: $0.hostPorts.count)
        }
        return Set(ports).sorted {
            ($0.hostPort, $0.transport.rawValue, $0.containerPort)
                < ($1.hostPort, $1.transport.rawValue, $1.containerPort)
        }
        .map { port in
            var published = PortConfig()
            published.protocol = port.transport.rawValue
            published.targetPort = Int(clamping: port.containerPort)
            published.publishedPort = Int(clamping: port.hostPort)
            published.publishMode = "host"
            published.inRow = port.hostPorts.count > 1 ? port.hostPorts.count : nil
            return published
        }
    }

    package func chosenAddresses(of task: SwarmTask) async -> [TaskStatus.ChosenAddresses] {
        record(of: task.id).map(networks.chosenAddresses) ?? []
    }

    package func waitForTask(_ task: SwarmTask) async throws -> TaskExit? {
        guard let record = record(of: task.id) else { return nil }
        let pending = try await life.waitForContainer(record.id, .notRunning)
        let result = try await withThrowingTaskGroup(of: ExitResult?.self) { group in
            group.addTask { try await pending.result() }
            group.addTask {
                try await self.stopWhenUnhealthy(record.id, task)
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
        let failure = failure(of: containers.record(record.id), result.statusCode)
        return TaskExit(exitCode: result.statusCode, message: failure.map { DockerMessage.text(of: $0) })
    }

    package func stopTask(_ task: SwarmTask) async throws {
        guard let id = record(of: task.id)?.id else { return }
        // A start that is under way comes first: after this look it would leave behind what nobody ends.
        await containers.lock.run(id) {}
        guard let record = containers.record(id), record.isRunning else { return }
        let grace = task.spec.containerSpec?.stopGracePeriod.map(StopGrace.init(nanoseconds:))
        try await life.stop(record, signal: nil, grace: grace ?? StopGrace(seconds: 10))
    }

    package func removeTask(id: String) async throws {
        guard let record = record(of: id) else { return }
        try await remove(record)
    }

    /// Somebody else may have removed it meanwhile, or a removal of before have come to its end.
    private func remove(_ record: ContainerRecord) async throws {
        do {
            try await life.removeContainer(record.id, force: true, removeVolumes: true)
        } catch let refusal as any Fault where refusal.kind == .notFound {}
    }

    package func presentTasks() async throws -> [String: TaskStatus.ContainerStatus] {
        var present: [String: TaskStatus.ContainerStatus] = [:]
        for record in containers.all {
            if let task = record.task, !record.phase.isBeingRemoved { present[task.taskID] = status(record) }
        }
        return present
    }

    package func taskLog(id: String, _ selection: LogSelection, watermarks: Duration) async throws
        -> AsyncThrowingStream<LogPart, any Error>
    {
        try await logs.taskLog(id: id, selection, watermarks: watermarks)
    }

    package func taskLogDetails(id: String) async throws -> [String: String] { try logs.taskDetails(id: id) }

    package func applyNetworkChanges(_ changes: [NetworkChangeSet], nodeID: String) async throws {
        try await networks.apply(changes, nodeID: nodeID)
    }

    package func tryIngress(_ subnet: IPNetwork) async throws -> IngressTrouble? {
        try await networks.tryIngress(subnet)
    }

    package func setOverlayKeys(_ keys: OverlayKeyring) async { node.encryption.take(keys) }

    package func waitForHolder(
        of attachmentID: String, otherThan known: AttachmentHolder
    ) async throws -> AttachmentHolder? {
        try await networks.waitForHolder(of: attachmentID, otherThan: known)
    }

    package func leaveNetworks() async throws {
        try await networks.dropAttachments()
        for record in containers.all where record.task != nil { try await remove(record) }
        try await networks.leave()
    }
}
