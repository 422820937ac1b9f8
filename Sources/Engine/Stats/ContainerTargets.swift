import ContainerRuntime
import Glibc
import LinuxSystem
import Logs
import Model
import Telemetry

/// The containers that are sampled: those whose processes are there.
struct ContainerTargets: TelemetrySource {
    let containers: ContainerTable
    let paths: EnginePaths

    /// Looks at the sizes of their logs, so it blocks.
    func sampleTargets() -> [SampleTarget] {
        containers.all.filter(\.isUp).map { record in
            var target = SampleTarget(record)
            target.logBytes = logBytes(record.id)
            return target
        }
    }

    /// `nil` for a container without a log, and for one that is going.
    private func logBytes(_ id: String) -> Int64? {
        let log = LogSegments(path: paths.log(of: id))
        do {
            guard Files.exists(log.path) else { return nil }
            return try log.sizes().total
        } catch { return nil }
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
