import Concurrency
import ContainerRuntime
import DockerMessages
package import EngineInterface
import Faults
import LinuxSystem
import Logging
import Model
import Synchronization

/// Removing containers.
extension ContainerService {
    /// How seldom a removal that fails again and again is tried at least.
    private static let longestRemovalPause = Duration.seconds(300)

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

    /// Takes away everything of an ended container, while its serial place is held.
    ///
    /// A removal that has begun comes to its end. One that fails, or whose caller is cancelled in the middle of it, is gone on with by the daemon
    /// itself, and one that a daemon could not end by the next one, in ``resume(_:)``.
    func destroy(_ id: String, removeVolumes: Bool) async throws {
        do { try await attemptRemoval(id, removeVolumes: removeVolumes) } catch {
            if containers.record(id)?.phase.isBeingRemoved == true {
                removeLater(id, after: error is CancellationError ? .zero : Self.settlingBackoff)
            }
            throw error
        }
    }

    private func attemptRemoval(_ id: String, removeVolumes: Bool) async throws {
        // On record, too, what is to be taken along: whoever goes on with it knows no other way. Said once: another attempt writes nothing at its
        // beginning, so that one is made on a full disk as well, where it makes room.
        let note: (inout ContainerRecord, [ContainerEffect]) -> Void = { record, _ in record.removesVolumes = true }
        let isNews = removeVolumes && containers.record(id)?.removesVolumes != true
        let (record, effects) = try await containers.receive(id, .removalBegan, change: isNews ? note : nil)
        guard effects.contains(.destroy) else {
            throw ContainerError.removedWhileRunning(record.name)
        }
        do {
            try await runtime.delete(id)
            try await surroundings.remove(record, volumes: record.removesVolumes == true)
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

    /// Goes on with a removal beside whatever else is asked for, one job a container.
    private func removeLater(_ id: String, after pause: Duration) {
        guard unfinishedRemovals.withLock({ $0.insert(id).inserted }) else { return }
        background.begin {
            await self.finishRemoval(id, after: pause)
            self.unfinishedRemovals.withLock { _ = $0.remove(id) }
        }
    }

    /// Tries until the container is gone, ever less often, or the daemon stops: then the next one does.
    private func finishRemoval(_ id: String, after pause: Duration) async {
        var pause = pause
        while true {
            do {
                try await clock.sleep(for: pause)
                return try await containers.lock.run(id) {
                    guard containers.record(id)?.phase.isBeingRemoved == true else { return }
                    try await attemptRemoval(id, removeVolumes: false)
                }
            } catch is CancellationError where Task.isCancelled {
                return
            } catch {
                log.error("a container is not removed yet", metadata: ["container": "\(id)", "error": "\(error)"])
            }
            pause = min(max(pause * 2, Self.settlingBackoff), Self.longestRemovalPause)
        }
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
