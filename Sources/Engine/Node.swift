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
    package let metrics: MetricsService
    package let images: ImageService
    package let networks: NodeNetworkService
    package let volumes: VolumeService
    package let tasks: TaskService
    package let system: SystemService
    let table: ContainerTable
    let waiters = ExitWaiters()
    let background = BackgroundTasks()
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
        let (configuration, log, store, runtime) = (parts.configuration, parts.log, parts.store, parts.runtime)
        let (events, waiters, background) = (parts.events, waiters, background)
        let paths = EnginePaths(configuration)
        let runtimes = parts.runtimeVersions.map(\.name)
        let table = ContainerTable(store: store, log: log)
        let localVolumes = Volumes(store: store, directory: paths.volumes)
        let localNetworks = LocalNetworks(store: store, bridgeIPv6: configuration.bridgeIPv6)
        let encryption = EncryptionKeeper(
            EncryptionProcess(directory: paths.encryption, namespace: parts.namespace), events: events, log: log)
        let network = NetworkCoordinator(
            configuration: configuration, log: log, containers: table, networks: localNetworks,
            dataPlane: parts.dataPlane, nameServer: parts.nameServer, encryption: encryption)
        let roots = ContainerRoots(images: parts.images, volumes: localVolumes, containers: table)
        let logBytes = configuration.logBound.bytes(at: paths.root)
        let shipping = LogShipping(
            paths: paths, environment: configuration.environment, store: store, watcher: parts.fileWatcher,
            events: events, containers: table, quota: logBytes, log: log)
        let quota = LogQuota(
            bytes: logBytes, containers: table, shipper: shipping.shipper, paths: paths, events: events, log: log)
        let logLock = KeyedLock<String>()
        let packer = LogPacker(paths: paths, lock: logLock, log: log)
        volumes = VolumeService(volumes: localVolumes, users: table, events: events)
        images = ImageService(images: parts.images, users: table, events: events)
        networks = NodeNetworkService(networks: localNetworks, network: network, members: table, events: events)
        let containerFiles = ContainerFileKeeper(
            containers: table, networks: localNetworks, paths: paths, nameServers: configuration.nameServers, log: log)
        endpoints = EndpointService(
            containers: table, networks: networks, ports: parts.ports, files: containerFiles,
            holders: KeyedCondition<String>(),
            events: events)
        let execs = ExecService(
            containers: table, roots: roots, runtime: runtime, events: events, background: background, log: log)
        let health = HealthMonitor(containers: table, roots: roots, runtime: runtime, events: events, log: log)
        let companions = ContainerCompanions(
            whileRunning: { await health.watch($0) }, hasBeenRemoved: { execs.execs.forget(containerID: $0) },
            commands: { execs.execs.running(in: $0) })
        let surroundings = NodeSurroundings(
            containers: table, endpoints: endpoints, roots: roots, files: containerFiles,
            logs: LogKeeper(
                containers: table, runtime: runtime, paths: paths, background: background, quota: quota, packer: packer,
                lock: logLock, log: log),
            shipping: shipping, volumes: volumes, paths: paths, defaultRuntime: runtimes.first ?? .runc)
        containers = ContainerService(
            containers: table, waiters: waiters, runtime: runtime, surroundings: surroundings, companions: companions,
            events: events, background: background, clock: parts.clock, log: log)
        factory = ContainerFactory(
            containers: table, roots: roots, endpoints: endpoints, images: images, volumes: localVolumes,
            volumeService: volumes, runtimes: runtimes, cgroupVersion: runtime.cgroups.version, shipping: shipping,
            events: events, background: background, log: log)
        listing = ContainerListing(
            containers: table, roots: roots, images: images, network: network, paths: paths, companions: companions,
            shipping: shipping)
        files = FileService(
            containers: table, roots: roots, paths: paths, bound: configuration.unpackingBound, events: events,
            background: background, log: log)
        logs = LogService(
            containers: table, waiters: waiters, paths: paths, watcher: parts.fileWatcher, shipping: shipping)
        streams = AttachService(
            containers: table, waiters: waiters, runtime: runtime, logs: logs, events: events, log: log)
        telemetry = NodeTelemetry(
            source: ContainerTargets(containers: table, paths: paths), layout: runtime.cgroups, root: paths.root,
            path: paths.metrics, log: log)
        stats = StatsService(
            containers: table, layout: runtime.cgroups, paths: paths, events: events, sampler: telemetry.sampler)
        let routes = RouteWatch(namespace: parts.namespace, files: parts.fileWatcher, log: log)
        swarmNetworks = SwarmNetworks(
            store: store, containers: table, endpoints: endpoints, namespace: parts.namespace)
        tasks = TaskService(
            containers: table, life: containers, factory: factory, images: images, logs: logs, networks: swarmNetworks,
            node: NodeDescriber(
                version: configuration.version, networks: localNetworks, routes: routes, encryption: encryption,
                metricsAddress: configuration.metricsAddress),
            events: events, log: log)
        let swarmNetworks = swarmNetworks
        mesh = MeshWatch(swarmNetworks.ingress, events: events, log: log) {
            try await swarmNetworks.tryIngress($0.subnet)
        }
        system = SystemService(
            configuration: configuration, paths: paths, containers: table, listing: listing, images: images,
            volumes: volumes, runtimeVersions: parts.runtimeVersions, shipping: shipping, mesh: mesh, quota: quota,
            events: events)
        let system = system
        metrics = MetricsService(
            telemetry: telemetry, shipper: shipping.shipper, containers: table, version: configuration.version,
            identity: { try await system.identity() }, encryption: { try await encryption.facts() })
        ways = PathService(
            prober: PathProber(node: parts.namespace, log: log), network: network, networks: swarmNetworks,
            events: events, log: log)
        let ways = ways
        metrics.use(paths: { ways.measurements(seconds: Timestamp.now.seconds) })
        let telemetry = telemetry
        push = configuration.metricsPush.map {
            MetricsPush(target: $0, telemetry: telemetry, hostname: shipping.hostname, events: events, log: log)
        }
        if let watch = push?.watch { metrics.use(push: { watch.state }) }
        repairs = RepairReporter(network: network, networks: localNetworks, members: table, events: events, log: log)
        self.events = events
        self.execs = execs
        self.log = log
        self.localVolumes = localVolumes
        self.network = network
        self.paths = paths
        self.roots = roots
        self.routes = routes
        self.runtime = runtime
        self.packer = packer
        self.quota = quota
        self.shipping = shipping
        self.store = store
        self.table = table
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
        try await roots.sweep(keeping: Set(unread.filter { $0.type == "container" }.map(\.id)))
        for record in table.all { shipping.begin(record, isRunning: record.isRunning) }
        packer.want(table.all.filter(\.compressesLog).map(\.id))
        background.begin { await self.adoptNetworks() }
        for record in table.all { background.begin { await self.containers.resume(record.id) } }
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

    /// Says what is on record and cannot be read. It stays as it is, and so do the files of a container; its process, which nobody could
    /// stop or give a network any more, ends.
    private func report(_ unread: [UnreadRecord]) {
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

    /// Gives the memory of a burst of work back when it is over; in one that goes on, from time to time. Without work nothing is done.
    private func giveMemoryBack() async throws {
        while true {
            await events.work.wait()
            try await Task.sleep(for: Self.burst)
            try await Memory.giveBack()
        }
    }
}
