import EngineInterface
import Faults
import Model
import NIOCore

extension FakeEngine: SystemBackend {
    func systemInfo() -> SystemInfo {
        var info = SystemInfo()
        info.serverVersion = "0.1"
        info.architecture = "x86_64"
        info.kernelVersion = "6.18"
        info.name = "fake-host"
        info.containers = containers.count
        return info
    }

    func events(_ query: EventQuery) async -> AsyncStream<ToldEvent> {
        await waitForLeave()
        guard query.until != nil else { return listen(query) }
        let (stream, continuation) = AsyncStream.makeStream(of: ToldEvent.self)
        for (index, event) in recorded.enumerated() { continuation.yield(told(event, query, Int64(index) + 1)) }
        continuation.finish()
        return stream
    }

    func componentVersions() -> [(name: String, version: String)] { [("runc", "1.1.5")] }

    func diskUsage(_ kinds: Set<DiskUsageKind>) -> DiskUsage {
        var usage = DiskUsage()
        if kinds.contains(.image) { usage.layersSize = 7 }
        if kinds.contains(.volume) { usage.volumes = [] }
        return usage
    }
}

extension FakeEngine: ImageBackend, ImageTransferBackend, RegistryBackend {
    func pullImage(
        _ reference: String, platform: String?, credentials: RegistryCredentials?, progress: @escaping ProgressSink
    ) async throws {
        if reference.contains("nosuch") { throw APIError(.notFound, "pull access denied for nosuch") }
        if let platform, platform != "linux/amd64" {
            throw APIError(.notFound, "no matching manifest for \(platform) in the manifest list entries")
        }
        try await progress(ProgressLine(status: "Pulling from \(reference)", id: "1"))
        if reference.contains("broken") { throw APIError(.internalError, "digest mismatch") }
        try await progress(ProgressLine(status: "Status: Downloaded newer image for \(reference)"))
    }

    func loadImages(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, progress: @escaping ProgressSink
    ) async throws {
        for try await bytes in archive { loadedBytes += bytes.readableBytes }
        if loadedBytes == 3 { throw APIError(.invalidInput, "archive/tar: invalid tar header") }
        var line = ProgressLine()
        line.stream = "Loaded image: x:1\n"
        try await progress(line)
    }

    /// The only one that it has images for.
    private func check(_ platform: String?, _ reference: String) throws {
        guard let platform, platform != "linux/amd64" else { return }
        throw ImageError.platformMissing(reference: reference, platform: platform)
    }

    func saveImages(_ references: [String], platform: String?, to sink: @escaping ArchiveSink) async throws {
        try check(platform, references.first ?? "")
        if references.contains("nosuch") { throw ImageError.notFound("nosuch:latest") }
        for reference in references { try await sink(ByteBuffer(string: "<\(reference)>")) }
        if references.contains("broken") { throw APIError(.internalError, "blob is damaged") }
    }

    func pushImage(
        _ reference: String, tag: String?, platform: String?, credentials: RegistryCredentials?,
        progress: @escaping ProgressSink
    ) async throws {
        try check(platform, reference)
        try await progress(ProgressLine(status: "The push refers to repository [\(reference)]"))
        var line = ProgressLine()
        line.progressDetail = ProgressLine.Detail()
        line.aux = ProgressLine.Pushed(tag: tag ?? "all", digest: credentials?.username ?? "nobody", size: 5)
        try await progress(line)
    }

    func importImage(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, name: String?, comment: String
    ) async throws -> String {
        for try await bytes in archive { loadedBytes += bytes.readableBytes }
        return "sha256:\(name ?? "none")"
    }

    func pruneImages(_ filters: Filters) -> (removed: [ImageRemoval], reclaimedBytes: Int64) { ([], 0) }

    func checkCredentials(_ credentials: RegistryCredentials) -> LoginResult {
        credentials.password == "right" ? .accepted : .refused("unauthorized: incorrect username or password")
    }

    func listImages(_ filters: Filters, all: Bool, sharedSize: Bool) -> [ImageSummary] {
        var image = ImageSummary()
        image.identifier = "sha256:" + String(repeating: "ab", count: 32)
        image.repoTags = ["busybox:latest"]
        image.created = 1_795_414_869
        image.size = 4_260_000
        return [image]
    }

    func inspectImage(_ reference: String, platform: String?) throws -> ImageInspection {
        try check(platform, reference)
        guard !reference.contains("nosuch") else { throw ImageError.notFound(reference) }
        var image = ImageInspection()
        image.identifier = "sha256:" + String(repeating: "ab", count: 32)
        image.repoTags = [reference]
        return image
    }

    func tagImage(_ reference: String, repository: String, tag: String) throws {}

    func removeImage(_ reference: String, platform: String?, force: Bool, prune: Bool) throws -> [ImageRemoval] {
        try check(platform, reference)
        return [ImageRemoval(untagged: reference)]
    }

    func imageHistory(_ reference: String, platform: String?) throws -> [ImageHistory] {
        try check(platform, reference)
        return []
    }

    func distribution(_ reference: String, credentials: RegistryCredentials?) -> DistributionInspection {
        var answer = DistributionInspection()
        answer.descriptor.digest = "sha256:9b"
        answer.descriptor.mediaType = credentials?.username ?? ""
        answer.platforms = [.init(architecture: "amd64", os: "linux")]
        return answer
    }
}

extension FakeEngine: NetworkBackend, NetworkConnectionBackend {
    private var bridge: NetworkResource {
        var network = NetworkResource()
        network.name = "bridge"
        network.identifier = String(repeating: "cd", count: 32)
        network.driver = "bridge"
        network.scope = "local"
        network.containers = ["ef": NetworkContainer()]
        return network
    }

    func listNetworks(_ filters: Filters) -> [NetworkResource] { [bridge] }

    func inspectNetwork(_ reference: String, scope: String?, verbose: Bool) throws -> NetworkResource {
        guard reference == "bridge" else { throw EndpointError.networkNotFound(reference) }
        return bridge
    }

    func createNetwork(_ request: NetworkRequest) -> (id: String, warning: String) {
        createdNetworks.append(request)
        return (newID(), "")
    }

    func removeNetwork(_ reference: String) throws {
        throw APIError(.forbidden, "\(reference) is a pre-defined network and cannot be removed")
    }

    func connectNetwork(_ reference: String, container: String, settings: EndpointSettings?) throws {
        _ = try find(container)
    }

    func disconnectNetwork(_ reference: String, container: String, force: Bool) throws { _ = try find(container) }
    func pruneNetworks(_ filters: Filters) -> [String] { ["net1"] }
}

extension FakeEngine: VolumeBackend {
    func listVolumes(_ filters: Filters) -> [VolumeResource] { [] }

    func createVolume(_ request: VolumeRequest) -> VolumeResource {
        var volume = VolumeResource()
        volume.name = request.name
        return volume
    }

    func inspectVolume(_ name: String) throws -> VolumeResource {
        throw VolumeError.notFound(name)
    }

    func removeVolume(_ name: String, force: Bool) throws {}
    func pruneVolumes(_ filters: Filters) -> (removed: [String], reclaimedBytes: Int64) { ([], 0) }
}

extension FakeEngine: SwarmBackend, NodeBackend, ServiceBackend, TaskBackend {
    static let refusal = SwarmError.notMember

    private func requireManager() throws { if !swarmState.controlAvailable { throw Self.refusal } }

    private var node: Node {
        var node = Node(id: "b2wobzwhvxkyusbn5r2xuekgk")
        var description = NodeDescription()
        description.hostname = "node-1"
        description.engine.engineVersion = "0.1"
        node.description = description
        node.status.state = .ready
        node.spec.role = .manager
        node.managerStatus = ManagerStatus()
        node.managerStatus?.leader = true
        node.managerStatus?.reachability = "reachable"
        var membership = Node.Membership()
        membership.certificate = "SECRET"
        node.membership = membership
        return node
    }

    private var service: Service {
        var service = Service(id: "zrjvk8zc3tkcnhnsc9ngf2bsf")
        service.spec.name = "web"
        service.spec.mode.replicated = ServiceMode.Replicated(replicas: 3)
        service.spec.taskTemplate.containerSpec = ContainerSpec()
        service.spec.taskTemplate.containerSpec?.image = "nginx:latest"
        service.spec.taskTemplate.runtime = "container"
        service.serviceStatus = ServiceStatus()
        service.serviceStatus?.runningTasks = 2
        service.serviceStatus?.desiredTasks = 3
        service.pendingDelete = false
        service.spec.taskTemplate.registryAuth = "CREDENTIALS"
        return service
    }

    private var task: SwarmTask {
        var task = SwarmTask(id: "0ej1sbyiyq31jjppbh3cdlz4a")
        task.serviceID = service.id
        task.slot = 1
        task.nodeID = node.id
        task.spec = service.spec.taskTemplate
        task.status = TaskStatus(.running, "started", at: .now)
        task.desiredState = .running
        task.assignment = SwarmTask.Assignment()
        return task
    }

    func swarmInfo() -> SwarmInfo { swarmState }
    func initialiseSwarm(_ request: SwarmInitRequest) throws -> String { node.id }
    func joinSwarm(_ request: SwarmJoinRequest) throws {}
    func leaveSwarm(force: Bool) throws { throw SwarmError.nothingToLeave }

    func inspectSwarm() throws -> ClusterObject {
        try requireManager()
        return ClusterObject(id: "a")
    }

    func updateSwarm(
        version: UInt64, _ spec: ClusterSpec, rotateWorkerToken: Bool, rotateManagerToken: Bool, rotateUnlockKey: Bool
    ) throws {
        try requireManager()
    }

    func listNodes(_ filters: Filters) throws -> [Node] {
        try requireManager()
        return [node]
    }

    func inspectNode(_ reference: String) throws -> Node {
        try requireManager()
        guard reference == node.id || reference == "node-1" else {
            throw APIError(.notFound, "node \(reference) not found")
        }
        return node
    }

    func updateNode(_ reference: String, version: UInt64, _ spec: NodeSpec) throws { try requireManager() }
    func removeNode(_ reference: String, force: Bool) throws { try requireManager() }

    func listServices(_ filters: Filters, withStatus: Bool) throws -> [Service] {
        try requireManager()
        return [service]
    }

    func inspectService(_ reference: String, insertDefaults: Bool) throws -> Service {
        try requireManager()
        guard reference == service.id || reference == "web" else {
            throw APIError(.notFound, "service \(reference) not found")
        }
        return service
    }

    func createService(_ spec: ServiceSpec) throws -> (id: String, warnings: [String]) {
        try requireManager()
        askedServices.append((spec, nil))
        return (service.id, [])
    }

    func updateService(
        _ reference: String, version: UInt64, _ spec: ServiceSpec, rollback: Bool,
        credentialsFrom origin: CredentialsOrigin
    ) throws -> [String] {
        try requireManager()
        askedServices.append((spec, origin))
        rollbacks.append(rollback)
        return []
    }

    func removeService(_ reference: String) throws { try requireManager() }

    func listTasks(_ filters: Filters) throws -> [SwarmTask] {
        try requireManager()
        return [task]
    }

    func inspectTask(_ reference: String) throws -> SwarmTask {
        throw APIError(.notFound, "task \(reference) not found")
    }

    func serviceLogs(_ reference: String, _ query: LogQuery) throws -> LogStream {
        throw APIError(.notFound, "service \(reference) not found")
    }

    func taskLogs(_ reference: String, _ query: LogQuery) throws -> LogStream {
        throw APIError(.notFound, "task \(reference) not found")
    }
}
