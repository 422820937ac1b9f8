import Concurrency
import EngineInterface
import LinuxSystem
import LogDrivers
import Logging
import Logs
import Model
import Synchronization

/// Bounds what all logs of a node take together: those of its containers, also of ones whose records cannot be read, and what removed ones have left
/// to be sent or to be looked at. The oldest files that nobody writes any more go first; a file that is written is never touched.
///
/// Looked at when a log has begun a new file or a container has gone, once a second at most. What goes wrong is told and tried again then.
final class LogQuota: Sendable {
    private static let pause = Duration.seconds(1)
    /// What cannot be kept within the bound is told of so often.
    private static let pauseOfWarnings = 3600.0

    /// For all logs together.
    let bytes: Int64
    private let containers: ContainerTable
    private let shipper: LogShipper
    private let paths: EnginePaths
    private let events: EventLog
    private let log: Logger
    private let wanted = AsyncEvent()
    private let warned = Mutex(Timestamp.zero)

    init(
        bytes: Int64, containers: ContainerTable, shipper: LogShipper, paths: EnginePaths, events: EventLog, log: Logger
    ) {
        self.bytes = bytes
        self.containers = containers
        self.events = events
        self.log = log
        self.paths = paths
        self.shipper = shipper
    }

    /// Somebody has written a whole file, or left one.
    func look() { wanted.signal() }

    /// Keeps the bound until cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                try await enforce()
            } catch is CancellationError {
                return
            } catch { log.warning("logs could not be kept within their quota", metadata: ["error": "\(error)"]) }
            await wanted.wait()
            // Cancelled: the loop ends.
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// What the logs take at present.
    func usage() async throws -> LogUsage {
        let (files, present) = try await inventory()
        var usage = LogUsage(quota: bytes)
        usage.spool = files.reduce(0) { if case .spool = $1.what { $0 + $1.bytes } else { $0 } }
        usage.size = files.reduce(present) { $0 + $1.bytes }
        usage.containers = containers.all.count(where: \.hasLog)
        return usage
    }

    /// Removes what is too much.
    func enforce() async throws {
        let (files, present) = try await inventory()
        let plan = LogQuotaPlan(files: files, present: present, quota: bytes)
        var dropped: [String: Int64] = [:]
        for file in plan.excess {
            switch file.what {
            case .spool(let id): shipper.discard(id)
            case .rotated(let id, let rotated):
                do {
                    try await onThread { [paths] in try LogSegments(path: paths.log(of: id)).drop(rotated) }
                    dropped[id, default: 0] += file.bytes
                } catch {
                    log.warning(
                        "a log's file could not be removed for the quota",
                        metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
                }
            }
        }
        for (id, bytes) in dropped.sorted(by: { $0.key < $1.key }) {
            let attributes = (containers.record(id)?.eventAttributes ?? [:]).merging(
                ["reason": "the quota of the node's logs was reached", "bytes": "\(bytes)"]) { $1 }
            events.publish("container", "log-dropped", id, attributes)
        }
        if plan.isOver { warn(plan.left) }
    }

    private func warn(_ left: Int64) {
        let now = Timestamp.now
        let isDue = warned.withLock { warned in
            guard now.timeSince(warned) >= Self.pauseOfWarnings else { return false }
            warned = now
            return true
        }
        guard isDue else { return }
        log.error(
            "logs take more than their quota, and nothing is left that nobody writes",
            metadata: ["bytes": "\(left)", "quota": "\(bytes)"])
    }

    /// The files that may go, and the bytes of those that may not.
    private func inventory() async throws -> (files: [LogQuotaPlan.File], present: Int64) {
        let all = containers.all
        let (ids, known) = (all.filter(\.hasLog).map(\.id), Set(all.map(\.id)))
        let spool = try await shipper.spoolUsage()
        return try await onThread { [paths] in
            var files = spool.map { LogQuotaPlan.File(what: .spool($0.id), bytes: $0.bytes, modified: $0.modified) }
            var present: Int64 = 0
            // Of a container whose record was set aside the files are there all the same.
            let others = try Files.list(paths.containers).filter { !known.contains($0) }
            for id in ids + others {
                // One that is going is as good as gone.
                guard let sizes = try? LogSegments(path: paths.log(of: id)).sizes() else { continue }
                present += sizes.present
                files += sizes.rotated.filter { $0.bytes > 0 }.map {
                    LogQuotaPlan.File(what: .rotated(id, $0), bytes: $0.bytes, modified: $0.modified)
                }
            }
            return (files, present)
        }
    }
}

/// Which files go, so that all logs together are within their bound. Pure.
struct LogQuotaPlan: Equatable {
    struct File: Equatable, Sendable {
        enum What: Equatable, Sendable {
            /// Of a container.
            case rotated(String, LogSegments.Rotated)
            /// All that a removed container has left.
            case spool(String)
        }

        var what: What
        var bytes: Int64
        /// When it was last written to, in nanoseconds since 1970.
        var modified: Int64
    }

    /// In the order in which they go.
    let excess: [File]
    /// Bytes that are left then.
    let left: Int64
    let isOver: Bool

    init(files: [File], present: Int64, quota: Int64) {
        var left = files.reduce(present) { $0.addingReportingOverflow($1.bytes).partialValue }
        var excess: [File] = []
        for file in files.sorted(by: { $0.modified < $1.modified }) where left > quota {
            excess.append(file)
            left -= file.bytes
        }
        self.excess = excess
        self.left = left
        isOver = left > quota
    }
}
