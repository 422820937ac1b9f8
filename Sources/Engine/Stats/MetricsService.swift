package import EngineInterface
import LinuxSystem
import LogDrivers
import Model
import Synchronization
package import Telemetry

/// The pages of metrics of a node, and of the swarm where somebody knows it.
package final class MetricsService: MetricsBackend {
    private struct Sources {
        var swarm: (@Sendable () async -> SwarmFacts?)?
        var cluster: (@Sendable () async -> ClusterFacts?)?
        var paths: (@Sendable () -> [PathMeasurement])?
        var push: (@Sendable () -> PostingState)?
        var network: (@Sendable () -> NodeNetworkFacts)?
        var targets: (@Sendable () async -> [ScrapeTarget]?)?
        /// What does not change while the daemon runs.
        var machine: EngineFacts?
    }

    private let telemetry: NodeTelemetry
    private let shipper: LogShipper
    private let containers: ContainerTable
    private let version: String
    private let labels: MetricsLabels
    private let identity: @Sendable () async throws -> String
    /// `nil` where nothing is encrypted.
    private let encryption: @Sendable () async throws -> EncryptionFacts?
    private let sources = Mutex(Sources())

    init(
        telemetry: NodeTelemetry, shipper: LogShipper, containers: ContainerTable, version: String,
        labels: MetricsLabels,
        identity: @escaping @Sendable () async throws -> String,
        encryption: @escaping @Sendable () async throws -> EncryptionFacts?
    ) {
        self.containers = containers
        self.encryption = encryption
        self.identity = identity
        self.labels = labels
        self.shipper = shipper
        self.telemetry = telemetry
        self.version = version
    }

    /// Lets it tell of the swarm beside the node.
    /// - Parameters:
    ///   - swarm: `nil` on a node that is in none.
    ///   - cluster: `nil` on a node that is no manager.
    ///   - targets: Where nodes serve their metrics; `nil` on a node that is no manager.
    package func use(
        swarm: @escaping @Sendable () async -> SwarmFacts?, cluster: @escaping @Sendable () async -> ClusterFacts?,
        targets: @escaping @Sendable () async -> [ScrapeTarget]?
    ) {
        sources.withLock { sources in
            sources.swarm = swarm
            sources.cluster = cluster
            sources.targets = targets
        }
    }

    /// Lets it tell of the ways to other nodes.
    func use(paths: @escaping @Sendable () -> [PathMeasurement]) { sources.withLock { $0.paths = paths } }

    /// Lets it tell how posting of metrics goes.
    func use(push: @escaping @Sendable () -> PostingState) { sources.withLock { $0.push = push } }

    /// Lets it tell of repairs of the network, and of names.
    package func use(network: @escaping @Sendable () -> NodeNetworkFacts) { sources.withLock { $0.network = network } }

    package func metrics(_ page: MetricsPage, accept: String) async throws -> MetricsText? {
        let format = ExpositionFormat(accept: accept)
        let bytes: [UInt8]
        switch page {
        case .node:
            let swarm = await sources.withLock { $0.swarm }?()
            let now = Timestamp.now
            let logs = await shipper.destinations().map { LogDestinationFacts($0, now: now) }
            bytes = try await snapshot().nodePage(
                format, engine: try await facts(), swarm: swarm, history: telemetry.historyState,
                logs: logs, encryption: try await encryption(),
                paths: sources.withLock { $0.paths }?() ?? [], push: sources.withLock { $0.push }?(),
                network: sources.withLock { $0.network }?(), labels: labels)
        case .cadvisor: bytes = try await snapshot().cadvisorPage(format)
        case .cluster:
            guard let facts = await sources.withLock({ $0.cluster })?() else { return nil }
            bytes = facts.page(format)
        case .targets:
            guard let targets = await sources.withLock({ $0.targets })?() else { return nil }
            return MetricsText(contentType: "application/json", bytes: try ScrapeTarget.page(targets))
        }
        return MetricsText(contentType: format.contentType, bytes: bytes)
    }

    /// The last sample; the first is taken when it is asked for.
    private func snapshot() async throws -> Snapshot {
        if let snapshot = telemetry.snapshot { return snapshot }
        return try await telemetry.sampleOutside()
    }

    private func facts() async throws -> EngineFacts {
        var facts: EngineFacts
        if let machine = sources.withLock({ $0.machine }) {
            facts = machine
        } else {
            let machine = try await Machine.read()
            facts = EngineFacts()
            facts.version = version
            facts.architecture = machine.architecture
            facts.kernel = machine.kernel
            facts.operatingSystem = machine.distribution
            facts.graphDriver = SystemInfo().driver
            facts.daemonID = try await identity()
            let read = facts
            sources.withLock { $0.machine = read }
        }
        let statuses = containers.all.map(\.phase.status)
        facts.running = statuses.count { $0 == "running" || $0 == "restarting" }
        facts.paused = statuses.count { $0 == "paused" }
        facts.stopped = statuses.count - facts.running - facts.paused
        facts.heapBytes = Int64(clamping: Memory.allocatedBytes)
        return facts
    }
}
