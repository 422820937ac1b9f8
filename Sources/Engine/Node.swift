import Addressing
import Concurrency
import ContainerRuntime
import DataPlane
package import EngineInterface
import Images
import LinuxSystem
import LocalStore
import LogDrivers
import Logging
package import Model
import NameService
import PathProbes
import ServiceLifecycle
package import Telemetry

/// One node's engine, composed of the services for its containers, images, networks and volumes, and run.
///
/// The services are what edges and the swarm's part of the node speak to; nothing goes through here but their composition.
package final class NodeEngine: ServiceLifecycle.Service {
    package let events: EventLog
    package let containers: ContainerService
    package let factory: ContainerFactory
    package let listing: ContainerListing
    package let endpoints: EndpointService
    package let execs: ExecService
    package let files: FileService
    package let logs: LogService
    package let streams: AttachService
    package let stats: StatsService
    package let telemetry: NodeTelemetry
    /// What managers are told of it.
    package var telemetryFeed: TelemetryFeed {
        TelemetryFeed(
            telemetry: telemetry, shipper: shipping.shipper, paths: { [ways] in ways.measurements(seconds: $0) },
            isPushDown: { [push] in push?.watch.state.isDown ?? false })
    }
    /// What managers are told of containers that belong to no task.
    package var standalone: any StandaloneSource { table }
    package let metrics: MetricsService
    package let images: ImageService
    package let networks: NodeNetworkService
    package let volumes: VolumeService
    package let tasks: TaskService
    package let system: SystemService
    let table: ContainerTable
    let waiters: ExitWaiters
    let background: BackgroundTasks
    let paths: EnginePaths
    let store: NodeStore
    let roots: ContainerRoots
    let push: MetricsPush?
    let quota: LogQuota
    let packer: LogPacker
    let shipping: LogShipping
    let localVolumes: Volumes
    let swarmNetworks: SwarmNetworks
    let network: NetworkCoordinator
    let runtime: any Runtime
    private let mesh: MeshWatch
    private let firewall: FirewallWatch
    private let repairs: RepairReporter
    private let ways: PathService
    private let routes: RouteWatch
    private let log: Logger

    /// What answers about this node's containers.
    package var answering: TaskContainers {
        TaskContainers(
            lookup: tasks, containers: containers, listing: listing, streams: streams, logs: logs, execs: execs,
            stats: stats)
    }

    /// What a node is made of below its services.
    struct Parts {
        var configuration: EngineConfiguration
        var log: Logger
        var store: NodeStore
        var images: ImageStore
        var runtime: any Runtime
        var fileWatcher: FileWatcher
        /// Of the programs that make containers; the one that is taken when nobody says is the first.
        var runtimeVersions: [(name: RuntimeName, version: String)]
        var ports: PortReservations
        var dataPlane: NodeDataPlane
        var nameServer: NameServer
        var clock: any EngineClock = SystemClock()
        var events = EventLog()
        /// Whose network is the node's; `nil` is this process' own.
        var namespace: NetworkNamespace?
    }

    init(_ parts: Parts) {
        let base = Base(parts)
        let logFiles = LogFiles(parts, base)
        let objects = Objects(parts, base)
        let lives = Lives(parts, base, logFiles, objects)
        let views = Views(parts, base, logFiles)
        let swarm = SwarmServices(parts, base, objects, lives, views)
        let reports = Reports(parts, base, logFiles, objects, lives, views, swarm)
        background = base.background
        containers = lives.containers
        endpoints = objects.endpoints
        events = parts.events
        execs = lives.execs
        factory = lives.factory
        files = views.files
        firewall = reports.firewall
        images = objects.images
        listing = lives.listing
        localVolumes = base.localVolumes
        log = parts.log
        logs = views.logs
        mesh = swarm.mesh
        metrics = reports.metrics
        network = base.network
        networks = objects.networks
        packer = logFiles.packer
        paths = base.paths
        push = reports.push
        quota = logFiles.quota
        repairs = reports.repairs
        roots = base.roots
        routes = swarm.routes
        runtime = parts.runtime
        shipping = logFiles.shipping
        stats = views.stats
        store = parts.store
        streams = views.streams
        swarmNetworks = swarm.networks
        system = reports.system
        table = base.table
        tasks = swarm.tasks
        telemetry = views.telemetry
        volumes = objects.volumes
        waiters = base.waiters
        ways = swarm.ways
    }

    /// Lets the engine answer for the swarm's networks beside its own.
    package func use(swarm catalog: any SwarmNetworkCatalog, info: @escaping @Sendable () async -> SwarmInfo) {
        networks.use(catalog)
        system.use(info: info)
    }

    /// Reads what is on record, takes over what runs and brings everything else to what it is to be.
    /// The engine answers requests correctly only afterwards. The networks of what runs are taken over beside its first requests: whatever
    /// would change a network waits for that.
    func adopt() async throws {
        try await table.load()
        try await localVolumes.load()
        try await networks.networks.load(routed: try await RoutedSubnets.read())
        for network in networks.networks.all where network.isMisnamed {
            log.warning(
                "a bridge has another name than it was given, which rules would take for something else",
                metadata: ["network": "\(network.name)", "bridge": "\(network.bridgeName)"])
        }
        networks.networks.resume(
            after: table.all.sorted { $0.phase.startedAt < $1.phase.startedAt }.flatMap(\.endpoints).flatMap {
                endpoint in
                (endpoint.addresses?.hosts.all ?? []).map { (endpoint.networkID, $0) }
            })
        try await swarmNetworks.load()
        let unread = try await store.unread()
        report(unread)
        try await containers.adoptProcesses()
        try await localVolumes.adopt(table.all.filter(\.isUp).map { ($0.id, $0.mounts.compactMap(\.name)) })
        try await SubpathMounts(directory: paths.subpaths).sweep()
        try await endpoints.dropStaleAttachments()
        try await moveBridge()
        try await roots.sweep(keeping: Set(unread.filter { $0.type == "container" }.map(\.id)))
        for record in table.all { shipping.begin(record, isRunning: record.isRunning) }
        packer.want(table.all.filter(\.compressesLog).map(\.id))
        background.begin { await self.adoptNetworks() }
        background.begin { [firewall] in await firewall.tell() }
        for record in table.all { background.begin { await self.containers.resume(record.id) } }
    }

    /// Gives Docker's own bridge the address of the command line, if nobody is on it, and says what stays otherwise than it is there.
    private func moveBridge() async throws {
        let id = networks.networks.named("bridge")?.id
        let isInUse = table.all.contains { $0.endpoints.contains { $0.isJoined && $0.networkID == id } }
        let left = try await networks.networks.moveBridge(isInUse: isInUse, taken: network.swarmSubnets)
        if let left {
            log.warning(
                "docker0 keeps its address as containers are on it: --bip has no effect before a start without them",
                metadata: ["address": "\(left.kept?.description ?? "")", "bip": "\(left.wanted)"])
        }
        for network in networks.networks.keptOutNetworks {
            log.warning(
                "a network keeps its subnet although that is to be kept out",
                metadata: [
                    "network": "\(network.name)",
                    "subnets": "\(network.ranges.map(\.subnet.description).joined(separator: " "))",
                ])
        }
    }

    /// Takes the networks over. As long as it cannot be done nothing is started, and nothing that runs is touched.
    private func adoptNetworks() async {
        var pause = Duration.seconds(1)
        while !Task.isCancelled {
            do {
                try await network.adopt()
                return await endpoints.finishConnections()
            } catch {
                log.error("networks of before could not be taken over", metadata: ["error": "\(error)"])
                // Cancellation shows in the loop's condition.
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(30))
            }
        }
    }

    /// Says what is on record and cannot be read. It stays as it is, and so do the files of a container; the process of one whose own record that is,
    /// which nobody could stop or give a network any more, ends.
    func report(_ unread: [UnreadRecord]) {
        for record in unread {
            log.error(
                "a record cannot be read and is set aside",
                metadata: ["type": "\(record.type)", "id": "\(record.id)", "reason": "\(record.reason)"])
            events.publish(record.event(scope: "local"))
        }
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await self.background.run() }
                group.addTask {
                    // It takes what is not known to be desired away.
                    try await self.network.waitUntilAdopted()
                    try await self.network.dataPlane.run()
                }
                group.addTask { await self.repairs.run() }
                group.addTask {
                    try await self.network.waitUntilAdopted()
                    try await self.ways.run()
                }
                group.addTask { try await self.mesh.run() }
                group.addTask { try await self.network.encryption.run() }
                group.addTask { try await self.network.followEncryption() }
                group.addTask { await self.shipping.shipper.run() }
                group.addTask { await self.quota.run() }
                group.addTask { await self.packer.run() }
                group.addTask { await self.events.run(self.log) }
                group.addTask { try await self.reapOrphans() }
                group.addTask { try await self.giveMemoryBack() }
                group.addTask { await self.telemetry.run() }
                group.addTask { await self.containers.tellOfMemoryKills(self.telemetry) }
                group.addTask { try await self.routes.run() }
                if let push = self.push { group.addTask { await push.run() } }
                // None of them ends by itself; one that fails takes the others along.
                try await group.waitForAll()
            }
        }
    }

    /// Processes that a killed conmon or runc leaves behind become the daemon's. One that has ended in a container and is
    /// not reaped keeps the container's first process, and so the container, from ending (pid_namespaces(7)).
    private func reapOrphans() async throws {
        while true {
            try await Task.sleep(for: .seconds(1))
            Processes.reapOrphans()
        }
    }

    /// For how long what happens is taken for one burst of work.
    private static let burst = Duration.seconds(10)
    /// From one time that memory is given back to the next one: in between other threads' allocations are not in its way.
    private static let pause = Duration.seconds(60)
    /// Less is not worth it, in bytes.
    private static let leastFreed = 16 << 20

    /// Gives the memory of a burst of work back when it is over, a minute after it at the latest; in one that goes on, once a minute. Without work
    /// nothing is done.
    private func giveMemoryBack() async throws {
        while true {
            await events.work.wait()
            try await Task.sleep(for: Self.burst)
            guard Memory.freedBytes > Self.leastFreed else { continue }
            try await Memory.giveBack()
            // What happens meanwhile is remembered.
            try await Task.sleep(for: Self.pause - Self.burst)
        }
    }
}
