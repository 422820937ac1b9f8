import Concurrency
import ContainerRuntime
import DataPlane
import EngineInterface
import Faults
import LinuxSystem
import LogDrivers
import Model

/// What the node itself has around containers' processes.
final class NodeSurroundings: ContainerSurroundings {
    private let containers: ContainerTable
    private let endpoints: EndpointService
    private let roots: ContainerRoots
    private let files: ContainerFileKeeper
    private let logs: LogKeeper
    private let shipping: LogShipping
    private let volumes: VolumeService
    private let paths: EnginePaths
    /// Who makes the containers of those who do not say.
    private let defaultRuntime: RuntimeName

    init(
        containers: ContainerTable, endpoints: EndpointService, roots: ContainerRoots, files: ContainerFileKeeper,
        logs: LogKeeper, shipping: LogShipping, volumes: VolumeService, paths: EnginePaths, defaultRuntime: RuntimeName
    ) {
        self.containers = containers
        self.defaultRuntime = defaultRuntime
        self.endpoints = endpoints
        self.files = files
        self.logs = logs
        self.paths = paths
        self.roots = roots
        self.shipping = shipping
        self.volumes = volumes
    }

    private var network: NetworkCoordinator { endpoints.network }

    // MARK: Starts

    func prepare(_ id: String) async throws -> ContainerRecord {
        try await network.waitUntilAdopted()
        try await NamespaceOwners(containers).resolveLate(id)
        let record = try await endpoints.allocateNetworks(id)
        try await files.prepare(record)
        try await roots.mount(record)
        return record
    }

    func withRequest(
        _ record: ContainerRecord, _ make: (CreateRequest) async throws -> CreatedContainer
    ) async throws -> CreatedContainer {
        let root = try await roots.directory(of: record)
        let user = try await roots.user(
            record.configuration.user, additional: record.hostConfig.groupAdd ?? [], in: record)
        let owners = NamespaceOwners(containers)
        let holder = try owners.network(of: record)
        let sandbox = holder.isOnHostNetwork ? nil : network.dataPlane.sandboxNamespace(holder.id).path
        var mapping = SpecificationMapping(
            record: record, root: root, files: paths.files(of: holder.id), sandbox: sandbox, user: user,
            processNamespace: try owners.processNamespace(of: record),
            initProgram: record.hostConfig.`init` == true ? try InitProgram.path() : nil)
        let logBytes = try await logs.settle(record)
        if logBytes != nil { try logs.watch(record) }
        // The runtime needs the namespace's file only; what is in it must be ready when the process starts.
        try await network.prepare(record)
        mapping.linkVariables = try ContainerLinks(containers).linked(to: record).flatMap(\.environment)
        let program = try ContainerPlanner.runtime(record.hostConfig.runtime, default: defaultRuntime)
        let parts = record.mounts.compactMap { mount in
            record.details(of: mount).subpath.map { (mount.destination, mount.source, $0) }
        }
        return try await SubpathMounts(directory: paths.subpaths).with(parts, of: record.id) { sources in
            mapping.sources = sources
            return try await make(
                CreateRequest(
                    specification: try mapping.specification(),
                    logPath: record.hasLog ? paths.log(of: record.id) : nil, logBytes: logBytes, runtime: program))
        }
    }

    func join(_ record: ContainerRecord) async throws { try await network.join(record.id) }

    func isMade(_ record: ContainerRecord) async throws {
        try await logs.begin(record)
        if record.hasLog { shipping.begin(record, isRunning: true) }
    }

    func isJoined(_ record: ContainerRecord) async throws {
        if record.networkOwner == nil { try await network.applyParameters(record.endpoints, of: record.id) }
    }

    func hasStarted(_ record: ContainerRecord) async {
        await files.renewLinks(to: record)
        endpoints.publishJoined(record)
    }

    // MARK: Ends

    func release(_ id: String) async throws -> [EndpointRecord] {
        // Nobody writes any more.
        shipping.shipper.end(id)
        return try await endpoints.releaseNetworks(id)
    }

    func hasLeft(_ record: ContainerRecord, _ places: [EndpointRecord]) { endpoints.publishLeft(record, places) }

    func unmount(_ id: String) async throws { try await roots.unmount(id) }

    func undo(_ id: String) async -> FaultList {
        shipping.shipper.end(id)
        var faults = FaultList()
        do { _ = try await endpoints.releaseNetworks(id) } catch { faults.add(error) }
        // It may have been made and never joined.
        do { try await network.dataPlane.discardSandbox(id) } catch { faults.add(error) }
        do { try await roots.unmount(id) } catch { faults.add(error) }
        return faults
    }

    func remove(_ record: ContainerRecord, volumes removesVolumes: Bool) async throws {
        let id = record.id
        // An end has given them up already: going over the networks again would cost a start or an end of others its time.
        let holdsSome = record.endpoints.contains { $0.isJoined || $0.attachmentID != nil }
        if holdsSome || !record.publishedPorts.isEmpty { _ = try await endpoints.releaseNetworks(id) }
        network.forget(id)
        try await roots.remove(id)
        if removesVolumes { try await volumes.removeAnonymousVolumes(record.mounts, of: id) }
        let files = paths.files(of: id)
        try await logs.keepAway(from: id) {
            // What has not been sent yet leaves the container's files.
            await shipping.release(record)
            try await onThread { try Files.removeTree(files) }
        }
    }

    // MARK: The rest of a life

    func hasBeenRenamed(_ record: ContainerRecord) async throws {
        endpoints.holders.signal(record.endpoints.compactMap(\.attachmentID))
        try await network.refresh()
    }

    func hasBeenUnlinked(_ parent: ContainerRecord, from child: ContainerRecord, as alias: String) async throws {
        try await files.removeLink(alias, to: child, from: parent)
    }

    func writtenBytes(_ record: ContainerRecord) async throws -> Int64 { try await roots.writtenBytes(record) }
    func watchLog(of record: ContainerRecord) throws { try logs.watch(record) }
    func takeUpLog(of record: ContainerRecord) throws { try logs.takeUp(record) }
}

/// The program that is process 1 of containers with `--init`: statically linked, as it is bound into them.
enum InitProgram {
    /// `nil` when none is installed.
    static var installed: String? {
        ["docker-init", "tini-static", "catatonit"].lazy.compactMap(Processes.find).first
    }

    /// - Throws: `.unavailable` in Docker's words, with the package that has one.
    static func path() throws -> String {
        if let path = installed { return path }
        throw ContainerError.initMissing
    }
}
