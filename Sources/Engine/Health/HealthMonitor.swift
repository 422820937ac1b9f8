import Concurrency
import ContainerRuntime
import DockerMessages
import EngineInterface
import LinuxSystem
import Logging
import Model
import NIOCore

/// Asking containers for their health.
///
/// One task a container asks, waits for the answer and puts it on record before it asks again, so probes never pile up. The task ends
/// with the container's process; after a restart of the daemon the next one goes on from what is on record.
final class HealthMonitor: Sendable {
    private let containers: ContainerTable
    private let roots: ContainerRoots
    private let runtime: any ContainerExecs
    private let events: EventLog
    private let log: Logger

    init(
        containers: ContainerTable, roots: ContainerRoots, runtime: any ContainerExecs, events: EventLog, log: Logger
    ) {
        self.containers = containers
        self.events = events
        self.log = log
        self.roots = roots
        self.runtime = runtime
    }

    /// Execs of this name are probes; one that a dead daemon has left behind is known by it.
    private static let probePrefix = "probe-"
    /// How long a probe that was killed may take to be gone.
    private static let killTimeout = Duration.seconds(10)

    /// Asks until cancelled; returns at once for a container without a health check.
    func watch(_ id: String) async {
        guard let record = containers.record(id), let plan = HealthPlan(record.configuration) else { return }
        while true {
            do {
                return try await watch(id, plan)
            } catch is CancellationError {
                // The container has ended, or the daemon ends.
                return
            } catch {
                log.error(
                    "a container's health cannot be watched at present",
                    metadata: ["container": "\(id)", "error": "\(error)"])
            }
            // Cancelled: as above.
            do { try await Task.sleep(for: Self.backoff) } catch { return }
        }
    }

    private static let backoff = Duration.seconds(5)

    private func watch(_ id: String, _ plan: HealthPlan) async throws {
        try await runtime.removeExecs(of: id, named: Self.probePrefix)
        while true {
            guard let now = containers.record(id), now.isRunning, let health = now.health else { return }
            try await Task.sleep(for: plan.pause(health, since: Self.age(now)))
            guard let now = containers.record(id), now.isRunning else { return }
            // A frozen process cannot answer; Docker does not ask it either.
            if now.phase.isPaused { continue }
            let age = Self.age(now)
            let result = try await probe(now, plan)
            try await take(result, plan, age: age, of: id)
        }
    }

    private static func age(_ record: ContainerRecord) -> Duration {
        .seconds(max(0, Timestamp.now.timeSince(record.phase.startedAt)))
    }

    private func take(_ result: HealthState.HealthResult, _ plan: HealthPlan, age: Duration, of id: String) async throws
    {
        try Task.checkCancellation()
        let before = containers.record(id)?.health?.status
        let record = try await containers.update(id) { record in
            guard record.isRunning, var health = record.health else { return }
            plan.take(result, age: age, into: &health)
            record.health = health
        }
        guard let after = record.health?.status, after != before else { return }
        events.publish("container", "health_status: \(after)", id, record.eventAttributes)
    }

    /// Runs the command once. What goes wrong is a failed result.
    private func probe(_ record: ContainerRecord, _ plan: HealthPlan) async throws -> HealthState.HealthResult {
        var result = HealthState.HealthResult()
        result.start = .now
        let id = Self.probePrefix + RandomID.docker()
        var attributes = record.eventAttributes
        attributes["execID"] = id
        let command = plan.command.joined(separator: " ")
        events.publish("container", "exec_create: \(command)", record.id, attributes)
        do {
            var request = RuntimeExecRequest(id: id, container: record.id, arguments: plan.command)
            request.home = try await roots.user(record.configuration.user, in: record).home
            events.publish("container", "exec_start: \(command)", record.id, attributes)
            let session = try await runtime.startExec(request)
            let (code, output) = try await answer(session, within: plan.timeout)
            result.exitCode = code ?? HealthPlan.noExitCode
            result.output = code == nil ? "Health check exceeded timeout (\(Self.text(plan.timeout)))" : output
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            result.exitCode = HealthPlan.noExitCode
            result.output = DockerMessage.text(of: error)
        }
        result.end = .now
        attributes["exitCode"] = String(result.exitCode)
        events.publish("container", "exec_die", record.id, attributes)
        return result
    }

    /// The exit code and the output's beginning; no code when the time is over, and the process is killed then.
    private func answer(_ session: any ExecSession, within limit: Duration) async throws -> (Int?, String) {
        let output = ProbeOutput()
        let code: Int?
        do {
            code = try await withDeadline(limit) {
                try await output.read(session.viewer)
                return try await session.waitForExit()
            }
        } catch let error where error is DeadlinePassed || error is CancellationError {
            try await uncancelled { try await session.signal(9) }
            session.viewer.detach()
            if error is CancellationError { throw error }
            // Not cancelled: its time is over. Whoever is cancelled from here on has killed it.
            do {
                _ = try await withDeadline(Self.killTimeout) { try await session.waitForExit() }
            } catch is DeadlinePassed {
                log.warning("a probe does not end", metadata: ["pid": "\(session.pid)"])
            }
            code = nil
        }
        try await session.remove()
        return (code, await output.text)
    }

    /// As Go writes durations of seconds and below, which is what timeouts are.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        if seconds == 0 { return "\(milliseconds)ms" }
        let fraction = milliseconds == 0 ? "" : ".\(String(milliseconds + 1000).dropFirst())"
        if seconds < 60 { return "\(seconds)\(fraction)s" }
        let head = seconds < 3600 ? "" : "\(seconds / 3600)h"
        return "\(head)\(seconds / 60 % 60)m\(seconds % 60)\(fraction)s"
    }
}

/// The beginning of what a probe has written.
private actor ProbeOutput {
    private var bytes: [UInt8] = []

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Reads to the end; what is too much is dropped, so that the probe is not held up.
    func read(_ viewer: OutputViewer) async throws {
        while let piece = try await viewer.next() {
            bytes += piece.bytes.readableBytesView.prefix(max(0, HealthPlan.outputBytes - bytes.count))
        }
    }
}
