import Concurrency
import ContainerRuntime
package import EngineInterface
import Faults
import LinuxSystem
import Logging
import Model

/// The ends of containers' processes, and what follows them.
extension ContainerService {
    /// Until what failed after the end of a container is tried once more: its processes may be stuck in a call for a while.
    static let settlingBackoff = Duration.seconds(5)
    /// How long the start of a container waits for that of one that it needs, and how often it looks.
    static let returnTimeout = Duration.seconds(60)
    static let look = Duration.milliseconds(100)

    /// Follows a running container to its end and does what is to follow; again, when that did not succeed.
    func watch(_ id: String) async {
        var end: ProcessEnd?
        repeat {
            do {
                let known = if let end { end } else { try await self.end(of: id) }
                end = known
                try await containers.lock.run(id) { try await settleEnd(id, known) }
                return
            } catch is CancellationError {
                // The daemon stops; the container goes on and is adopted by the next.
                return
            } catch {
                // Whoever removes a container settles its end, and takes away what tells of it.
                guard containers.record(id)?.isUp == true else { return }
                log.error(
                    "a container's end was not settled", metadata: ["container": "\(id)", "error": "\(error)"])
            }
            // Cancelled: as above.
            do { try await clock.sleep(for: Self.settlingBackoff) } catch { return }
        } while containers.record(id)?.isUp == true
    }

    private func end(of id: String) async throws -> ProcessEnd {
        try await withThrowingTaskGroup(of: ProcessEnd?.self) { group in
            group.addTask { try await self.processEnd(id) }
            group.addTask {
                await self.companions.whileRunning(id)
                return nil
            }
            defer { group.cancelAll() }
            while let end = try await group.next() { if let end { return end } }
            throw CancellationError()
        }
    }

    /// Returns when the container has ended.
    func processEnd(_ id: String) async throws -> ProcessEnd {
        if let known = containers.record(id)?.phase.run?.end { return known }
        let exit: ContainerExit
        do { exit = try await runtime.waitForExit(id) } catch {
            // Somebody else is about to settle it: then it is on record, before its last traces go.
            if let known = containers.record(id)?.phase.run?.end { return known }
            throw error
        }
        if exit.monitorWasLost {
            log.warning("a container lost its monitor and was stopped", metadata: ["container": "\(id)"])
        }
        memoryKills.ended(id, kills: exit.outOfMemoryKills)
        return ProcessEnd(code: exit.code, wasOutOfMemory: exit.outOfMemory)
    }

    /// While the container's serial place is held.
    func settleEnd(_ id: String, _ end: ProcessEnd) async throws {
        guard containers.record(id)?.isUp == true else { return }
        // Before the process' last traces go: should the daemon be killed meanwhile, the next one goes on from here.
        try await containers.receive(id, .processEnded(end), .regardless)
        try await runtime.delete(id)
        // Also before a restart: that allocates endpoints anew, and the old ones' links would be in the way.
        let left = try await surroundings.release(id)
        try await surroundings.unmount(id)
        let now = clock.now
        // Decided on the record of this moment: a stop may have come while all this was done.
        let (record, effects) = try await containers.receive(id, .regardless) { record in
            .settled(at: now, restartAfter: RestartBackoff.delay(record, end, now: now))
        } change: { record, effects in
            // As Docker has it: nothing that does not run is healthy.
            record.health?.status = HealthPlan.unhealthy
            if effects.contains(where: { if case .restart = $0 { true } else { false } }) { record.restartCount += 1 }
        }
        perform(effects, record, left: left)
    }

    /// Starts a container again that its policy has let wait, unless something else has come of it meanwhile.
    /// - Parameters:
    ///   - phase: In which it waits.
    ///   - withDaemon: As in ``waitForNeeded(by:in:withDaemon:)``.
    func restart(
        _ id: String, from phase: ContainerPhase, after delay: Duration, withDaemon: Bool = false
    ) async {
        do {
            try await clock.sleep(for: delay)
            try await waitForNeeded(by: id, in: phase, withDaemon: withDaemon)
            try await containers.lock.run(id) {
                guard containers.record(id)?.phase == phase else { return }
                try await startAgain(id)
            }
        } catch is CancellationError {
            // The daemon stops; the next one starts the container.
        } catch {
            log.warning("a container could not be restarted", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }

    /// Returns when the containers that this one is linked to or shares namespaces with run, or are not about to: when the node or the daemon comes
    /// back, all start at once, and one that came before those would be refused and stay down. Waits for ``returnTimeout`` at most, and no longer than
    /// the container is in the phase in which it is to be started.
    /// - Parameter withDaemon: Whether the daemon has just begun, and starts those of which the policy says so.
    func waitForNeeded(by id: String, in phase: ContainerPhase, withDaemon: Bool) async throws {
        var waited = Duration.zero
        while waited < Self.returnTimeout, let record = containers.record(id), record.phase == phase,
            isBeforeNeeded(record, withDaemon)
        {
            try await clock.sleep(for: Self.look)
            waited += Self.look
        }
    }

    private func isBeforeNeeded(_ record: ContainerRecord, _ withDaemon: Bool) -> Bool {
        let owners = [record.networkOwner, record.pidOwner].compactMap { $0 }
        return (owners + (record.links ?? []).map(\.containerID)).contains { id in
            guard let needed = containers.record(id), !needed.isUp else { return false }
            if needed.isActive { return true }
            // Of a task's the task's own runner says what becomes of it.
            guard needed.task == nil else { return false }
            return needed.phase.isRequested || (withDaemon && shouldStartWithDaemon(needed))
        }
    }

    /// Starts a container for its policy or for an earlier daemon, while its serial place is held.
    func startAgain(_ id: String) async throws {
        let (_, effects) = try await containers.receive(id, .startRequested)
        if effects.contains(.bringUp) { try await bringUp(id) }
    }

    /// Removes a container that is not to outlive its end.
    func removeEnded(_ id: String) async {
        do {
            try await containers.lock.run(id) {
                guard let record = containers.record(id), !record.isRunning else { return }
                try await destroy(id, removeVolumes: true)
            }
        } catch is CancellationError {
            // The daemon stops; the next one removes it.
        } catch {
            log.error(
                "a container was not removed after its end", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }

    package func waitForContainer(_ reference: String, _ condition: WaitCondition) async throws -> PendingExit {
        let record = try containers.find(reference)
        let pending = waiters.register(record.id, condition == .removed ? .removed : .exit)
        let current = containers.record(record.id)
        let isOver =
            switch condition {
            case .notRunning: current.map { !$0.isActive } ?? true
            case .removed: current == nil
            case .nextExit: false
            }
        guard isOver else { return pending }
        let code = (current ?? record).phase.exitCode
        return PendingExit { ExitResult(statusCode: code) }
    }
}

/// After how long a policy starts a container again. Pure. Source: Docker's restart manager.
enum RestartBackoff {
    /// `nil` for never. The wait doubles from 100 ms to a minute, and begins anew for a container that ran ten seconds.
    static func delay(_ record: ContainerRecord, _ end: ProcessEnd, now: Timestamp) -> Duration? {
        // After a task another one follows, never the same container again.
        guard record.task == nil else { return nil }
        let policy = record.hostConfig.restartPolicy
        switch policy.name {
        case "always", "unless-stopped": break
        case "on-failure":
            guard end.code != 0 else { return nil }
            if policy.maximumRetryCount > 0, record.restartCount >= policy.maximumRetryCount { return nil }
        default: return nil
        }
        if now.timeSince(record.phase.startedAt) > 10 { return .milliseconds(100) }
        return .milliseconds(min(60_000, 100 << min(record.restartCount, 10)))
    }
}
