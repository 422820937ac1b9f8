import Concurrency
import ContainerRuntime
package import EngineInterface
import LinuxSystem
import Logging
import Model

/// Clients as viewers of a running container's streams, after what its log has of before.
package final class AttachService: ContainerStreamBackend {
    private let containers: ContainerTable
    private let waiters: ExitWaiters
    private let runtime: any ContainerOutput
    private let logs: LogService
    private let events: EventLog
    private let log: Logger

    init(
        containers: ContainerTable, waiters: ExitWaiters, runtime: any ContainerOutput, logs: LogService,
        events: EventLog, log: Logger
    ) {
        self.containers = containers
        self.events = events
        self.log = log
        self.logs = logs
        self.runtime = runtime
        self.waiters = waiters
    }

    package func attachContainer(_ reference: String, _ query: AttachQuery) async throws -> any AttachedStreams {
        let record = try containers.find(reference)
        if record.phase.isPaused {
            throw ContainerError.pausedBeforeAttach(record.id)
        }
        if record.phase.isRestarting {
            throw ContainerError.restarting(record.id)
        }
        // Asked for first: a viewer whom nobody reads would hold the container up.
        let past = query.logs ? try await logs.containerLogs(record.id, LogQuery()).output : nil
        let viewer = runtime.attach(record.id)
        events.publish("container", "attach", record.id, record.eventAttributes)
        return ViewerStreams(
            viewer: viewer, isTerminal: record.configuration.tty, takesInput: query.standardInput,
            endsInput: record.configuration.stdinOnce && !record.configuration.tty, shows: query, past: past,
            onFinished: { [waiters] in
                // The stream ends before the exit is on record: the client asks for it at once.
                let end = waiters.register(record.id, .exit)
                guard self.containers.record(record.id)?.isUp == true else { return }
                do { _ = try await withDeadline(Self.exitTimeout) { try await end.result() } } catch {
                    self.log.debug("an attach ended before its container", metadata: ["container": "\(record.shortID)"])
                }
            })
    }

    /// How long the end of a stream waits for the exit that belongs to it.
    private static let exitTimeout = Duration.seconds(2)

    package func resizeContainer(_ reference: String, height: Int, width: Int) async throws {
        let record = try containers.find(reference)
        guard record.isRunning else { throw ContainerError.notRunning(record.id) }
        guard record.configuration.tty else { return }
        try await runtime.resizeTerminal(record.id, height: height, width: width)
        var attributes = record.eventAttributes
        attributes["height"] = String(height)
        attributes["width"] = String(width)
        events.publish("container", "resize", record.id, attributes)
    }
}
