import EngineInterface
import Glibc
import LinuxSystem
import LocalStore
import LogDrivers
import Logging
import Logs
import Model

/// What containers' log drivers have to do with containers: which are shipped, from where, and what is told of it.
final class LogShipping: Sendable {
    /// Drivers as `info` and nodes list them.
    static let driverNames = (["json-file", "local"] + DriverTable.names).sorted()

    let shipper: LogShipper
    private let host: LogHost
    private let paths: EnginePaths

    /// How the node calls itself to receivers.
    var hostname: String { host.name }

    init(
        paths: EnginePaths, environment: [String: String], store: NodeStore, watcher: FileWatcher, events: EventLog,
        containers: ContainerTable, quota: Int64, log: Logger
    ) {
        self.paths = paths
        var names = utsname()
        uname(&names)
        let name = withUnsafeBytes(of: names.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        host = LogHost(name: name, processID: Int(clamping: getpid()), environment: environment)
        let told = ShippingEvents(events: events) { containers.record($0)?.eventAttributes ?? [:] }
        shipper = LogShipper(
            host: host, spool: paths.spool, quota: quota, keeper: PositionStore(store: store),
            watcher: watcher, log: log
        ) { news in told.tell(news) }
    }

    /// Checks what a container asks of its log driver, as far as this node and the container's facts show it. Waits for no receiver.
    /// - Throws: ``LogOptionError``.
    func check(_ record: ContainerRecord) async throws {
        let log = shipped(record)
        guard let driver = try DriverTable.make(log.driver, log.options, host: host) else {
            _ = try details(of: record)
            return
        }
        _ = try driver.makeEncoder(for: log.origin)
        try await onThread { try driver.checkNode() }
    }

    /// A container's process has been made, or found by a new daemon, or is over.
    func begin(_ record: ContainerRecord, isRunning: Bool) {
        guard DriverTable.names.contains(record.hostConfig.logConfig.type) else { return }
        shipper.begin(shipped(record), isRunning: isRunning)
    }

    /// A container is being removed: what has not been sent of its log is taken out of its files.
    func release(_ record: ContainerRecord) async {
        guard DriverTable.names.contains(record.hostConfig.logConfig.type) else { return }
        await shipper.release(record.id)
    }

    /// What `logs --details` shows beside a container's lines: the labels and variables that its log options name, and a tag where one is
    /// asked for.
    /// - Throws: ``LogOptionError``.
    func details(of record: ContainerRecord) throws -> [String: String] {
        let log = shipped(record)
        let options = LogDriverOptions(driver: log.driver, values: log.options)
        var details = try options.extras(of: log.origin)
        if options.text("tag") != nil { details["tag"] = try LogTag.render(options, log.origin, host) }
        return details
    }

    private func shipped(_ record: ContainerRecord) -> ShippedLog {
        let path = paths.log(of: record.id)
        return ShippedLog(
            driver: record.hostConfig.logConfig.type, options: record.hostConfig.logConfig.config,
            origin: LogOrigin(
                id: record.id, name: record.name, entrypoint: record.commandLine.first ?? "",
                arguments: Array(record.commandLine.dropFirst()), imageID: record.imageID,
                imageName: record.configuration.image, created: record.created, environment: record.configuration.env,
                labels: record.configuration.labels ?? [:], logPath: path), path: path)
    }

    /// What inspect shows; `nil` where nothing is shipped.
    func state(of record: ContainerRecord) async -> LogShippingState? {
        guard let status = await shipper.status(of: record.id) else { return nil }
        var state = LogShippingState()
        state.driver = record.hostConfig.logConfig.type
        state.address = status.address
        state.status = status.state
        state.error = status.error
        state.sent = status.counts.sent
        state.refused = status.counts.refused
        state.losses = status.counts.losses
        state.oldest = status.isBehind ? status.since : nil
        return state
    }

    /// A sentence for each receiver that is down, for `info`.
    func warnings() async -> [String] {
        var down: [String: (count: Int, error: String)] = [:]
        for (_, one) in await shipper.statuses() where one.status.state == "down" {
            let receiver = "log driver \(one.driver): \(one.status.address)"
            down[receiver] = ((down[receiver]?.count ?? 0) + 1, one.status.error)
        }
        return down.sorted { $0.key < $1.key }.map {
            "WARNING: \($0.key) is down (\($0.value.error)): the lines of \($0.value.count) containers wait"
        }
    }
}

/// How far a container's log has been sent, as it is kept.
struct KeptLogPosition: VersionedRecord, Equatable {
    static let recordKind = "log-position"
    static let recordVersion = 1
    var position: LogPosition
}

/// Keeps positions in the node's own store.
private struct PositionStore: PositionKeeping {
    let store: NodeStore

    func positions() async throws -> [String: LogPosition] {
        let kept = try await store.loadAll(KeptLogPosition.self, kind: .logPositions) { _, _ in
            // Sent again from the beginning.
        }
        return Dictionary(kept.map { ($0.id, $0.value.position) }) { $1 }
    }

    func save(_ positions: [String: LogPosition?]) async throws {
        var batch = LocalBatch()
        for (id, position) in positions {
            if let position {
                try batch.save(KeptLogPosition(position: position), kind: .logPositions, id: id)
            } else {
                batch.delete(kind: .logPositions, id: id)
            }
        }
        // After a power cut a few lines are sent twice.
        try await store.apply(batch, durably: false)
    }
}
