import Addressing
import Concurrency
import ContainerRuntime
import DataPlane
import EngineInterface
import Images
import LinuxSystem
import LocalStore
import LogDrivers
import Logging
import Model
import NameService
import PathProbes
import Telemetry

/// How a node is put together: each of these is made of those before it.
extension NodeEngine {
    /// What everything else works on: the node's tables, and what keeps its objects on disk and in the kernel.
    struct Base {
        let waiters = ExitWaiters()
        let background = BackgroundTasks()
        let paths: EnginePaths
        let table: ContainerTable
        let localVolumes: Volumes
        let localNetworks: LocalNetworks
        let encryption: EncryptionKeeper
        let network: NetworkCoordinator
        let roots: ContainerRoots

        init(_ parts: Parts) {
            let (configuration, log) = (parts.configuration, parts.log)
            paths = EnginePaths(configuration)
            table = ContainerTable(store: parts.store, log: log)
            localVolumes = Volumes(store: parts.store, directory: paths.volumes, events: parts.events)
            localNetworks = LocalNetworks(
                store: parts.store, bridgeIPv6: configuration.bridgeIPv6, addressing: configuration.addressing)
            encryption = EncryptionKeeper(
                EncryptionProcess(directory: paths.encryption, namespace: parts.namespace), events: parts.events,
                log: log)
            network = NetworkCoordinator(
                configuration: configuration, log: log, containers: table, networks: localNetworks,
                dataPlane: parts.dataPlane, nameServer: parts.nameServer, encryption: encryption)
            roots = ContainerRoots(images: parts.images, volumes: localVolumes, containers: table)
        }
    }

    /// What becomes of the files of containers' logs: numbered, packed, bounded together, sent to receivers.
    struct LogFiles {
        let shipping: LogShipping
        let quota: LogQuota
        let packer: LogPacker
        let keeper: LogKeeper

        init(_ parts: Parts, _ base: Base) {
            let (configuration, log) = (parts.configuration, parts.log)
            let bytes = configuration.logBound.bytes(at: base.paths.root)
            shipping = LogShipping(
                paths: base.paths, environment: configuration.environment, store: parts.store,
                watcher: parts.fileWatcher, events: parts.events, containers: base.table, quota: bytes, log: log)
            quota = LogQuota(
                bytes: bytes, containers: base.table, shipper: shipping.shipper, paths: base.paths,
                events: parts.events, log: log)
            // Whoever numbers the files of a log and whoever packs them take turns.
            let lock = KeyedLock<String>()
            packer = LogPacker(paths: base.paths, lock: lock, log: log)
            keeper = LogKeeper(
                containers: base.table, runtime: parts.runtime, paths: base.paths, background: base.background,
                quota: quota, packer: packer, lock: lock, log: log)
        }
    }

    /// What containers are made of and connected to.
    struct Objects {
        let volumes: VolumeService
        let images: ImageService
        let networks: NodeNetworkService
        let files: ContainerFileKeeper
        let endpoints: EndpointService

        init(_ parts: Parts, _ base: Base) {
            volumes = VolumeService(volumes: base.localVolumes, users: base.table, events: parts.events)
            images = ImageService(images: parts.images, users: base.table, events: parts.events)
            networks = NodeNetworkService(
                networks: base.localNetworks, network: base.network, members: base.table, events: parts.events)
            files = ContainerFileKeeper(
                containers: base.table, networks: base.localNetworks, paths: base.paths,
                nameServers: parts.configuration.nameServers, log: parts.log)
            endpoints = EndpointService(
                containers: base.table, networks: networks, ports: parts.ports, files: files,
                holders: KeyedCondition<String>(), events: parts.events)
        }
    }

    /// What makes containers, and sees to them from their start to their removal.
    struct Lives {
        let execs: ExecService
        let containers: ContainerService
        let factory: ContainerFactory
        let listing: ContainerListing

        init(_ parts: Parts, _ base: Base, _ logFiles: LogFiles, _ objects: Objects) {
            let (events, runtime, log) = (parts.events, parts.runtime, parts.log)
            let runtimes = parts.runtimeVersions.map(\.name)
            let execs = ExecService(
                containers: base.table, roots: base.roots, runtime: runtime, events: events,
                background: base.background, log: log)
            let health = HealthMonitor(
                containers: base.table, roots: base.roots, runtime: runtime, events: events, log: log)
            let companions = ContainerCompanions(
                whileRunning: { await health.watch($0) }, hasBeenRemoved: { execs.execs.forget(containerID: $0) },
                commands: { execs.execs.running(in: $0) })
            let surroundings = NodeSurroundings(
                containers: base.table, endpoints: objects.endpoints, roots: base.roots, files: objects.files,
                logs: logFiles.keeper, shipping: logFiles.shipping, volumes: objects.volumes, paths: base.paths,
                defaultRuntime: runtimes.first ?? .runc)
            let limits = LimitSupport(known: runtime.limits)
            self.execs = execs
            containers = ContainerService(
                containers: base.table, waiters: base.waiters, runtime: runtime, surroundings: surroundings,
                companions: companions, events: events, background: base.background, clock: parts.clock,
                limits: limits, log: log)
            factory = ContainerFactory(
                containers: base.table, roots: base.roots, endpoints: objects.endpoints, images: objects.images,
                volumes: base.localVolumes, volumeService: objects.volumes, runtimes: runtimes,
                cgroupVersion: runtime.cgroups.version, limits: limits, shipping: logFiles.shipping, events: events,
                background: base.background, log: log)
            listing = ContainerListing(
                containers: base.table, roots: base.roots, images: objects.images, network: base.network,
                networks: base.localNetworks, paths: base.paths, companions: companions, shipping: logFiles.shipping)
        }
    }

    /// What looks into containers: their files, logs and streams, and what they use.
    struct Views {
        let files: FileService
        let logs: LogService
        let streams: AttachService
        let telemetry: NodeTelemetry
        let stats: StatsService

        init(_ parts: Parts, _ base: Base, _ logFiles: LogFiles) {
            let (events, runtime, log) = (parts.events, parts.runtime, parts.log)
            files = FileService(
                containers: base.table, roots: base.roots, paths: base.paths,
                bound: parts.configuration.unpackingBound, events: events, background: base.background, log: log)
            logs = LogService(
                containers: base.table, waiters: base.waiters, paths: base.paths, watcher: parts.fileWatcher,
                shipping: logFiles.shipping)
            streams = AttachService(
                containers: base.table, waiters: base.waiters, runtime: runtime, logs: logs, events: events, log: log)
            telemetry = NodeTelemetry(
                source: ContainerTargets(containers: base.table, paths: base.paths), layout: runtime.cgroups,
                root: base.paths.root, path: base.paths.metrics, log: log)
            stats = StatsService(
                containers: base.table, layout: runtime.cgroups, paths: base.paths, events: events,
                sampler: telemetry.sampler)
        }
    }

    /// What the node does for a swarm: its tasks and networks, and the ways to other nodes.
    struct SwarmServices {
        let networks: SwarmNetworks
        let routes: RouteWatch
        let tasks: TaskService
        let mesh: MeshWatch
        let ways: PathService

        init(_ parts: Parts, _ base: Base, _ objects: Objects, _ lives: Lives, _ views: Views) {
            let (configuration, events, log) = (parts.configuration, parts.events, parts.log)
            let networks = SwarmNetworks(
                store: parts.store, containers: base.table, endpoints: objects.endpoints, namespace: parts.namespace)
            self.networks = networks
            routes = RouteWatch(namespace: parts.namespace, files: parts.fileWatcher, log: log)
            tasks = TaskService(
                containers: base.table, life: lives.containers, factory: lives.factory, images: objects.images,
                logs: views.logs, networks: networks,
                node: NodeDescriber(
                    version: configuration.version, networks: base.localNetworks, routes: routes,
                    encryption: base.encryption, metricsAddress: configuration.metricsAddress),
                events: events, log: log)
            mesh = MeshWatch(networks.ingress, events: events, log: log) { try await networks.tryIngress($0.subnet) }
            ways = PathService(
                prober: PathProber(node: parts.namespace, log: log),
                encrypted: PathProber(node: parts.namespace, kind: .esp, log: log) { [encryption = base.encryption] in
                    encryption.probe(in: $0)
                }, network: base.network, networks: networks,
                events: events, log: log)
        }
    }

    /// What the node tells of itself: information, metrics, repairs.
    struct Reports {
        let system: SystemService
        let firewall: FirewallWatch
        let metrics: MetricsService
        let push: MetricsPush?
        let repairs: RepairReporter

        init(
            _ parts: Parts, _ base: Base, _ logFiles: LogFiles, _ objects: Objects, _ lives: Lives, _ views: Views,
            _ swarm: SwarmServices
        ) {
            let (configuration, events, log) = (parts.configuration, parts.events, parts.log)
            let shipping = logFiles.shipping
            let firewall = FirewallWatch(log: log) { [plane = parts.dataPlane] in try await plane.hostFirewalls() }
            self.firewall = firewall
            let system = SystemService(
                configuration: configuration, paths: base.paths, containers: base.table, listing: lives.listing,
                images: objects.images, volumes: objects.volumes, runtimeVersions: parts.runtimeVersions,
                limits: LimitSupport(known: parts.runtime.limits), cgroupVersion: parts.runtime.cgroups.version,
                shipping: shipping, mesh: swarm.mesh, firewall: firewall, quota: logFiles.quota, events: events)
            self.system = system
            metrics = MetricsService(
                telemetry: views.telemetry, shipper: shipping.shipper, containers: base.table,
                version: configuration.version, labels: configuration.metricsLabels,
                identity: { try await system.identity() },
                encryption: { [encryption = base.encryption] in try await encryption.facts() })
            metrics.use(paths: { [ways = swarm.ways] in ways.measurements(seconds: Timestamp.now.seconds) })
            push = configuration.metricsPush.map {
                MetricsPush(
                    target: $0, telemetry: views.telemetry, hostname: shipping.hostname, events: events, log: log)
            }
            if let watch = push?.watch { metrics.use(push: { watch.state }) }
            repairs = RepairReporter(
                network: base.network, networks: base.localNetworks, members: base.table, events: events, log: log)
            metrics.use(network: {
                [
                    counts = repairs.counts, names = parts.nameServer.counts, plane = parts.dataPlane,
                    network = base.network, local = base.localNetworks
                ] in
                var facts = NodeNetworkFacts(counts, names, plane.times)
                facts.take(plane.bridgePorts, local.all) { network.swarmNetwork($0)?.network?.spec.name }
                return facts
            })
        }
    }
}
