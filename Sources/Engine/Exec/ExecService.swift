import Concurrency
import ContainerRuntime
import DockerMessages
package import EngineInterface
import LinuxSystem
import Logging
package import Model
import Synchronization

/// Commands inside containers.
package final class ExecService: ExecBackend {
    let execs = ExecTable()
    /// By the ids of commands.
    private let waiters = ExitWaiters()
    /// Running commands, for resizing their terminals.
    private let sessions = Mutex<[String: any ExecSession]>([:])
    private let containers: ContainerTable
    private let roots: ContainerRoots
    private let runtime: any ContainerExecs
    private let events: EventLog
    private let background: BackgroundTasks
    private let log: Logger

    init(
        containers: ContainerTable, roots: ContainerRoots, runtime: any ContainerExecs, events: EventLog,
        background: BackgroundTasks, log: Logger
    ) {
        self.containers = containers
        self.events = events
        self.log = log
        self.roots = roots
        self.runtime = runtime
        self.background = background
    }

    package func createExec(container reference: String, _ request: Model.ExecRequest) async throws -> String {
        let record = try containers.find(reference)
        guard record.isRunning else { throw ContainerError.notRunning(record.id) }
        if record.phase.isPaused {
            throw ContainerError.pausedBeforeExec(record.id)
        }
        if record.phase.isRestarting {
            throw ContainerError.restarting(record.id)
        }
        if request.cmd.isEmpty { throw ExecError.noCommand }
        let entry = execs.create(containerID: record.id, request)
        var attributes = record.eventAttributes
        attributes["execID"] = entry.id
        events.publish("container", "exec_create: \(request.cmd.joined(separator: " "))", record.id, attributes)
        return entry.id
    }

    package func checkExec(_ id: String) async throws -> RequestedExecStreams {
        let entry = try execs.find(id)
        let record = try containers.find(entry.containerID)
        guard record.isRunning else { throw ContainerError.notRunning(record.id) }
        if entry.isStarted {
            throw entry.isRunning ? ExecError.alreadyRunning(id) : ExecError.alreadyRun(id)
        }
        return RequestedExecStreams(
            isTerminal: entry.request.tty, wantsInput: entry.request.attachStdin,
            detachKeys: entry.request.detachKeys)
    }

    package func startExec(_ id: String, height: Int?, width: Int?) async throws -> any AttachedStreams {
        let entry = try execs.begin(id)
        do {
            let session = try await begin(entry, height: height, width: width)
            let settled = follow(entry, session)
            return ExecStreams(session: session, entry: entry, settled: settled)
        } catch {
            settleFailure(entry, error)
            return FailedStreams(isTerminal: entry.request.tty, message: "\(DockerMessage.text(of: error))\r\n")
        }
    }

    package func startExecDetached(_ id: String) async throws {
        let entry = try execs.begin(id)
        do {
            let session = try await begin(entry, height: nil, width: nil)
            session.viewer.detach()
            _ = follow(entry, session)
        } catch {
            settleFailure(entry, error)
            throw error
        }
    }

    /// Waits for the command's end, whoever still looks at it, and puts its exit code on record.
    private func follow(_ entry: ExecTable.Entry, _ session: any ExecSession) -> PendingExit {
        let key = entry.id
        let settled = waiters.register(key, .exit)
        background.begin {
            do {
                let code = try await session.waitForExit()
                self.settle(entry, code)
                self.waiters.ended(key, ExitResult(statusCode: code))
                await self.removeFiles(of: entry, session)
            } catch is CancellationError {
                // The daemon stops; the command goes on, and Docker's clients know it no more.
            } catch {
                self.log.error("an exec's exit is not known", metadata: ["exec": "\(entry.id)", "error": "\(error)"])
                self.settle(entry, 255)
                self.waiters.ended(key, ExitResult(statusCode: 255))
                await self.removeFiles(of: entry, session)
            }
        }
        return settled
    }

    private func begin(_ entry: ExecTable.Entry, height: Int?, width: Int?) async throws -> any ExecSession {
        let record = try containers.find(entry.containerID)
        let request = entry.request
        var requested = RuntimeExecRequest(id: entry.id, container: entry.containerID, arguments: request.cmd)
        requested.environment = request.env
        requested.workingDirectory = request.workingDir
        requested.terminal = request.tty
        requested.openInput = request.attachStdin
        requested.privileged = request.privileged
        if let height, let width, height > 0, width > 0 { requested.size = TerminalSize(height: height, width: width) }
        let user = try await roots.user(
            request.user.isEmpty ? record.configuration.user : request.user, in: record)
        requested.home = user.home
        // The container's own has the groups that it was made with.
        if !request.user.isEmpty { requested.user = user }
        let session = try await runtime.startExec(requested)
        execs.setProcess(entry.id, Int(clamping: session.pid))
        sessions.withLock { $0[entry.id] = session }
        var attributes = record.eventAttributes
        attributes["execID"] = entry.id
        events.publish("container", "exec_start: \(request.cmd.joined(separator: " "))", record.id, attributes)
        return session
    }

    private func settle(_ entry: ExecTable.Entry, _ code: Int) {
        execs.end(entry.id, code)
        var attributes = containers.record(entry.containerID)?.eventAttributes ?? [:]
        attributes["execID"] = entry.id
        attributes["exitCode"] = String(code)
        events.publish("container", "exec_die", entry.containerID, attributes)
        sessions.withLock { _ = $0.removeValue(forKey: entry.id) }
    }

    private func removeFiles(of entry: ExecTable.Entry, _ session: any ExecSession) async {
        do { try await session.remove() } catch {
            log.warning("an exec's files were not removed", metadata: ["exec": "\(entry.id)", "error": "\(error)"])
        }
    }

    private func settleFailure(_ entry: ExecTable.Entry, _ error: any Error) {
        let code = (error as? RuntimeError)?.exitCode ?? 126
        // Docker's client shows 126 and 127 only; anything else that failed to start is 126 to it.
        execs.end(entry.id, code == 127 ? 127 : 126)
    }

    package func resizeExec(_ id: String, height: Int, width: Int) async throws {
        let entry = try execs.find(id)
        guard entry.isRunning, let session = sessions.withLock({ $0[id] }) else {
            throw ExecError.notRunning(id)
        }
        try await session.resizeTerminal(height: height, width: width)
    }

    package func inspectExec(_ id: String) async throws -> ExecInspection {
        let entry = try execs.inspect(id)
        var view = ExecInspection()
        view.id = entry.id
        view.running = entry.isRunning
        view.exitCode = entry.exitCode
        view.processConfig.tty = entry.request.tty
        view.processConfig.entrypoint = entry.request.cmd.first ?? ""
        view.processConfig.arguments = Array(entry.request.cmd.dropFirst())
        view.processConfig.privileged = entry.request.privileged
        view.processConfig.user = entry.request.user.isEmpty ? nil : entry.request.user
        view.openStdin = entry.request.attachStdin
        view.openStdout = entry.request.attachStdout
        view.openStderr = entry.request.attachStderr
        view.containerID = entry.containerID
        view.detachKeys = entry.request.detachKeys
        view.pid = entry.pid
        return view
    }
}
