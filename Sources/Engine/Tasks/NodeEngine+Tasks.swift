import Concurrency
import LocalStore
import Addressing
package import EngineInterface
import Faults
import LinuxSystem
import Logging
package import Model
import Netlink

/// Running the swarm's tasks as containers, and the swarm's networks on this node.
extension NodeEngine: TaskExecutor {

    package func prepareTask(_ task: SwarmTask) async throws -> String {
        if let existing = record(of: task.id) { return existing.id }
        guard let nodeID = task.nodeID, let image = task.spec.containerSpec?.image else {
            throw APIError(.invalidInput, "task \(task.id) is not assigned or has no container")
        }
        let plan = TaskContainer(task: task, nodeID: nodeID, machine: try await Machine.read())
        let request = try plan.request()
        try await ensureImage(image)
        let endpoints = try plan.endpoints(gatewayBridgeID: networks.named(LocalNetwork.gatewayBridgeName)?.id)
        let made = try await makeContainer(name: task.containerName, request) { record in
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
    private func ensureImage(_ reference: String) async throws {
        do {
            _ = try await imageDefaults(reference)
        } catch let fault as any Fault where fault.kind == .notFound {
            do {
                try await pullImage(reference, platform: nil, credentials: nil) { _ in }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                log.warning("an image could not be pulled", metadata: ["image": "\(reference)", "error": "\(error)"])
                throw APIError(.notFound, "No such image: \(reference)")
            }
        }
    }

    private func record(of taskID: String) -> ContainerRecord? { containers.all.first { $0.task?.taskID == taskID } }

    package func startTask(_ task: SwarmTask) async throws -> TaskStatus.ContainerStatus {
        guard let record = record(of: task.id) else { throw APIError(.notFound, "task \(task.id) has no container") }
        do {
            try await start(record.id)
        } catch let refusal as APIError where refusal.kind == .notModified {
            // It runs already: the daemon was restarted in between.
        } catch {
            throw APIError(.internalError, "starting container failed: \(error)")
        }
        try await waitUntilHealthy(record.id, task)
        try await waitUntilServing(record.id)
        return status(containers.record(record.id) ?? record)
    }

    private func status(_ record: ContainerRecord) -> TaskStatus.ContainerStatus {
        var status = TaskStatus.ContainerStatus()
        status.containerID = record.id
        status.processID = record.state.pid
        status.exitCode = record.state.exitCode
        return status
    }

    package func publishedPorts(of task: SwarmTask) async -> [PortConfig] {
        (record(of: task.id)?.publishedPorts ?? []).sorted {
            ($0.hostPort, $0.transport.rawValue) < ($1.hostPort, $1.transport.rawValue)
        }
        .map { port in
            var published = PortConfig()
            published.protocol = port.transport.rawValue
            published.targetPort = Int(clamping: port.containerPort)
            published.publishedPort = Int(clamping: port.hostPort)
            published.publishMode = "host"
            return published
        }
    }

    package func waitForTask(_ task: SwarmTask) async throws -> TaskExit? {
        guard let record = record(of: task.id) else { return nil }
        let pending = try await waitForContainer(record.id, .notRunning)
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
        return TaskExit(
            exitCode: result.statusCode, message: taskMessage(containers.record(record.id), result.statusCode))
    }

    package func stopTask(_ task: SwarmTask) async throws {
        guard let id = record(of: task.id)?.id else { return }
        // A start that is under way comes first: after this look it would leave behind what nobody ends.
        await serializer.run(id) {}
        guard let record = containers.record(id), record.isRunning else { return }
        let grace = task.spec.containerSpec?.stopGracePeriod.map(StopGrace.init(nanoseconds:))
        try await stop(record, signal: nil, grace: grace ?? StopGrace(seconds: 10))
    }

    package func removeTask(id: String) async throws {
        guard let record = record(of: id) else { return }
        do {
            try await removeContainer(record.id, force: true, removeVolumes: true)
        } catch let refusal as APIError where refusal.kind == .notFound {}
    }

    package func presentTasks() async throws -> [String: TaskStatus.ContainerStatus] {
        var present: [String: TaskStatus.ContainerStatus] = [:]
        for record in containers.all {
            if let task = record.task, !record.isBeingRemoved { present[task.taskID] = status(record) }
        }
        return present
    }

    package func applyNetworkState(_ state: SwarmNetworkState, nodeID: String) async throws {
        _ = try await networks.ensureGatewayBridge(taken: state.subnets, routed: try await routedSubnets())
        let place = SwarmPlace(nodeID: nodeID, network: state)
        try await store.save(place, kind: .node, id: SwarmPlace.key)
        try await take(place)
        try await network.refresh()
    }

    /// Lets the node's networks be computed from the swarm's word from now on.
    func take(_ place: SwarmPlace) async throws {
        let own = place.network.peers.first { $0.nodeID == place.nodeID }
        network.setSwarm(place.network, nodeID: place.nodeID, underlayMTU: try await underlayMTU(of: own?.address))
    }

    package func waitForHolder(of attachmentID: String, otherThan name: String) async throws -> String? {
        func holder() -> String? {
            containers.all.first { $0.endpoints.contains { $0.attachmentID == attachmentID } }?.name
        }
        try await holders.wait(attachmentID) { holder() == name }
        return holder()
    }

    package func leaveNetworks() async throws {
        try await dropAttachments()
        for record in containers.all where record.task != nil {
            try await removeContainer(record.id, force: true, removeVolumes: true)
        }
        network.setSwarm(nil, nodeID: nil, underlayMTU: NetworkCoordinator.usualMTU)
        try await store.delete(kind: .node, id: SwarmPlace.key)
        // A user may have put a container there: then it stays, as the container does.
        if let bridge = networks.named(LocalNetwork.gatewayBridgeName) { _ = try await removeUnused(bridge.id) }
        try await network.refresh()
    }

    /// The MTU of the link that has the node's underlay address.
    private func underlayMTU(of address: IPAddress?) async throws -> Int {
        guard let address else { return NetworkCoordinator.usualMTU }
        return try await onThread {
            let socket = try RouteSocket()
            guard let row = try socket.addresses().first(where: { $0.network.address == address }) else {
                return NetworkCoordinator.usualMTU
            }
            let link = try socket.links().first { row.link == .index($0.index) || row.link == .name($0.name) }
            return link?.mtu ?? NetworkCoordinator.usualMTU
        }
    }
}

/// What the engine itself remembers of the swarm: enough to have its networks again before any manager answers.
struct SwarmPlace: Codable, Sendable {
    static let key = "swarm"
    var nodeID: String
    var network: SwarmNetworkState
}
