import Concurrency
import ContainerRuntime
import DockerMessages
package import EngineInterface
import Faults
import LinuxSystem
import Logging
import Model

/// Removing containers.
extension ContainerService {
    package func removeContainer(_ reference: String, force: Bool, removeVolumes: Bool) async throws {
        let id = try containers.find(reference).id
        try await containers.lock.run(id) {
            guard let record = containers.record(id) else {
                throw ContainerError.notFound(reference)
            }
            if record.isRunning {
                guard force else {
                    throw ContainerError.removedWhileUp(
                        name: record.name, status: record.phase.status,
                        remedy: record.phase.isPaused ? .unpauseAndStop : .stop)
                }
                // One that waits to be started again has ended with this already.
                let (stopped, _) = try await containers.receive(
                    id, .stopRequested(by: .removal, deadline: nil), .durable)
                if stopped.isUp { try await endProcess(stopped) }
            }
            try await destroy(id, removeVolumes: removeVolumes)
        }
    }

    /// Kills a running container while its serial place is held, and settles its end.
    private func endProcess(_ record: ContainerRecord) async throws {
        try await send(9, to: record.id)
        publishKill(record, 9)
        let end = try await processEnd(record.id)
        try await settleEnd(record.id, end)
    }

    /// Takes away everything of an ended container. Whatever a crash leaves of it is taken up at the next start.
    func destroy(_ id: String, removeVolumes: Bool) async throws {
        let (record, effects) = try await containers.receive(id, .removalBegan)
        guard effects.contains(.destroy) else {
            throw ContainerError.removedWhileRunning(record.name)
        }
        do {
            try await runtime.delete(id)
            try await surroundings.remove(record, volumes: removeVolumes)
            try await containers.remove(id)
        } catch let error where !(error is CancellationError) {
            // Heeds no cancellation: writes to the node's store go on to their end.
            try await containers.receive(id, .removalFailed(DockerMessage.text(of: error)), .regardless)
            throw error
        }
        companions.hasBeenRemoved(id)
        events.publish("container", "destroy", id, record.eventAttributes)
        waiters.removed(id, ExitResult(statusCode: record.phase.exitCode))
    }

    package func pruneContainers(_ filters: Filters) async throws -> (removed: [String], reclaimedBytes: Int64) {
        let requested = try PruneFilters(filters, now: clock.now)
        var removed: [String] = []
        var reclaimed: Int64 = 0
        for record in containers.all where !record.isActive {
            guard requested.match(labels: record.configuration.labels ?? [:], created: record.created) else { continue }
            do {
                let bytes = try await surroundings.writtenBytes(record)
                try await removeContainer(record.id, force: false, removeVolumes: false)
                removed.append(record.id)
                reclaimed += bytes
            } catch let refusal as any Fault where refusal.kind == .conflict || refusal.kind == .notFound {
                continue  // Started or removed meanwhile.
            } catch let error where !(error is CancellationError) {
                // The others go all the same, and whoever asked is told of those.
                log.warning(
                    "a container could not be pruned",
                    metadata: ["container": "\(record.shortID)", "error": "\(error)"])
            }
        }
        events.publish("container", "prune", "", ["reclaimed": String(reclaimed)])
        return (removed, reclaimed)
    }
}
