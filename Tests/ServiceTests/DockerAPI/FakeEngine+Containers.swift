import EngineInterface
import Faults
import Model
import NIOCore
import Synchronization

extension FakeEngine: ContainerBackend, ContainerCreationBackend, ContainerListBackend, ContainerStreamBackend,
    LogBackend,
    ExecBackend, ContainerFilesBackend, ContainerStatsBackend
{
    func createContainer(name: String?, platform: String?, _ request: ContainerCreateRequest) throws -> (
        id: String, warnings: [String]
    ) {
        if request.configuration.image == "nosuch:1" { throw ImageError.notFound("nosuch:1") }
        if let name, let other = containers.values.first(where: { $0.name == name }) {
            throw ContainerError.nameTaken(name: name, owner: other.id)
        }
        let id = newID()
        let process = FakeProcess(
            command: request.configuration.cmd?.elements ?? [], isTerminal: request.configuration.tty)
        containers[id] = FakeContainer(
            id: id, name: name ?? "fake_\(containers.count)", request: request, process: process)
        emit("container", "create", id, ["image": request.configuration.image, "name": name ?? ""])
        return (id, [])
    }

    func listContainers(_ query: ContainerQuery) -> [ContainerSummary] {
        lastQuery = (query.filters, query.limit)
        return containers.values.filter { query.all || $0.status == "running" }
            .filter { container in query.filters.any("name") { container.name.contains($0) } }
            .sorted { $0.id > $1.id }
            .map { container in
                var row = ContainerSummary(networkMode: "default", networks: [:])
                row.identifier = container.id
                row.names = ["/" + container.name]
                row.image = container.request.configuration.image
                row.imageID = "sha256:" + container.id
                row.command = (container.request.configuration.cmd?.elements ?? []).joined(separator: " ")
                row.created = 1_795_414_869
                row.state = container.status
                row.status = container.status == "running" ? "Up 4 seconds" : "Created"
                row.labels = container.request.configuration.labels ?? [:]
                row.ports = [PortSummary(ip: "0.0.0.0", privatePort: 80, publicPort: 8088, type: "tcp")]
                return row
            }
    }

    func statContainerPath(_ reference: String, path: String) throws -> PathStatus {
        _ = try find(reference)
        guard path == "/etc/nginx" else {
            throw FileError.notFound(path: path, container: reference)
        }
        return PathStatus(
            name: "nginx", size: 4096, mode: FileMode(0o040755), modified: Timestamp(seconds: 1_700_000_000),
            linkTarget: "")
    }

    func readContainerPath(_ reference: String, path: String) throws -> (status: PathStatus, archive: ByteStream) {
        (try statContainerPath(reference, path: path), try exportContainer(reference))
    }

    func writeContainerPath(
        _ reference: String, path: String, _ options: PathWriteOptions,
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable
    ) async throws {
        _ = try statContainerPath(reference, path: path)
        for try await _ in archive {}
    }

    func exportContainer(_ reference: String) throws -> ByteStream {
        _ = try find(reference)
        return ByteStream { continuation in
            continuation.yield(ByteBuffer(repeating: 0, count: 1024))
            continuation.finish()
        }
    }

    func containerChanges(_ reference: String) throws -> [PathChange] {
        _ = try find(reference)
        return [PathChange(path: "/run", kind: .modified), PathChange(path: "/run/nginx.pid", kind: .added)]
    }

    func updateContainer(_ reference: String, _ changes: HostConfiguration) throws -> [String] {
        let container = try find(reference)
        if changes.memory != 0 { containers[container.id]?.request.hostConfig.memory = changes.memory }
        return []
    }

    func measureContainer(_ reference: String) throws -> ContainerMeasurement {
        let container = try find(reference)
        measured += 1
        var usage = ContainerMeasurement.Usage(timestamp: .now)
        usage.memory.usage = 12 << 20
        usage.memory.limit = 1 << 30
        usage.processes = 3
        return ContainerMeasurement(identifier: container.id, name: container.name, usage: usage)
    }

    func inspectContainer(_ reference: String, size: Bool) throws -> ContainerInspection {
        let container = try find(reference)
        var answer = ContainerInspection()
        answer.identifier = container.id
        answer.name = "/" + container.name
        answer.config = container.request.configuration
        answer.hostConfig = container.request.hostConfig
        answer.state.status = container.status
        answer.state.running = container.status == "running"
        answer.state.exitCode = container.exitCode
        return answer
    }

    func startContainer(_ reference: String) async throws {
        let container = try find(reference)
        if container.status == "running" { throw APIError(.notModified, "") }
        containers[container.id]?.status = "running"
        emit("container", "start", container.id, ["image": "busybox", "name": container.name])
        container.process.onInputEnd.withLock {
            $0 = {
                await container.process.exit(0)
                await self.ended(container.id, 0)
            }
        }
        if let code = await container.process.begin() {
            await container.process.exit(code)
            ended(container.id, code)
        } else if container.process.inputHasEnded {
            // The client sent all of its input before the start.
            await container.process.closeInput()
        }
    }

    func stopContainer(_ reference: String, signal: String?, timeout: Int?) async throws {
        let container = try find(reference)
        guard container.status == "running" else { throw APIError(.notModified, "") }
        await container.process.exit(137)
        ended(container.id, 137)
    }

    func restartContainer(_ reference: String, signal: String?, timeout: Int?) async throws { _ = try find(reference) }

    func killContainer(_ reference: String, signal: String?) async throws {
        if signal == "BOGUS" { throw ContainerError.invalidSignal("BOGUS") }
        try await stopContainer(reference, signal: signal, timeout: 0)
    }

    func pauseContainer(_ reference: String) throws { _ = try find(reference) }
    func unpauseContainer(_ reference: String) throws { _ = try find(reference) }

    func renameContainer(_ reference: String, to name: String) throws {
        containers[try find(reference).id]?.name = name
    }

    func waitForContainer(_ reference: String, _ condition: WaitCondition) throws -> PendingExit {
        let id = try find(reference).id
        let exit = register(id)
        return PendingExit {
            for await result in exit { return result }
            throw CancellationError()
        }
    }

    func removeContainer(_ reference: String, force: Bool, removeVolumes: Bool) async throws {
        let container = try find(reference)
        guard force || container.status != "running" else {
            throw APIError(
                .conflict,
                "You cannot remove a running container \(container.id). Stop the container before attempting removal or force remove"
            )
        }
        containers[container.id] = nil
    }

    func removeLink(_ reference: String) throws {
        // The only one that it knows of.
        guard reference == "web/db" else { throw ContainerOptionError.noLink }
    }

    func pruneContainers(_ filters: Filters) -> (removed: [String], reclaimedBytes: Int64) { ([], 0) }

    func containerLogs(_ reference: String, _ query: LogQuery) throws -> LogStream {
        let container = try find(reference)
        let (stream, continuation) = AsyncThrowingStream<[OutputChunk], any Error>.makeStream()
        continuation.yield([
            OutputChunk(stream: .standardError, bytes: ByteBuffer(string: "err\n")),
            OutputChunk(stream: .standardOutput, bytes: ByteBuffer(string: "out\n")),
        ])
        if query.follow {
            followedLogs.withLock { $0 += 1 }
            continuation.onTermination = { [followedLogs] _ in followedLogs.withLock { $0 -= 1 } }
        } else {
            continuation.finish()
        }
        return LogStream(isTerminal: container.request.configuration.tty, output: stream)
    }

    func attachContainer(_ reference: String, _ query: AttachQuery) throws -> any AttachedStreams {
        try find(reference).process
    }

    func resizeContainer(_ reference: String, height: Int, width: Int) throws {
        try find(reference).process.size = (height, width)
    }

    func topContainer(_ reference: String, arguments: String) throws -> (titles: [String], processes: [[String]]) {
        _ = try find(reference)
        return (["UID", "PID", "CMD"], [["root", "1", "cat"]])
    }

    func createExec(container reference: String, _ request: ExecRequest) throws -> String {
        let container = try find(reference)
        let id = newID()
        execs[id] = (request, FakeProcess(command: request.cmd, isTerminal: request.tty), container.id)
        return id
    }

    private func exec(_ id: String) throws -> (request: ExecRequest, process: FakeProcess, container: String) {
        guard let exec = execs[id] else { throw ExecError.notFound(id) }
        return exec
    }

    func checkExec(_ id: String) throws -> RequestedExecStreams {
        let exec = try exec(id)
        return RequestedExecStreams(
            isTerminal: exec.request.tty, wantsInput: exec.request.attachStdin, detachKeys: exec.request.detachKeys)
    }

    func startExec(_ id: String, height: Int?, width: Int?) async throws -> any AttachedStreams {
        let process = try exec(id).process
        if process.command.first == "nosuch" { throw APIError(.invalidInput, "executable file not found in $PATH") }
        process.onInputEnd.withLock { $0 = { await process.exit(0) } }
        if let code = await process.begin() {
            Task { await process.exit(code) }  // A process ends when it likes.
        }
        return process
    }

    func startExecDetached(_ id: String) async throws { _ = try await startExec(id, height: nil, width: nil) }
    func resizeExec(_ id: String, height: Int, width: Int) throws { try exec(id).process.size = (height, width) }

    func inspectExec(_ id: String) throws -> ExecInspection {
        let exec = try exec(id)
        var answer = ExecInspection()
        answer.id = id
        answer.exitCode = exec.process.command.first == "nosuch" ? 127 : exec.process.exitCode
        answer.running = answer.exitCode == nil
        answer.containerID = exec.container
        answer.processConfig.entrypoint = exec.request.cmd.first ?? ""
        answer.processConfig.arguments = Array(exec.request.cmd.dropFirst())
        return answer
    }
}
