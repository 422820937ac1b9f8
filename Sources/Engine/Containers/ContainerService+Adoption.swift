import Concurrency
import ContainerRuntime
import Faults
import LinuxSystem
import Logging
import Model

/// Going on with the containers that an earlier daemon has left.
extension ContainerService {
    private static let adoptedAtATime = 32

    /// Finds for each container whether its process still runs; what is on record follows.
    func adoptProcesses() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, record) in containers.all.filter({ $0.phase.isStarting || $0.isUp }).enumerated() {
                if index >= Self.adoptedAtATime { try await group.next() }
                group.addTask {
                    if record.phase.isStarting {
                        await self.deleteLeftover(record)
                        try await self.lose(record.id)
                    } else {
                        try await self.takeOver(record)
                    }
                }
            }
            try await group.waitForAll()
        }
        let kept = Set(containers.all.filter(\.isRunning).map(\.id))
        for id in try await runtime.sweep(keeping: kept) {
            log.info("removed what an earlier daemon had left of a container", metadata: ["container": "\(id)"])
        }
    }

    /// Takes over a process of an earlier daemon, that runs or has ended with an exit code that ``processEnd(_:)`` will tell.
    private func takeOver(_ record: ContainerRecord) async throws {
        try surroundings.watchLog(of: record)
        switch try await runtime.adopt(record.id) {
        case .running, .paused:
            try surroundings.takeUpLog(of: record)
            try await containers.receive(record.id, .adopted(isAlive: true))
        case .absent where record.phase.run?.end != nil, .exited:
            try await containers.receive(record.id, .adopted(isAlive: false))
        case .created, .absent: try await lose(record.id)
        }
    }

    private func lose(_ id: String) async throws {
        try await containers.receive(id, .lost(at: clock.now)) { record, _ in
            record.leaveNetworks()
            record.publishedPorts = []
        }
    }

    /// Goes on with a container where the earlier daemon left off.
    func resume(_ id: String) async {
        do {
            guard let record = containers.record(id) else { return }
            let phase = record.phase
            if phase.isBeingRemoved {
                try await containers.lock.run(id) {
                    try await destroy(id, removeVolumes: record.hostConfig.autoRemove)
                }
            } else if record.hostConfig.autoRemove, record.task == nil, !phase.isRunning, phase.startedAt != .zero {
                // Its end was settled, or the machine went down with it, and nobody removed it.
                await removeEnded(id)
            } else if phase.isUp {
                await watch(id)
            } else if case .restarting = phase {
                await restart(id, from: phase, after: .zero, withDaemon: true)
            } else if record.task == nil, phase.isRequested || shouldStartWithDaemon(record) {
                // Whether a task's container runs is for the task's own runner to say, which may have seen its end.
                try await waitForNeeded(by: id, in: phase, withDaemon: true)
                try await containers.lock.run(id) {
                    guard containers.record(id)?.phase == phase else { return }
                    try await startAgain(id)
                }
            } else {
                try await surroundings.unmount(id)
            }
        } catch is CancellationError {
            // The daemon stops again.
        } catch {
            log.error("a container was not resumed", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }

    func shouldStartWithDaemon(_ record: ContainerRecord) -> Bool {
        guard record.task == nil, record.phase.startedAt != .zero else { return false }
        switch record.hostConfig.restartPolicy.name {
        case "always": return true
        case "unless-stopped": return !record.phase.isStoppedByUser
        default: return false
        }
    }

    /// Takes away what a start has left that was broken off. One that cannot be taken away keeps no other container from being adopted: the next
    /// start or the removal tries again.
    private func deleteLeftover(_ record: ContainerRecord) async {
        do { try await runtime.delete(record.id) } catch {
            log.error(
                "what is left of a start cannot be removed",
                metadata: ["container": "\(record.shortID)", "error": "\(error)"])
        }
    }
}
