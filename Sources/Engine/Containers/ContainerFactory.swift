import Concurrency
import ContainerRuntime
import EngineInterface
import Faults
import Glibc
import LinuxSystem
import Logging
package import Model

/// Makes containers of requests: their names, records, mounts and directories, but no process. One that does not come about leaves nothing
/// behind; what is missing for it, other than its image, is told as the request's fault.
package final class ContainerFactory: ContainerCreationBackend {
    private let containers: ContainerTable
    private let roots: ContainerRoots
    private let endpoints: EndpointService
    private let images: ImageService
    private let volumes: Volumes
    private let volumeService: VolumeService
    /// What this node has to make containers with, the one for those that ask for none first.
    private let runtimes: [RuntimeName]
    private let cgroupVersion: Int
    private let limits: LimitSupport
    private let shipping: LogShipping
    private let events: EventLog
    private let background: BackgroundTasks
    private let log: Logger

    init(
        containers: ContainerTable, roots: ContainerRoots, endpoints: EndpointService, images: ImageService,
        volumes: Volumes, volumeService: VolumeService, runtimes: [RuntimeName], cgroupVersion: Int,
        limits: LimitSupport,
        shipping: LogShipping, events: EventLog,
        background: BackgroundTasks, log: Logger
    ) {
        self.cgroupVersion = cgroupVersion
        self.containers = containers
        self.endpoints = endpoints
        self.events = events
        self.images = images
        self.limits = limits
        self.log = log
        self.roots = roots
        self.runtimes = runtimes
        self.shipping = shipping
        self.volumeService = volumeService
        self.volumes = volumes
        self.background = background
    }

    package func createContainer(
        name: String?, platform: String?, _ request: ContainerCreateRequest
    ) async throws -> (id: String, warnings: [String]) {
        var request = request
        let warnings = try limits.discard(from: &request.hostConfig) + ContainerPlanner.warnings(of: request.hostConfig)
        let record = try await makeContainer(name: name, platform: platform, request) { _ in }
        return (record.id, warnings)
    }

    /// Creates a container whose record `complete` has the last word on.
    func makeContainer(
        name: String?, platform: String? = nil, _ request: ContainerCreateRequest,
        complete: (inout ContainerRecord) throws -> Void
    ) async throws -> ContainerRecord {
        if let name, !ContainerNames.isValid(ContainerNames.bare(name)) {
            throw ContainerError.invalidName(name)
        }
        if request.configuration.image.isEmpty { throw ContainerError.noImageNamed }
        let image = try await images.defaults(of: request.configuration.image, platform: platform)
        let id = RandomID.docker()
        let name = try reserveName(name)
        // What is made on the way, and must not stay if the container does not come about.
        var mounted: [MountPoint] = []
        var held: [String] = []
        defer { volumes.release(held) }
        do {
            let planner = ContainerPlanner(
                image: image, cpuCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)), cgroupVersion: cgroupVersion,
                runtimes: runtimes, nodeName: Machine.nodeName())
            var record = try planner.plan(request, id: id, name: name, at: .now)
            try await ProcessorSets.check(record.hostConfig)
            try await shipping.check(record)
            try NamespaceOwners(containers).resolve(&record)
            try ContainerLinks(containers).resolve(&record)
            let inherited = try InheritedMounts.read(record.hostConfig, from: containers)
            hold(inherited.compactMap(\.point.name), &held)
            let mounts = try MountPlan(
                record.configuration, record.hostConfig, inherited: Set(inherited.map(\.point.destination)),
                leavesSubmountsWritable: request.leavesSubmountsWritable)
            try await endpoints.resolveNetworks(&record)
            try await prepareMounts(mounts, &mounted, &held)
            record.mounts = mounted
            let own = Set(record.mounts.map(\.destination))
            var details: [String: ContainerRecord.MountDetails] = [:]
            for (point, detail) in inherited where !own.contains(point.destination) {
                record.mounts.append(point)
                details[point.destination] = detail
            }
            for entry in mounts.entries { details[entry.target] = entry.details }
            details = details.filter { $0.value != ContainerRecord.MountDetails() }
            if !details.isEmpty { record.mountDetails = details }
            try complete(&record)
            try await roots.make(record)
            try await containers.insert(record)
            warn(ofHealthTest: record)
            events.publish("container", "create", id, record.eventAttributes)
            return record
        } catch {
            containers.release(name)
            abandon(id, mounted)
            throw Self.blame(error)
        }
    }

    /// Source of rule and words: moby, `daemon/health.go`, `getProbe`.
    private func warn(ofHealthTest record: ContainerRecord) {
        guard let kind = HealthPlan.unknownKind(record.configuration.healthcheck) else { return }
        log.warning(
            "Unknown healthcheck type (expected 'CMD', 'CMD-SHELL' or 'NONE'): the container is not probed",
            metadata: ["container": "\(record.id.prefix(12))", "type": "\(kind)"])
    }

    /// That something is missing which a request names is the request's fault. Only a missing image may be told as not found: clients take
    /// that answer for it, and ask a registry for the image.
    private static func blame(_ error: any Error) -> any Error {
        guard let fault = error as? any Fault, fault.kind == .notFound else { return error }
        return ContainerError.notCreated(Cause(fault))
    }

    /// Takes back what was made for a container that did not come about. Not in the caller's task: that may be cancelled.
    private func abandon(_ id: String, _ mounts: [MountPoint]) {
        background.begin { [self] in
            do {
                try await roots.remove(id)
                try await volumeService.removeAnonymousVolumes(mounts, of: id)
            } catch {
                log.warning(
                    "something is left of a container that was not made",
                    metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
            }
        }
    }

    /// Keeps volumes for a container that is being made.
    private func hold(_ names: [String], _ held: inout [String]) {
        volumes.hold(names)
        held += names
    }

    private func reserveName(_ requested: String?) throws -> String {
        if let requested {
            let name = ContainerNames.bare(requested)
            try containers.reserve(name)
            return name
        }
        for _ in 0..<Self.nameTries {
            let name = ContainerNames.random()
            do {
                try containers.reserve(name)
                return name
            } catch { continue }  // Taken: another one is tried.
        }
        let name = "apus_\(RandomID.hex(bytes: 6))"
        try containers.reserve(name)
        return name
    }

    /// What follows the mode of a volume that nothing is copied into, where it is kept; nobody is shown it.
    static let uncopied = ",nocopy"

    /// How many random names are tried before one with a random number is taken.
    private static let nameTries = 8

    /// Creates what the mounts need on the host and says how they will be shown.
    /// - Parameter held: Gets the names of the volumes, which are held.
    private func prepareMounts(_ plan: MountPlan, _ points: inout [MountPoint], _ held: inout [String]) async throws {
        for entry in plan.entries {
            var point = MountPoint()
            point.destination = entry.target
            point.mode = entry.mode
            point.rw = !entry.isReadOnly
            switch entry.source {
            case .bind(let path, let createIfMissing):
                try await onThread {
                    if Files.exists(path) { return }
                    // Nobody wants a directory where a daemon is to put its socket: it could not.
                    guard createIfMissing, !path.hasSuffix(".sock") else {
                        throw MountError.invalid(type: "bind", reason: .sourceMissing(path))
                    }
                    try Files.makeDirectories(path, mode: 0o755)
                }
                point.type = "bind"
                point.source = path
                point.propagation = entry.propagation.isEmpty ? "rprivate" : entry.propagation
            case .volume(let name):
                var request = VolumeRequest()
                request.name = name ?? RandomID.docker()
                request.driver = entry.driver
                request.driverOpts = entry.driverOptions
                request.labels = entry.labels
                hold([request.name], &held)
                if name == nil {
                    request.labels = (entry.labels ?? [:]).merging(["com.docker.volume.anonymous": ""]) { old, _ in old
                    }
                }
                let volume = try await volumes.create(request)
                point.type = "volume"
                point.name = volume.name
                point.driver = "local"
                point.source = volume.mountpoint
                point.mode = entry.mode.isEmpty ? "z" : entry.mode
                if !entry.copiesImageContent { point.mode += Self.uncopied }
            case .tmpfs(let options):
                point.type = "tmpfs"
                point.mode = options
            }
            points.append(point)
        }
    }
}
