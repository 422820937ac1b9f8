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
    private let workbench: BackgroundTasks
    private let quota: LogQuota
    private let log: Logger
    /// The files of one log are numbered by one at a time.
    private let lock = KeyedLock<String>()

    init(
        containers: ContainerTable, runtime: any ContainerOutput, paths: EnginePaths, workbench: BackgroundTasks,
        quota: LogQuota, log: Logger
    ) {
        self.containers = containers
        self.log = log
        self.paths = paths
        self.quota = quota
        self.runtime = runtime
        self.workbench = workbench
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
            workbench.begin {
                await self.takeUp(id, options)
                done()
            }
        }
    }

    /// The same for what was written while nobody watched.
    func takeUp(_ record: ContainerRecord) throws {
        guard record.hasLog else { return }
        let options = try LogOptions(record.hostConfig.logConfig)
        workbench.begin { await self.takeUp(record.id, options) }
    }

    private func takeUp(_ id: String, _ options: LogOptions) async {
        let segments = LogSegments(path: paths.log(of: id))
        do {
            let size = try await lock.run(id) {
                try await onThread { try segments.takeUp(count: options.count) }
            }
            // conmon does not count what was in the file before it began to write.
            quota.look()
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

    /// `docker logs` gives it.
    var hasReadableLog: Bool {
        hasLog
            && !["1", "t", "T", "true", "True", "TRUE"].contains(hostConfig.logConfig.config["cache-disabled"] ?? "")
    }
}
