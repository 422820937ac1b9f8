import Concurrency
import ContainerRuntime
import Faults
import LinuxSystem
import Logging
import Logs
import Model

/// Keeps what containers write within bounds.
final class LogKeeper: Sendable {
    private let containers: ContainerTable
    private let runtime: any ContainerOutput
    private let paths: EnginePaths
    private let background: BackgroundTasks
    private let quota: LogQuota
    private let packer: LogPacker
    private let log: Logger
    /// The files of one log are numbered by one at a time.
    private let lock: KeyedLock<String>

    /// - Parameter lock: The packer's, too.
    init(
        containers: ContainerTable, runtime: any ContainerOutput, paths: EnginePaths, background: BackgroundTasks,
        quota: LogQuota, packer: LogPacker, lock: KeyedLock<String>, log: Logger
    ) {
        self.containers = containers
        self.lock = lock
        self.log = log
        self.packer = packer
        self.paths = paths
        self.quota = quota
        self.runtime = runtime
        self.background = background
    }

    /// What part of a log file is written between two looks at it.
    private static let looksAFile: Int64 = 4

    /// Has a container's log taken up as it grows. conmon begins a new file by itself when one is full; nothing more is taken of the
    /// container's output until the full one has its number, so that the next one is not full before.
    func watch(_ record: ContainerRecord) throws {
        guard record.hasLog else { return }
        let options = try LogOptions(record.hostConfig.logConfig)
        let id = record.id
        runtime.watchLog(id, every: options.size / Self.looksAFile) { [weak self] done in
            guard let self else { return done() }
            background.begin {
                await self.takeUp(id, options)
                done()
            }
        }
    }

    /// The same for what was written while nobody watched.
    func takeUp(_ record: ContainerRecord) throws {
        guard record.hasLog else { return }
        let options = try LogOptions(record.hostConfig.logConfig)
        background.begin { await self.takeUp(record.id, options) }
    }

    /// Numbers the files of a log that nobody writes, and says after how many bytes whoever is going to write it is to begin a new one.
    func settle(_ record: ContainerRecord) async throws -> Int64? {
        guard record.hasLog else { return nil }
        let options = try LogOptions(record.hostConfig.logConfig)
        let segments = LogSegments(path: paths.log(of: record.id))
        let limit = try await lock.run(record.id) {
            try await onThread {
                // A monitor that was killed may have left a line without its end.
                try segments.mend()
                return try segments.settle(limit: options.size, count: options.count)
            }
        }
        if options.compresses { packer.want([record.id]) }
        return limit
    }

    /// Before anything is written: the file has its second name from its beginning.
    func begin(_ record: ContainerRecord) async throws {
        guard record.hasLog else { return }
        let count = try LogOptions(record.hostConfig.logConfig).count
        let segments = LogSegments(path: paths.log(of: record.id))
        _ = try await lock.run(record.id) { try await onThread { try segments.takeUp(count: count) } }
    }

    /// Leaves the files of a container's log alone while they go.
    func keepAway<T: Sendable>(from id: String, while body: () async throws -> T) async rethrows -> T {
        try await packer.keepAway(from: id, while: body)
    }

    private func takeUp(_ id: String, _ options: LogOptions) async {
        let segments = LogSegments(path: paths.log(of: id))
        do {
            let size = try await lock.run(id) {
                try await onThread { try segments.takeUp(count: options.count) }
            }
            // conmon does not count what was in the file before it began to write.
            quota.look()
            if options.compresses { packer.want([id]) }
            if size >= options.size { try await runtime.reopenLog(id) }
        } catch is CancellationError {
            return  // The engine ends.
        } catch let error as RuntimeError where [.wrongState, .noSuchContainer].contains(error.code) {
            return  // It has ended: nobody writes any more.
        } catch {
            // A log that has gone with its container is missed by nobody.
            guard containers.record(id)?.isUp == true else { return }
            log.warning(
                "a log was not rotated", metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
        }
    }
}

extension ContainerRecord {
    var hasLog: Bool { hostConfig.logConfig.type != "none" }

    /// What nobody writes of it any more is packed.
    var compressesLog: Bool {
        // Options that a newer version does not take any more ask for nothing.
        hasLog && (try? LogOptions(hostConfig.logConfig))?.compresses == true
    }

    /// `docker logs` gives it.
    var hasReadableLog: Bool {
        hasLog
            && !["1", "t", "T", "true", "True", "TRUE"].contains(hostConfig.logConfig.config["cache-disabled"] ?? "")
    }
}
