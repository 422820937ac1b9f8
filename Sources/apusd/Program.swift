import ArgumentParser
import Cluster
import Dashboard
import DockerAPI
import Engine
import EngineInterface
import Foundation
import LinuxSystem
import Logging
import Model
import NIOCore
import NIOPosix
import ServiceLifecycle
import Telemetry
import UnixSignals

/// The daemon: composes a node from its parts and runs them until it is told to stop.
@main
struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apusd", abstract: "The Apus daemon: containers, their networks, and the swarm.",
        version: ProductVersion.text)

    @OptionGroup var options: Options

    func run() async throws {
        let level = Logger.Level(rawValue: options.logLevel) ?? .info
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        let log = Logger(label: "apusd")
        try Processes.becomeSubreaper()
        try Processes.raiseDescriptorLimit()
        let group = MultiThreadedEventLoopGroup.singleton
        let metricsAddress = try MetricsAddress(options.metricsAddr)

        let engine = try await NodeEngine.open(engineConfiguration(metricsAddress), log: log)

        let swarmConfiguration = try swarmConfiguration(engine)
        let swarm = Swarm(swarmConfiguration, executor: engine.tasks, group: group, log: log)
        engine.use(swarm: swarm, info: { await swarm.swarmInfo() })

        var server = APIServer.Configuration()
        server.socketPath = try options.socketPath()
        server.productVersion = ProductVersion.text
        Self.useMetrics(of: swarm, engine, log: log)
        // On a manager those of the swarm's tasks anywhere are among them.
        let containers = swarm.containers(over: engine.answering)
        var backends = Backends(
            system: engine.system, containers: containers, creation: engine.factory, listing: containers,
            streams: containers, logs: containers, execs: containers, files: engine.files, stats: containers,
            images: engine.images, transfers: engine.images, registries: engine.images, networks: engine.networks,
            connections: engine.endpoints, volumes: engine.volumes, swarm: swarm, nodes: swarm, services: swarm,
            tasks: swarm)
        backends.metrics = engine.metrics
        let swarmAlerts = SwarmAlerts(swarm)
        backends.alerts = swarmAlerts
        backends.usage = SwarmUsageReader(swarm)
        let ways = SwarmPathReader(swarm)
        backends.paths = ways
        let ledger = DashboardLedger(
            swarm, inheritance: AccountFiles(directory: options.root + "/dashboard"), log: log)
        let alerts = FiringAlerts(system: engine.system, logger: log)
        var extras = Self.extras(engine, swarm, alerts, swarmAlerts, ways)
        extras.standaloneLogs = { try await containers.standaloneLogs($0, $1) }
        if options.dashboardTerminal { extras.execs = containers }
        let dashboard = try dashboard(backends, extras, ledger, group: group, log: log)
        backends.dashboard = dashboard
        var parts: [any ServiceLifecycle.Service] = [
            engine, swarm, ledger, alerts, dashboard,
            DashboardWatch(
                dashboard, swarm: swarm, certificate: swarmConfiguration.certificatePath,
                changes: { [system = engine.system] in await Self.wakes(of: system, log: log) }, logger: log),
            APIServer(server, backends: backends, eventLoopGroup: group, logger: log),
        ]
        if !options.dockerSocket.isEmpty, options.dockerSocket != server.socketPath {
            server.socketPath = options.dockerSocket
            server.isOptional = true
            parts.append(APIServer(server, backends: backends, eventLoopGroup: group, logger: log))
        }
        if let metricsAddress {
            var metrics = MetricsServer.Configuration(host: metricsAddress.host, port: metricsAddress.port)
            metrics.productVersion = ProductVersion.text
            metrics.servesCluster = options.metricsCluster
            parts.append(MetricsServer(metrics, backend: engine.metrics, eventLoopGroup: group, logger: log))
        }
        let services = ServiceGroup(
            services: parts, gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
        try await services.run()
    }

    private func engineConfiguration(_ metricsAddress: MetricsAddress?) throws -> EngineConfiguration {
        var configuration = EngineConfiguration(
            rootDirectory: options.root, runDirectory: options.runDir, version: ProductVersion.text)
        configuration.registryMirrors = options.registryMirror
        configuration.insecureRegistries = options.insecureRegistry
        configuration.nameServers = try options.nameServers()
        configuration.bridgeIPv6 = try options.bridgeIPv6()
        configuration.addressing = try options.addressing()
        configuration.unpackedLimit = try options.unpackedLimit()
        configuration.metricsAddress = metricsAddress.flatMap {
            NodeMetricsAddress(host: $0.host, port: $0.port)
        }
        configuration.metricsLabels = try options.shownLabels()
        configuration.metricsPush = try options.metricsPush(ProcessInfo.processInfo.environment)
        configuration.logBound = try options.logBound()
        configuration.environment = ProcessInfo.processInfo.environment
        return configuration
    }

    private func swarmConfiguration(_ engine: NodeEngine) throws -> SwarmConfiguration {
        var configuration = SwarmConfiguration(rootDirectory: options.root, runDirectory: options.runDir)
        configuration.storeWithoutFsync = options.lab
        configuration.publish = { engine.events.publish($0) }
        configuration.events = engine.events
        configuration.alertWebhook = try options.alertReceiver()
        configuration.pulses = engine.telemetryFeed
        configuration.history = engine.telemetryFeed
        configuration.standalone = engine.standalone
        configuration.containers = engine.answering
        configuration.advertiseAddress = options.advertiseAddr
        return configuration
    }

    /// Has the node's metrics tell of the swarm.
    private static func useMetrics(of swarm: Swarm, _ engine: NodeEngine, log: Logger) {
        let swarmMetrics = SwarmMetrics(
            swarm: swarm, networks: engine.networks, board: { await swarm.feeds?.board },
            addresses: { await swarm.feeds?.metricsAddresses ?? [:] },
            subnets: { await swarm.subnetCounts() }, webhook: { await swarm.alertPosting() },
            store: { await swarm.storeMetrics() }, log: log)
        engine.metrics.use(
            swarm: { await swarmMetrics.facts() }, cluster: { await swarmMetrics.cluster() },
            targets: { await swarmMetrics.targets() })
    }

    /// What the dashboard shows beside what the API's routes have.
    private static func extras(
        _ engine: NodeEngine, _ swarm: Swarm, _ alerts: FiringAlerts, _ swarmAlerts: SwarmAlerts,
        _ ways: SwarmPathReader
    ) -> EngineDashboard.Extras {
        var extras = EngineDashboard.Extras()
        extras.alerts = alerts
        extras.manager = { await swarm.activeManager }
        extras.board = { await swarm.feeds?.board }
        extras.standalone = {
            await swarm.feeds.map {
                StandaloneKnowledge(board: $0.containers, connected: $0.connected, news: $0.containerNews)
            }
        }
        extras.paths = { try await ways.paths() }
        extras.curves = { request in try await request.answer { await swarm.feeds?.ask($0) ?? [:] } }
        extras.silencedUntil = { await swarmAlerts.silencedUntil() }
        extras.silence = { alert, minutes, user in
            try await swarmAlerts.silence(alert, minutes: minutes, by: user)
        }
        extras.unsilence = { try await swarmAlerts.endAlertSilence($0) }
        extras.alertBook = { try await DashboardAlertBook(swarmAlerts) }
        extras.record = { engine.events.publish($0) }
        return extras
    }

    /// The dashboard over what the API's routes call.
    private func dashboard(
        _ backends: Backends, _ extras: EngineDashboard.Extras, _ accounts: any DashboardVault,
        group: MultiThreadedEventLoopGroup, log: Logger
    ) throws -> DashboardServer {
        var configuration = DashboardServer.Configuration()
        configuration.address = options.dashboardAddr
        let sources = EngineDashboard.Sources(
            system: backends.system, swarm: backends.swarm, nodes: backends.nodes, services: backends.services,
            tasks: backends.tasks, networks: backends.networks, listing: backends.listing, logs: backends.logs)
        return try DashboardServer(
            configuration, backend: EngineDashboard(sources, extras: extras, version: ProductVersion.text, logger: log),
            accounts: DashboardAccounts(store: SwarmAccountStore(accounts)),
            eventLoopGroup: group, logger: log)
    }

    /// Yields with what may have to do with the node's part in a swarm: nodes that change, and networks that come and go, as those of a swarm
    /// do with it. Containers, with their health checks and connections, are not among it.
    private static func wakes(of system: any SystemBackend, log: Logger) async -> AsyncStream<Void> {
        do {
            let events = try await system.events(EventQuery(Filters(["type": ["daemon", "network", "node"]])))
            return AsyncStream(unfolding: {
                for await told in events where !["connect", "disconnect"].contains(told.event.action) { return () }
                return nil
            })
        } catch {
            log.warning("the dashboard is not told of changes", metadata: ["error": "\(error)"])
            return AsyncStream { $0.finish() }
        }
    }
}
