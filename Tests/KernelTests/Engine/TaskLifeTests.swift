import Concurrency
import EngineInterface
import Faults
import LinuxSystem
import LocalStore
import Model
import TestKit
import Testing

@testable import Engine

/// The swarm's tasks on a node: nothing of one runs before it is to, or after its end.
@Suite(.timeLimit(.minutes(2))) struct TaskLifeTests {
    private func task(_ id: String, _ command: [String]) -> SwarmTask {
        var task = SwarmTask(id: id)
        (task.serviceID, task.nodeID, task.slot) = ("s", "n", 1)
        task.spec.containerSpec = ContainerSpec()
        task.spec.containerSpec?.image = "box"
        task.spec.containerSpec?.command = command
        task.spec.containerSpec?.stopGracePeriod = 0
        return task
    }

    @Test func `a task's container is not started by hand, and a restart is its end`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let task = task("t", ["sleep", "1000"])
            let id = try await engine.tasks.prepareTask(task)
            func isRefused(_ body: () async throws -> Void) async -> Bool {
                do { try await body() } catch let refusal as any Fault { return refusal.kind == .conflict } catch {}
                return false
            }
            #expect(await isRefused { try await engine.containers.startContainer(id) })
            _ = try await engine.tasks.startTask(task)
            async let end = engine.tasks.waitForTask(task)
            try await eventually { engine.waiters.count > 0 }
            try await engine.containers.restartContainer(id, signal: "KILL", timeout: 5)
            #expect(try await end?.exitCode == 137)
            #expect(try !fixture.record(id).isRunning)
            #expect(await isRefused { try await engine.containers.startContainer(id) })
            #expect(await isRefused { try await engine.containers.restartContainer(id, signal: nil, timeout: nil) })
            #expect(try !fixture.record(id).isRunning)
        }
    }

    @Test func `a policy that is given to a task's container afterwards does not restart it`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let task = task("t", ["sleep", "1000"])
            let id = try await engine.tasks.prepareTask(task)
            _ = try await engine.tasks.startTask(task)
            try await engine.table.update(id) {
                $0.hostConfig.restartPolicy.name = "always"
            }
            async let end = engine.tasks.waitForTask(task)
            try await eventually { engine.waiters.count > 0 }
            try await engine.runtime.kill(id, signal: 9, all: false)
            #expect(try await end?.exitCode == 137)
            #expect(try fixture.record(id).state.status == "exited")
        }
    }

    @Test func `a task that is stopped while it starts does not run afterwards`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let task = task("t", ["sleep", "1000"])
            let id = try await engine.tasks.prepareTask(task)
            // Nobody else writes: the start waits for its first word to be on record.
            let lock = try await onThread { try StoreLock(engine.paths.database) }
            let start = Task { try await engine.tasks.startTask(task) }
            try await eventually { try fixture.record(id).phase.isRequested }
            let stop = Task { try await engine.tasks.stopTask(task) }
            // What the stop sees first is a container that does not run.
            try await Task.sleep(for: .milliseconds(50))
            try await onThread { try lock.release() }
            try await stop.value
            _ = await start.result
            #expect(try !fixture.record(id).isRunning)
        }
    }

    @Test func `a start that fails while its task is cancelled leaves nothing`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            var request = NetworkRequest()
            request.name = "n"
            _ = try await engine.networks.createNetwork(request)
            for round in 0..<8 {
                let id = try await fixture.create(["nothing-of-that-name"]) { $0.hostConfig.networkMode = "n" }
                let namespace = engine.network.dataPlane.sandboxNamespace(id)
                let start = Task { try await engine.containers.startContainer(id) }
                // Earlier and later within what a start does.
                try await eventually { namespace.exists() }
                try await Task.sleep(for: .milliseconds(round * 3))
                start.cancel()
                await #expect(throws: (any Error).self) { try await start.value }
                #expect(!namespace.exists(), "round \(round)")
                #expect(await engine.network.nameServer.identities.isEmpty, "round \(round)")
                let record = try fixture.record(id)
                #expect(
                    !record.phase.isStarting && !record.phase.isRequested
                        && record.endpoints.allSatisfy { !$0.isJoined })
                #expect(!Files.exists(fixture.bundle(id)))
            }
        }
    }

    @Test func `a daemon starts no task by itself, and takes back what does not run holds`() async throws {
        let ids = Kept<[String]>([])
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let task = try await engine.tasks.prepareTask(task("t", ["sleep", "1000"]))
            let other = try await fixture.create(["sleep", "1000"])
            let halted = try await fixture.create(["sleep", "1000"]) { $0.hostConfig.networkMode = "bridge" }
            ids.withLock { $0 = [task, other, halted] }
            // As a daemon leaves it that is killed in the middle of a start, and in the middle of an end.
            for id in [task, other] {
                try await engine.table.receive(id, .startRequested)
            }
            try await engine.table.update(halted) { record in
                for index in record.endpoints.indices { record.endpoints[index].endpointID = RandomID.docker() }
                record.publishedPorts = [
                    .init(transport: .tcp, hostAddress: nil, hostPort: 8080, containerPort: 80)
                ]
            }
        } restarted: { next in
            let ids = ids.withLock { $0 }
            try await eventually(within: .seconds(20)) { try next.record(ids[1]).isRunning }
            // Whatever has been begun with it is over now.
            await next.engine.table.lock.run(ids[0]) {}
            #expect(try !next.record(ids[0]).isRunning)
            let halted = try next.record(ids[2])
            #expect(halted.endpoints.allSatisfy { !$0.isJoined } && halted.publishedPorts.isEmpty)
        }
    }

    @Test func `containers that start at once all have their networks, and leave nothing of them`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            var ids: [String] = []
            for _ in 0..<6 {
                ids.append(try await fixture.create(["sleep", "1000"]) { $0.hostConfig.networkMode = "bridge" })
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ids { group.addTask { try await engine.containers.startContainer(id) } }
                try await group.waitForAll()
            }
            let addresses = try ids.compactMap { try fixture.record($0).endpoints.first?.address }
            #expect(Set(addresses).count == ids.count)
            for id in ids { try await engine.containers.removeContainer(id, force: true, removeVolumes: true) }
            try await eventually { ids.allSatisfy { !engine.network.dataPlane.sandboxNamespace($0).exists() } }
        }
    }
}
