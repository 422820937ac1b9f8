import Addressing
import ContainerRuntime
import Synchronization
import CLinux
package import EngineInterface
import Faults
import Glibc
import LinuxSystem
package import Model

/// What the node says of itself.
package final class SystemService: SystemBackend {
    let containers: ContainerTable
    let listing: ContainerListing
    let images: ImageService
    let volumes: VolumeService
    private let limits: LimitSupport
    /// Of the control groups.
    private let cgroupVersion: Int
    private let configuration: EngineConfiguration
    private let paths: EnginePaths
    /// Of the programs that make containers; the one that is taken when nobody says is the first.
    private let runtimeVersions: [(name: RuntimeName, version: String)]
    private let eventLog: EventLog
    private let shipping: LogShipping
    private let mesh: MeshWatch
    private let firewall: FirewallWatch
    let quota: LogQuota
    private let swarmInfo = Mutex<(@Sendable () async -> SwarmInfo)?>(nil)

    init(
        configuration: EngineConfiguration, paths: EnginePaths, containers: ContainerTable, listing: ContainerListing,
        images: ImageService, volumes: VolumeService, runtimeVersions: [(name: RuntimeName, version: String)],
        limits: LimitSupport, cgroupVersion: Int, shipping: LogShipping, mesh: MeshWatch, firewall: FirewallWatch,
        quota: LogQuota, events: EventLog
    ) {
        self.cgroupVersion = cgroupVersion
        self.configuration = configuration
        self.containers = containers
        self.eventLog = events
        self.firewall = firewall
        self.images = images
        self.limits = limits
        self.listing = listing
        self.mesh = mesh
        self.paths = paths
        self.runtimeVersions = runtimeVersions
        self.quota = quota
        self.shipping = shipping
        self.volumes = volumes
    }

    /// Lets it tell of the swarm beside the node.
    func use(info: @escaping @Sendable () async -> SwarmInfo) { swarmInfo.withLock { $0 = info } }

    package func systemInfo() async throws -> SystemInfo {
        var info = SystemInfo()
        let records = containers.all
        info.id = try await identity()
        info.containers = records.count
        info.containersRunning = records.count { $0.phase.status == "running" || $0.phase.status == "restarting" }
        info.containersPaused = records.count { $0.phase.status == "paused" }
        info.containersStopped = records.count - info.containersRunning - info.containersPaused
        info.images = await images.count()
        let machine = try await Machine.read()
        info.driverStatus = [["Backing Filesystem", machine.fileSystem], ["Supports d_type", "true"]]
        info.plugins.log = LogShipping.driverNames
        info.take(limits.known, version: cgroupVersion)
        info.warn(await shipping.warnings() + mesh.warnings + firewall.warnings())
        info.nFd = machine.openDescriptors
        info.systemTime = .now
        info.nEventsListener = eventLog.followerCount
        info.kernelVersion = machine.kernel
        info.operatingSystem = machine.distribution
        info.systemVersion = machine.distributionVersion
        info.architecture = machine.architecture
        info.nCPU = machine.processors
        info.memTotal = machine.memory
        info.dockerRootDir = configuration.rootDirectory
        info.name = machine.hostname
        info.serverVersion = configuration.version
        for runtime in runtimeVersions.map(\.name.rawValue) {
            info.runtimes[runtime] = SystemInfo.Runtime(path: runtime)
        }
        info.defaultRuntime = (runtimeVersions.first?.name ?? .runc).rawValue
        info.initBinary = InitProgram.installed.map { String($0.split(separator: "/").last ?? "") } ?? ""
        // Where the kernel has none, containers that ask for no other profile cannot be started.
        info.securityOptions = machine.hasSeccomp ? ["name=seccomp,profile=default"] : []
        info.registryConfig.mirrors = configuration.registryMirrors
        info.registryConfig.indexConfigs["docker.io"] = SystemInfo.Index(
            name: "docker.io", mirrors: configuration.registryMirrors, secure: true, official: true)
        for registry in configuration.insecureRegistries {
            info.registryConfig.indexConfigs[registry] = SystemInfo.Index(
                name: registry, mirrors: [], secure: false, official: false)
        }
        let pools = configuration.addressing.pools
        if !pools.isEmpty {
            info.defaultAddressPools = pools.map { pool in
                SystemInfo.DefaultAddressPool(base: pool.base.description, size: pool.prefixLength)
            }
        }
        if let describe = swarmInfo.withLock({ $0 }) { info.swarm = await describe() }
        return info
    }

    /// The daemon's own id: made once, kept for good.
    func identity() async throws -> String {
        let path = "\(paths.root)/engine-id"
        return try await onThread {
            if let text = try Files.text(path), !text.isEmpty { return text }
            let id = RandomID.docker()
            try Files.writeAtomically(id, to: path, mode: 0o644)
            return id
        }
    }

    package func events(_ query: EventQuery) async throws -> AsyncStream<ToldEvent> {
        await eventLog.tell(query, try EventFilter(query.filters))
    }

    package func componentVersions() async -> [(name: String, version: String)] {
        runtimeVersions.map { ($0.name.rawValue, $0.version) }
    }
}
