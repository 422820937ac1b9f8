import Concurrency
import DataPlane
package import EngineInterface
import Faults
import LocalStore
import Logging
import Model

/// Starting, stopping and ending containers, and what follows an end.
extension NodeEngine {
    package func startContainer(_ reference: String) async throws {
        let record = try containers.find(reference)
        if !record.isRunning { try refuseSecondLife(record) }
        try await start(record.id)
    }

    /// A task runs once: when its container ends the task ends, and the swarm makes another one. A second life of the container would be
    /// nobody's.
    private func refuseSecondLife(_ record: ContainerRecord) throws {
        guard record.task != nil else { return }
        throw APIError(
            .conflict,
            "container \(record.id) is a task's: it is for the swarm to start, and not again once it has ended")
    }

    /// The same for whoever the container belongs to.
    func start(_ reference: String) async throws {
        let id = try containers.find(reference).id
        try await serializer.run(id) {
            guard let record = containers.record(id) else {
                throw APIError(.notFound, "No such container: \(reference)")
            }
            if record.state.paused { throw APIError(.conflict, "cannot start a paused container, try unpause instead") }
            if record.isRunning, !record.state.restarting {
                throw APIError(.notModified, "container \(id) is already running")
            }
            if record.isBeingRemoved {
                throw APIError(.conflict, "container is marked for removal and cannot be started")
            }
            try await containers.update(id, durably: true) { record in
                record.isStoppedByUser = false
                record.isBeingRestarted = nil
                record.isWanted = true
                record.restartCount = 0
            }
            try await bringUp(id)
        }
    }

    /// Joins the networks, mounts the root and starts the process. Undoes all of it when a step fails.
    func bringUp(_ id: String) async throws {
        do {
            try await resolveSharingLate(id)
            let record = try await allotNetworks(id)
            try await prepareFiles(record)
            try await mountRoot(record)
            let pid = try await launch(record)
            let started = try await containers.update(id) { record in
                record.isStarting = false
                record.state.status = "running"
                record.state.running = true
                record.state.restarting = false
                record.state.paused = false
                record.state.outOfMemoryKilled = false
                record.state.pid = pid
                record.state.exitCode = 0
                record.state.error = ""
                record.state.startedAt = .now
                record.ending = nil
                record.endedUnhealthy = nil
                record.state.health =
                    HealthPlan(record.configuration) == nil ? nil : HealthPlan.begin(record.state.health)
            }
            await renewLinks(to: started)
            announceNetworks(started)
            events.publish("container", "start", id, started.eventAttributes)
            workbench.begin { await self.watch(id) }
        } catch {
            // What made it fail is often that this task is cancelled: the node leaves its swarm, or the task is not wanted any more.
            let failure = error
            await uncancelled { await self.undoStart(id, after: failure) }
            throw error
        }
    }

    private func undoStart(_ id: String, after error: any Error) async {
        var faults = FaultList()
        do { try await discardProcess(id) } catch { faults.add(error) }
        do { _ = try await releaseNetworks(id) } catch { faults.add(error) }
        // It may have been made and never joined.
        do { try await network.dataPlane.discardSandbox(id) } catch { faults.add(error) }
        do { try await unmountRoot(id) } catch { faults.add(error) }
        do {
            let code = startExitCode(error)
            let failed = try await containers.update(id) { record in
                record.isWanted = false
                record.isStarting = false
                record.isBeingRestarted = nil
                record.state.running = false
                record.state.restarting = false
                record.state.pid = 0
                record.state.exitCode = code
                record.state.error = "\(error)"
                record.state.status = record.state.startedAt == .zero ? "created" : "exited"
            }
            // Of a start anew somebody may have waited for the end since before; nothing more comes.
            waiters.ended(id, ExitResult(statusCode: code))
            if failed.hostConfig.autoRemove, failed.task == nil {
                workbench.begin { await self.removeEnded(id) }
            }
        } catch { faults.add(error) }
        if !faults.faults.isEmpty {
            log.error("a failed start left something behind", metadata: ["container": "\(id)", "error": "\(faults)"])
        }
    }

    /// Follows a running container to its end and does what is to follow; again, when that did not succeed.
    func watch(_ id: String) async {
        var end: ProcessEnd?
        repeat {
            do {
                let known = if let end { end } else { try await self.end(of: id) }
                end = known
                try await serializer.run(id) { try await settleEnd(id, known) }
                return
            } catch is CancellationError {
                // The daemon stops; the container goes on and is adopted by the next.
                return
            } catch {
                log.error(
                    "a container's end was not settled", metadata: ["container": "\(id)", "error": "\(error)"])
            }
            // Cancelled: as above.
            do { try await Task.sleep(for: Self.settlingPause) } catch { return }
        } while containers.record(id)?.isRunning == true
    }

    /// Until what failed after the end of a container is tried once more: its processes may be stuck in a call for a while.
    static let settlingPause = Duration.seconds(5)

    private func end(of id: String) async throws -> ProcessEnd {
        try await withThrowingTaskGroup(of: ProcessEnd?.self) { group in
            group.addTask { try await self.processEnd(id) }
            group.addTask {
                await self.watchHealth(id)
                return nil
            }
            defer { group.cancelAll() }
            while let end = try await group.next() { if let end { return end } }
            throw CancellationError()
        }
    }

    private func settleEnd(_ id: String, _ end: ProcessEnd) async throws {
        guard let before = containers.record(id), before.isRunning else { return }
        // Before the process' last traces go: should the daemon be killed meanwhile, the next one goes on from here.
        if before.ending == nil { try await note(id) { $0.ending = end } }
        try await discardProcess(id)
        // Also before a restart: that allots endpoints anew, and the old ones' links would be in the way.
        let left = try await releaseNetworks(id)
        try await unmountRoot(id)
        var again: Duration?
        let record = try await note(id) { record in
            // Decided on the record of this moment: a stop may have come while all this was done.
            again = self.restartDelay(record, end)
            // Whoever looks at it now must not take it for ended: it is started again at once.
            let goesOn = again != nil || (record.isBeingRestarted == true && !record.isBeingRemoved)
            record.ending = nil
            record.state.pid = 0
            record.state.paused = false
            // As Docker has it: nothing that does not run is healthy.
            record.state.health?.status = HealthPlan.unhealthy
            record.state.exitCode = end.code
            record.state.outOfMemoryKilled = end.wasOutOfMemory
            record.state.finishedAt = .now
            record.state.running = goesOn
            record.state.restarting = goesOn
            record.state.status = goesOn ? "restarting" : "exited"
            if again != nil { record.restartCount += 1 } else { record.isWanted = false }
        }
        var attributes = record.eventAttributes
        attributes["exitCode"] = String(end.code)
        attributes["execDuration"] = String(
            max(0, record.state.finishedAt.wholeSeconds(since: record.state.startedAt)))
        if end.wasOutOfMemory { events.publish("container", "oom", id, record.eventAttributes) }
        events.publish("container", "die", id, attributes)
        announceLeft(record, left)
        waiters.ended(id, ExitResult(statusCode: end.code), isOver: again == nil)
        if let again {
            workbench.begin { await self.restartLater(id, after: again) }
        } else if record.hostConfig.autoRemove, !record.isBeingRemoved, !record.state.restarting {
            workbench.begin { await self.removeEnded(id) }
        }
    }

    /// Changes a record by what has happened. A store that cannot be written, as on a full disk, does not undo that, and nobody is left
    /// waiting for it: the next change takes it along.
    @discardableResult
    func note(_ id: String, _ change: (inout ContainerRecord) -> Void) async throws -> ContainerRecord {
        do {
            return try await containers.update(id, change)
        } catch let error as LocalStoreError {
            guard let record = containers.record(id) else { throw error }
            log.error(
                "what happened to a container is not on record",
                metadata: ["container": "\(record.shortID)", "error": "\(error)"])
            return record
        }
    }

    /// After how long a container is started again; `nil` for never. The wait doubles from 100 ms to a minute, and begins
    /// anew for a container that ran ten seconds. Source: Docker's restart manager.
    private func restartDelay(_ record: ContainerRecord, _ end: ProcessEnd) -> Duration? {
        // After a task another one follows, never the same container again.
        guard record.task == nil, !record.isStoppedByUser, !record.isBeingRemoved else { return nil }
        let policy = record.hostConfig.restartPolicy
        switch policy.name {
        case "always", "unless-stopped": break
        case "on-failure":
            guard end.code != 0 else { return nil }
            if policy.maximumRetryCount > 0, record.restartCount >= policy.maximumRetryCount { return nil }
        default: return nil
        }
        if Timestamp.now.timeSince(record.state.startedAt) > 10 { return .milliseconds(100) }
        return .milliseconds(min(60_000, 100 << min(record.restartCount, 10)))
    }

    private func restartLater(_ id: String, after delay: Duration) async {
        do {
            try await Task.sleep(for: delay)
            try await serializer.run(id) {
                guard let record = containers.record(id), record.state.restarting, !record.isStoppedByUser,
                    record.isWanted
                else { return }
                try await containers.update(id) { $0.state.running = false }
                try await bringUp(id)
            }
        } catch is CancellationError {
            // The daemon stops; the next one starts the container.
        } catch {
            log.warning("a container could not be restarted", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }

    /// Removes a container that is not to outlive its end; again, when that did not succeed.
    func removeEnded(_ id: String) async {
        while true {
            do {
                return try await serializer.run(id) {
                    guard let record = containers.record(id), !record.isRunning else { return }
                    try await destroy(id, removeVolumes: true)
                }
            } catch is CancellationError {
                // The daemon stops; the next one removes it.
                return
            } catch {
                log.error(
                    "a container was not removed after its end", metadata: ["container": "\(id)", "error": "\(error)"])
            }
            // Cancelled: as above.
            do { try await Task.sleep(for: Self.settlingPause) } catch { return }
        }
    }

    package func stopContainer(_ reference: String, signal: String?, timeout: Int?) async throws {
        let record = try containers.find(reference)
        guard record.isRunning else { throw APIError(.notModified, "container \(record.id) is not running") }
        try await stop(record, signal: signal, grace: timeout.map(StopGrace.init(seconds:)))
    }

    /// Sends the stop signal, then SIGKILL when the time is over, and returns when the container has ended.
    /// - Parameter grace: `nil` for the container's own.
    func stop(_ record: ContainerRecord, signal: String?, grace: StopGrace?) async throws {
        let number = try SignalName.parse(
            signal ?? record.configuration.stopSignal.flatMap { $0.isEmpty ? nil : $0 } ?? "SIGTERM")
        let grace = grace ?? StopGrace(seconds: record.configuration.stopTimeout ?? 10)
        let updated = try await containers.update(record.id, durably: true) { record in
            record.isStoppedByUser = true
            record.isWanted = false
        }
        // Its start may have been under way: then it runs now, and is stopped as others are.
        if updated.state.restarting { try await giveUpRestart(record.id) }
        let end = waiters.register(record.id, .over)
        guard containers.record(record.id)?.isUp == true else { return }
        try await send(number, to: record.id)
        announceKill(record, number)
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let time = grace.duration {
                group.addTask {
                    try await Task.sleep(for: time)
                    try await self.send(9, to: record.id)
                    self.announceKill(record, 9)
                }
            }
            _ = try await end.result()
            group.cancelAll()
        }
        events.publish("container", "stop", record.id, record.eventAttributes)
    }

    private func announceKill(_ record: ContainerRecord, _ signal: Int32) {
        var attributes = record.eventAttributes
        attributes["signal"] = String(signal)
        events.publish("container", "kill", record.id, attributes)
    }

    private func giveUpRestart(_ id: String) async throws {
        try await serializer.run(id) {
            guard let record = containers.record(id), record.state.restarting else { return }
            _ = try await releaseNetworks(id)
            try await containers.update(id) { record in
                record.state.restarting = false
                record.state.running = false
                record.state.status = "exited"
            }
            waiters.ended(id, ExitResult(statusCode: record.state.exitCode))
        }
    }

    /// Kills a running container while its serial place is held, and settles its end.
    func endProcess(_ record: ContainerRecord) async throws {
        if record.state.restarting {
            try await containers.update(record.id) {
                $0.state.running = false; $0.state.restarting = false
            }
            return
        }
        try await send(9, to: record.id)
        announceKill(record, 9)
        let end = try await processEnd(record.id)
        try await settleEnd(record.id, end)
    }

    /// Stops a container and starts it again; a task's is only stopped.
    ///
    /// Once begun it is brought to its end, whether its client waits for it or not: in between the container counts as one that is
    /// about to run.
    package func restartContainer(_ reference: String, signal: String?, timeout: Int?) async throws {
        let record = try containers.find(reference)
        let done = Promise<Void>()
        workbench.begin {
            do {
                try await self.restart(record, signal: signal, grace: timeout.map(StopGrace.init(seconds:)))
                done.succeed(())
            } catch { done.fail(error) }
        }
        try await done.value()
    }

    private func restart(_ record: ContainerRecord, signal: String?, grace: StopGrace?) async throws {
        // With the end of its container a task has ended: the swarm starts another one in its place.
        if record.task != nil {
            guard record.isRunning else { return try refuseSecondLife(record) }
            return try await stop(record, signal: signal, grace: grace)
        }
        if record.isRunning {
            try await containers.update(record.id) { $0.isBeingRestarted = true }
            do { try await stop(record, signal: signal, grace: grace) } catch {
                try await containers.update(record.id) { $0.isBeingRestarted = nil }
                throw error
            }
        }
        do { try await startContainer(record.id) } catch let refusal as APIError where refusal.kind == .notModified {}
        events.publish("container", "restart", record.id, record.eventAttributes)
    }

    package func killContainer(_ reference: String, signal: String?) async throws {
        let record: ContainerRecord
        do { record = try containers.find(reference) } catch let refusal as APIError {
            throw APIError(refusal.kind, "Cannot kill container: \(reference): \(refusal.message)")
        }
        let number = try SignalName.parse(signal.flatMap { $0.isEmpty ? nil : $0 } ?? "SIGKILL")
        guard record.isRunning, !record.state.restarting else {
            throw APIError(.conflict, "cannot kill container: \(reference): container \(record.id) is not running")
        }
        let stopSignal = record.configuration.stopSignal.flatMap { $0.isEmpty ? nil : $0 } ?? "SIGTERM"
        if try number == 9 || number == SignalName.parse(stopSignal) {
            try await containers.update(record.id, durably: true) {
                $0.isStoppedByUser = true; $0.isWanted = false
            }
        }
        let end = waiters.register(record.id, .exit)
        try await send(number, to: record.id)
        announceKill(record, number)
        // As in Docker: whoever kills a container may remove it at once.
        guard number == 9, containers.record(record.id)?.isUp == true else { return }
        do { _ = try await withDeadline(Self.killPatience) { try await end.result() } } catch is DeadlinePassed {
            throw APIError(
                .internalError,
                "cannot kill container: \(reference): tried to kill container, but did not receive an exit event")
        }
    }

    /// How long the end may take of a container that was killed. Source: moby, `daemon/kill.go`.
    private static let killPatience = Duration.seconds(12)

    package func pauseContainer(_ reference: String) async throws {
        let record = try containers.find(reference)
        try await serializer.run(record.id) {
            guard let record = containers.record(record.id), record.isRunning else {
                throw APIError(.conflict, "container \(record.id) is not running")
            }
            if record.state.paused { throw APIError(.conflict, "container \(record.id) is already paused") }
            try await setPaused(true, record.id)
            try await containers.update(record.id) {
                $0.state.paused = true; $0.state.status = "paused"
            }
        }
        events.publish("container", "pause", record.id, record.eventAttributes)
    }

    package func unpauseContainer(_ reference: String) async throws {
        let record = try containers.find(reference)
        try await serializer.run(record.id) {
            guard containers.record(record.id)?.state.paused == true else {
                throw APIError(.conflict, "container \(record.id) is not paused")
            }
            try await setPaused(false, record.id)
            try await containers.update(record.id) {
                $0.state.paused = false; $0.state.status = "running"
            }
        }
        events.publish("container", "unpause", record.id, record.eventAttributes)
    }

    package func waitForContainer(_ reference: String, _ condition: WaitCondition) async throws -> PendingExit {
        let record = try containers.find(reference)
        let pending = waiters.register(record.id, condition == .removed ? .removed : .exit)
        let current = containers.record(record.id)
        let isOver =
            switch condition {
            case .notRunning: current.map { !$0.isRunning && !$0.isStarting } ?? true
            case .removed: current == nil
            case .nextExit: false
            }
        guard isOver else { return pending }
        let code = (current ?? record).state.exitCode
        return PendingExit { ExitResult(statusCode: code) }
    }
}

/// How a container's process ended.
struct ProcessEnd: Codable, Sendable, Equatable {
    var code: Int
    var wasOutOfMemory: Bool
}
