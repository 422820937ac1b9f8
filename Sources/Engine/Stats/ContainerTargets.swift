import ContainerRuntime
import Glibc
import Logs
import Model
import Synchronization
import Telemetry

/// The containers that are sampled: those whose processes are there.
final class ContainerTargets: TelemetrySource {
    private let containers: ContainerTable
    private let paths: EnginePaths
    /// Of the logs at the last sample, by container.
    private let sizes = Mutex<[String: LogSegments.KnownSize]>([:])

    init(containers: ContainerTable, paths: EnginePaths) {
        self.containers = containers
        self.paths = paths
    }

    /// Looks at the sizes of their logs, so it blocks.
    func sampleTargets() -> [SampleTarget] {
        let former = sizes.withLock { $0 }
        var present: [String: LogSegments.KnownSize] = [:]
        let targets = containers.all.filter(\.isUp).map { record in
            var target = SampleTarget(record)
            var known = former[record.id]
            target.logBytes = logBytes(record.id, &known)
            present[record.id] = known
            return target
        }
        sizes.withLock { $0 = present }
        return targets
    }

    /// `nil` for a container without a log, and for one that is going.
    private func logBytes(_ id: String, _ known: inout LogSegments.KnownSize?) -> Int64? {
        do { return try LogSegments(path: paths.log(of: id)).total(&known) } catch {
            known = nil
            return nil
        }
    }
}

extension SampleTarget {
    init(_ record: ContainerRecord) {
        self.init(id: record.id, name: record.name, group: ContainerSpecification.cgroup(of: record.id))
        image = record.configuration.image
        labels = record.configuration.labels ?? [:]
        serviceID = record.task?.serviceID ?? ""
        serviceName = record.task?.serviceName ?? ""
        taskID = record.task?.taskID ?? ""
        let pid = pid_t(exactly: record.processID) ?? 0
        networkProcess = record.isOnHostNetwork || pid <= 0 ? nil : pid
        networks = Dictionary(
            record.endpoints.filter(\.isJoined).map { ($0.interfaceName, $0.networkName) },
            uniquingKeysWith: { first, _ in first })
        startedAt = record.phase.startedAt.seconds
        restarts = Int64(clamping: record.restartCount)
        health = record.health?.status ?? ""
        isPaused = record.phase.status == "paused"
    }
}
