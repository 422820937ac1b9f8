import Concurrency
import ContainerRuntime
import EngineInterface
import Faults
import LinuxSystem
import Logging
import Model

/// Signals to containers, and what they are sent for.
extension ContainerService {
    package func stopContainer(_ reference: String, signal: String?, timeout: Int?) async throws {
        let record = try containers.find(reference)
        guard record.isRunning else { throw ContainerError.alreadyEnded(record.id) }
        try await stop(record, signal: signal, grace: timeout.map(StopGrace.init(seconds:)))
    }

    /// Sends the stop signal, then SIGKILL when the time is over, and returns when the container has ended.
    /// - Parameter grace: `nil` for the container's own.
    func stop(_ record: ContainerRecord, signal: String?, grace: StopGrace?, by cause: StopCause = .user) async throws {
        let number = try SignalName.parse(
            signal ?? record.configuration.stopSignal.flatMap { $0.isEmpty ? nil : $0 } ?? "SIGTERM")
        let grace = grace ?? StopGrace(seconds: record.configuration.stopTimeout ?? 10)
        let deadline = grace.duration.map { clock.now.advanced(bySeconds: $0.components.seconds) }
        let (stopped, effects) = try await containers.receive(
            record.id, .stopRequested(by: cause, deadline: deadline), .durable)
        perform(effects, stopped)
        // It only waited to be started again: with that it has been stopped, and no signal was sent.
        let onlyWaited = effects.contains { if case .release = $0 { true } else { false } }
        if onlyWaited { return publishStop(record) }
        // Its start is under way: then it runs afterwards, and is stopped as others are.
        if effects.contains(.awaitStart) { await containers.lock.run(record.id) {} }
        let end = waiters.register(record.id, .over)
        // What this stop was asked of has ended otherwise; a run that has begun since is nothing to it, and its policy would start it again.
        guard case .stopping = containers.record(record.id)?.phase else { return }
        try await send(number, to: record.id)
        publishKill(record, number)
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let time = grace.duration {
                group.addTask {
                    try await self.clock.sleep(for: time)
                    try await self.send(9, to: record.id)
                    self.publishKill(record, 9)
                }
            }
            _ = try await end.result()
            group.cancelAll()
        }
        publishStop(record)
    }

    private func publishStop(_ record: ContainerRecord) {
        events.publish("container", "stop", record.id, record.eventAttributes)
    }

    func publishKill(_ record: ContainerRecord, _ signal: Int32) {
        var attributes = record.eventAttributes
        attributes["signal"] = String(signal)
        events.publish("container", "kill", record.id, attributes)
    }

    /// Sends a signal. A paused container goes on then, as Docker has it: a frozen process takes none.
    func send(_ signal: Int32, to id: String) async throws {
        do {
            try await runtime.kill(id, signal: signal, all: false)
            guard containers.record(id)?.phase.isPaused == true else { return }
            try await runtime.unpause(id)
            // It may have ended meanwhile, and been settled: then this is refused.
            let (thawed, _) = try await containers.receive(id, .thawed)
            events.publish("container", "unpause", id, thawed.eventAttributes)
        } catch let error as RuntimeError where error.code == .wrongState || error.code == .noSuchContainer {
            // It has ended by itself meanwhile: its end is under way to whoever waits for it.
            log.debug("a signal came too late", metadata: ["container": "\(id)", "signal": "\(signal)"])
        }
    }

    /// Stops a container and starts it again; a task's is only stopped.
    ///
    /// Once begun it is brought to its end, whether its client waits for it or not: in between the container counts as one that is
    /// about to run.
    package func restartContainer(_ reference: String, signal: String?, timeout: Int?) async throws {
        let record = try containers.find(reference)
        let done = Promise<Void>()
        background.begin {
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
            do { try await stop(record, signal: signal, grace: grace, by: .restart) } catch {
                // Heeds no cancellation: writes to the node's store go on to their end.
                try await containers.receive(record.id, .restartAbandoned)
                throw error
            }
        }
        do { try await startContainer(record.id) } catch let refusal as any Fault where refusal.kind == .notModified {}
        events.publish("container", "restart", record.id, record.eventAttributes)
    }

    package func killContainer(_ reference: String, signal: String?) async throws {
        let record: ContainerRecord
        do { record = try containers.find(reference) } catch let refusal as ContainerError {
            throw ContainerError.notKilled(reference: reference, cause: Cause(refusal))
        }
        let number = try SignalName.parse(signal.flatMap { $0.isEmpty ? nil : $0 } ?? "SIGKILL")
        guard record.isUp else {
            throw ContainerError.killedAfterEnd(reference: reference, id: record.id)
        }
        let stopSignal = record.configuration.stopSignal.flatMap { $0.isEmpty ? nil : $0 } ?? "SIGTERM"
        if try number == 9 || number == SignalName.parse(stopSignal) {
            let (stopped, effects) = try await containers.receive(
                record.id, .stopRequested(by: .user, deadline: nil), .durable)
            perform(effects, stopped)
        }
        let end = waiters.register(record.id, .exit)
        try await send(number, to: record.id)
        publishKill(record, number)
        // As in Docker: whoever kills a container may remove it at once.
        guard number == 9, containers.record(record.id)?.isUp == true else { return }
        do { _ = try await withDeadline(Self.killTimeout) { try await end.result() } } catch is DeadlinePassed {
            throw ContainerError.survivedKill(reference)
        }
    }

    /// How long the end may take of a container that was killed. Source: moby, `daemon/kill.go`.
    private static let killTimeout = Duration.seconds(12)

    package func pauseContainer(_ reference: String) async throws {
        let record = try containers.find(reference)
        try await containers.lock.run(record.id) {
            guard let record = containers.record(record.id), record.isRunning else {
                throw ContainerError.notRunning(record.id)
            }
            if record.phase.isPaused { throw ContainerError.alreadyPaused(record.id) }
            try await runtime.pause(record.id)
            try await containers.receive(record.id, .frozen)
        }
        events.publish("container", "pause", record.id, record.eventAttributes)
    }

    package func unpauseContainer(_ reference: String) async throws {
        let record = try containers.find(reference)
        try await containers.lock.run(record.id) {
            guard containers.record(record.id)?.phase.isPaused == true else {
                throw ContainerError.notPaused(record.id)
            }
            try await runtime.unpause(record.id)
            try await containers.receive(record.id, .thawed)
        }
        events.publish("container", "unpause", record.id, record.eventAttributes)
    }
}
