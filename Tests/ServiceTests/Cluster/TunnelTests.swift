import EngineInterface
import Faults
import GRPCCore
import Model
import NIOCore
import NIOPosix
import NodeProtocol
import SwiftProtobuf
import TestKit
import Testing

@testable import Cluster
@testable import Engine

/// Containers of tasks on other nodes, asked through a manager over real TLS and gRPC between nodes in one process.
@Suite(.serialized, .timeLimit(.minutes(3))) struct TunnelTests {
    struct Swarmed: Sendable {
        let manager: Swarm
        let first: TestNode
        let worker: Swarm
        let second: TestNode
        /// The manager's view.
        let containers: SwarmContainers
        /// A task of each node.
        let here: SwarmTask
        let there: SwarmTask

        var containerID: String { there.status.containerStatus?.containerID ?? "" }
    }

    /// A service of two tasks, one on each of two nodes.
    private func withTasks(_ body: @escaping @Sendable (Swarmed) async throws -> Void) async throws {
        try await withSwarm { manager, first, worker, second in
            _ = try await manager.createService(service("web", replicas: 2))
            try await eventually(within: .seconds(20), "two tasks run") {
                try await manager.listTasks(Filters()).count { $0.status.state == .running } == 2
            }
            let tasks = try await manager.listTasks(Filters())
            await first.plant(tasks)
            await second.plant(tasks)
            let own = await manager.swarmInfo().nodeID
            try await body(
                Swarmed(
                    manager: manager, first: first, worker: worker, second: second,
                    containers: manager.containers(over: first.answering),
                    here: try #require(tasks.first { $0.nodeID == own }),
                    there: try #require(tasks.first { $0.nodeID != own })))
        }
    }

    private func hub(_ swarm: Swarm) async throws -> TunnelHub { try await swarm.manager().tunnels }

    /// An exec that plays `command`.
    private func request(_ command: String...) -> ExecRequest {
        var request = ExecRequest()
        request.cmd = command
        request.attachStdin = true
        request.attachStdout = true
        request.env = ["PASSWORD=secret"]
        return request
    }

    private func text(_ streams: any AttachedStreams) async throws -> String {
        var text = ""
        for try await chunk in streams.output { text += String(buffer: chunk.bytes) }
        return text
    }

    // MARK: Looking

    @Test func `a container on another node is found by what its task and itself are called`() async throws {
        try await withTasks { swarm in
            let (task, id) = (swarm.there, swarm.containerID)
            let slot = "web.\(task.slot ?? 0)"
            let own = swarm.here.status.containerStatus?.containerID
            for reference in [
                task.id, String(task.id.prefix(12)), slot, "/\(slot).\(task.id)", "\(slot).\(task.id.prefix(8))", id,
                String(id.prefix(12)),
            ] {
                let found = try await swarm.containers.inspectContainer(reference, size: false)
                #expect(found.identifier == id && found.name == "/" + task.containerName, "\(reference)")
                #expect(found.state.running)
            }
            // This node's own by the same names.
            let found = try await swarm.containers.inspectContainer("web.\(swarm.here.slot ?? 0)", size: false)
            #expect(found.identifier == own)
            for reference in ["nosuch", "web.9", "web.", "web", "\(slot).zzz", "\(id)0"] {
                await #expect(throws: ContainerError.notFound(reference)) {
                    try await swarm.containers.inspectContainer(reference, size: false)
                }
            }
            // What the engine of this node knows it answers for.
            await swarm.first.engine.plant(String(repeating: "f", count: 64), name: task.id, command: ["cat"])
            #expect(try await swarm.containers.inspectContainer(task.id, size: false).identifier.hasPrefix("ffff"))
        }
    }

    @Test func `its processes, use, logs, terminal and end are told as if it were here`() async throws {
        try await withTasks { swarm in
            let reference = swarm.there.id
            let top = try await swarm.containers.topContainer(reference, arguments: "-ef")
            #expect(top.titles == ["UID", "PID", "CMD"] && top.processes == [["root", "1", "cat"]])
            let measured = try await swarm.containers.measureContainer(reference)
            #expect(measured.identifier == swarm.containerID && measured.usage?.processes == 3)
            #expect(try await swarm.containers.measureContainer(measured.identifier).name == measured.name)
            let logs = try await swarm.containers.containerLogs(reference, LogQuery())
            var lines: [String] = []
            for try await chunks in logs.output {
                lines += chunks.map { "\($0.stream.rawValue) \(String(buffer: $0.bytes))" }
            }
            #expect(lines == ["2 err\n", "1 out\n"] && !logs.isTerminal)
            try await swarm.containers.resizeContainer(reference, height: 40, width: 120)
            let process = try #require(await swarm.second.engine.process(of: swarm.containerID))
            #expect(process.size.map { [$0.0, $0.1] } == [40, 120])
            let pending = try await swarm.containers.waitForContainer(reference, .notRunning)
            async let exit = pending.result()
            await swarm.second.engine.ended(swarm.containerID, 3)
            #expect(try await exit == ExitResult(statusCode: 3))
            // What changes it does not leave this node.
            for change in [
                { try await swarm.containers.stopContainer(reference, signal: nil, timeout: nil) },
                { try await swarm.containers.killContainer(reference, signal: nil) },
                { try await swarm.containers.renameContainer(reference, to: "x") },
                { try await swarm.containers.removeContainer(reference, force: true, removeVolumes: false) },
            ] as [@Sendable () async throws -> Void] {
                await #expect(throws: ContainerError.notFound(reference)) { try await change() }
            }
            #expect(try await hub(swarm.manager).count == 0, "a question is still open")
        }
    }

    // MARK: Commands and streams

    @Test func `a command takes input, has a size, and its exit code is on record when its output has ended`()
        async throws
    {
        try await withTasks { swarm in
            let id = try await swarm.containers.createExec(
                container: "web.\(swarm.there.slot ?? 0)", request("cat", "!"))
            #expect(try await swarm.containers.checkExec(id).wantsInput)
            #expect(try await swarm.containers.inspectExec(id).running)
            let streams = try await swarm.containers.startExec(id, height: 24, width: 80)
            try await swarm.containers.resizeExec(id, height: 50, width: 100)
            let process = try #require(await swarm.second.engine.process(of: id))
            #expect(process.size.map { [$0.0, $0.1] } == [50, 100])
            // Larger than a message may be.
            let input = String(repeating: "0123456789abcdef", count: 100_000)
            async let output = text(streams)
            try await streams.write(ByteBuffer(string: input))
            try await streams.write(ByteBuffer(string: "end"))
            await streams.closeInput()
            #expect(try await output == input + "end!")
            await streams.finished()
            let ended = try await swarm.containers.inspectExec(id)
            #expect(ended.exitCode == 0 && !ended.running && ended.containerID == swarm.containerID && ended.id == id)
            await streams.detach()
            try await eventually("the viewer is gone") { process.isDetached }

            let failing = try await swarm.containers.createExec(container: swarm.there.id, request("exit", "7"))
            let failed = try await swarm.containers.startExec(failing, height: nil, width: nil)
            #expect(try await text(failed) == "o\ne\n")
            await failed.finished()
            #expect(try await swarm.containers.inspectExec(failing).exitCode == 7)
            await failed.detach()

            let detached = try await swarm.containers.createExec(container: swarm.there.id, request("sleep"))
            try await swarm.containers.startExecDetached(detached)
            let unknown = String(repeating: "0", count: 64)
            await #expect(throws: ExecError.notFound(unknown)) { try await swarm.containers.inspectExec(unknown) }
            // Why a command does not start is the node's word, and of its kind.
            let missing = try await swarm.containers.createExec(container: swarm.there.id, request("nosuch"))
            await #expect(throws: TunnelError.refused(.invalidInput, "executable file not found in $PATH")) {
                try await swarm.containers.startExec(missing, height: nil, width: nil)
            }
            try await eventually("nothing is open") { try await hub(swarm.manager).count == 0 }
        }
    }

    @Test func `attaching reads and writes, and leaving it leaves the process`() async throws {
        try await withTasks { swarm in
            var query = AttachQuery()
            query.standardInput = true
            query.standardOutput = true
            query.stream = true
            let streams = try await swarm.containers.attachContainer(swarm.there.id, query)
            let process = try #require(await swarm.second.engine.process(of: swarm.containerID))
            try await streams.write(ByteBuffer(string: "hello"))
            var output = streams.output.makeAsyncIterator()
            #expect(try await output.next().map { String(buffer: $0.bytes) } == "hello")
            await streams.detach()
            try await eventually("the viewer is gone") { process.isDetached }
            #expect(!process.inputHasEnded && process.exitCode == nil)
        }
    }

    @Test func `who reads slowly holds up the process, and nobody else`() async throws {
        try await withTasks { swarm in
            let size = 64 << 20
            let id = try await swarm.containers.createExec(container: swarm.there.id, request("flood", "\(size)"))
            let streams = try await swarm.containers.startExec(id, height: nil, width: nil)
            let process = try #require(await swarm.second.engine.process(of: id))
            var output = streams.output.makeAsyncIterator()
            var read = try await output.next()?.bytes.readableBytes ?? 0
            // Until nothing more goes into the connection.
            var before = -1
            try await eventually("the process is held up") {
                defer { before = process.pulledBytes }
                try await Task.sleep(for: .milliseconds(300))
                return before == process.pulledBytes
            }
            #expect(process.pulledBytes < 8 << 20, "\(process.pulledBytes) bytes are on their way")
            // Others on the same connection, and more than one window of them.
            for _ in 0..<3 {
                #expect(try await swarm.containers.inspectContainer(swarm.there.id, size: false).state.running)
            }
            let second = try await swarm.containers.createExec(container: swarm.there.id, request("flood", "4194304"))
            let beside = try await swarm.containers.startExec(second, height: nil, width: nil)
            #expect(try await text(beside).utf8.count == 4 << 20)
            while let chunk = try await output.next() { read += chunk.bytes.readableBytes }
            #expect(read == size && process.pulledBytes == size)
            await process.exit(0)
            await swarm.second.engine.process(of: second)?.exit(0)
            await streams.finished()
            await streams.detach()
            await beside.detach()
        }
    }

    @Test func `a node that dies ends what is read of it`() async throws {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            try await first.running { manager in
                try await first.initialise(manager)
                let token = try await manager.inspectSwarm().joinTokens?.worker ?? ""
                let containers = manager.containers(over: first.answering)
                let kept = Kept<(any AttachedStreams, SwarmTask, PendingExit)?>(nil)
                try await second.running { worker in
                    try await second.join(worker, token: token, manager: first)
                    try await eventually("both nodes are ready") { try await ready(manager) == 2 }
                    _ = try await manager.createService(service("web", replicas: 2))
                    try await eventually(within: .seconds(20), "two tasks run") {
                        try await manager.listTasks(Filters()).count { $0.status.state == .running } == 2
                    }
                    let tasks = try await manager.listTasks(Filters())
                    await second.plant(tasks)
                    let own = await manager.swarmInfo().nodeID
                    let task = try #require(tasks.first { $0.nodeID != own })
                    let id = try await containers.createExec(container: task.id, request("cat"))
                    let streams = try await containers.startExec(id, height: nil, width: nil)
                    try await streams.write(ByteBuffer(string: "x"))
                    var output = streams.output.makeAsyncIterator()
                    #expect(try await output.next() != nil)
                    let pending = try await containers.waitForContainer(task.id, .notRunning)
                    kept.withLock { $0 = (streams, task, pending) }
                }
                let (streams, task, pending) = try #require(kept.withLock { $0 })
                await #expect(throws: TunnelError.brokenOff("node-2")) { for try await _ in streams.output {} }
                await #expect(throws: TunnelError.brokenOff("node-2")) { try await pending.result() }
                await #expect(throws: TunnelError.brokenOff("node-2")) {
                    for _ in 0..<100 { try await streams.write(ByteBuffer(repeating: 0, count: 1 << 16)) }
                }
                // At once, not after a deadline; and clients that look for anything of a task's id go on to the task.
                let begun = ContinuousClock.now
                await #expect(throws: TunnelError.nodeUnreachable("node-2")) {
                    try await containers.topContainer(task.id, arguments: "-ef")
                }
                await #expect(throws: TunnelError.nodeUnreachable("node-2")) {
                    try await containers.inspectContainer(task.containerName, size: false)
                }
                await #expect(throws: ContainerError.notFound(task.id)) {
                    try await containers.inspectContainer(task.id, size: false)
                }
                #expect(ContinuousClock.now - begun < TunnelHub.openingDeadline)
                await streams.detach()
                kept.withLock { $0 = nil }
            }
        }
    }
}
