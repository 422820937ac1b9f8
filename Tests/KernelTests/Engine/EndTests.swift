import ContainerRuntime
import Glibc
import EngineInterface
import Faults
import LinuxSystem
import LocalStore
import Model
import TestKit
import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(2))) struct EndTests {
    @Test func `an end that cannot be settled is settled as soon as it can be, and so is a removal`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.autoRemove = true }
            let (bundle, files) = (fixture.bundle(id) + "/held", engine.paths.files(of: id) + "/held")
            try fixture.hold(bundle)
            try fixture.hold(files)
            let end = try await engine.waitForContainer(id, .notRunning)
            let removal = try await engine.waitForContainer(id, .removed)
            try await engine.killContainer(id, signal: nil)
            try await fixture.waitForLog("a container's end was not settled")
            #expect(try fixture.record(id).isRunning)
            try fixture.release(bundle)
            #expect(try await within(.seconds(20)) { try await end.result() }.statusCode == 137)
            try await fixture.waitForLog("a container was not removed after its end")
            try fixture.release(files)
            _ = try await within(.seconds(20)) { try await removal.result() }
            #expect(engine.containers.record(id) == nil)
        }
    }

    @Test func `an end that a killed daemon was about to settle is the next one's to settle`() async throws {
        let id = Kept("")
        try await EngineFixture.run { fixture in
            let own = try await fixture.start(["sleep", "1000"])
            id.withLock { $0 = own }
            let held = fixture.bundle(own) + "/held"
            try fixture.hold(held)
            try await fixture.engine.runtime.kill(own, signal: SIGKILL, all: false)
            try await fixture.waitForLog("a container's end was not settled")
            // All that was to be removed is, and nothing else was done.
            try fixture.release(held)
            try await fixture.engine.runtime.delete(own)
        } restarted: { next in
            let own = id.withLock { $0 }
            try await eventually(within: .seconds(20)) { try next.record(own).state.status == "exited" }
            let record = try next.record(own)
            #expect(record.state.exitCode == 137)
            #expect(!record.isWanted && !record.isStarting)
            #expect(record.ending == nil)
        }
    }

    @Test func `a stop that comes while an end is settled keeps the container from being started anew`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.start(["sleep", "1000"]) { request in
                request.hostConfig.restartPolicy = RestartPolicy()
                request.hostConfig.restartPolicy?.name = "always"
            }
            // Nobody else writes: the settling waits for its first word to be on record.
            let lock = try await onThread { try StoreLock(engine.paths.database) }
            try await engine.runtime.kill(id, signal: SIGKILL, all: false)
            try await eventually { try fixture.record(id).ending != nil || fixture.record(id).state.restarting }
            async let stopped: Void = engine.stopContainer(id, signal: nil, timeout: 1)
            try await eventually { try fixture.record(id).isStoppedByUser }
            try await onThread { try lock.release() }
            try await stopped
            #expect(try fixture.record(id).state.status == "exited")
        }
    }

    @Test func `those who wait learn of an end though it cannot be put on record`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.start(["sleep", "1000"])
            let end = try await engine.waitForContainer(id, .notRunning)
            try await engine.store.close()
            try await engine.runtime.kill(id, signal: SIGKILL, all: false)
            #expect(try await within(.seconds(20)) { try await end.result() }.statusCode == 137)
            #expect(try fixture.record(id).state.status == "exited")
        }
    }

    @Test func `those who wait learn of a start anew that failed`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.start(["sleep", "1000"]) { request in
                request.hostConfig.restartPolicy = RestartPolicy()
                request.hostConfig.restartPolicy?.name = "always"
            }
            let end = try await engine.waitForContainer(id, .notRunning)
            try Files.remove(try await engine.rootDirectory(of: fixture.record(id)) + "/bin/sleep")
            try await engine.runtime.kill(id, signal: SIGKILL, all: false)
            #expect(try await within(.seconds(20)) { try await end.result() }.statusCode == 127)
            #expect(try fixture.record(id).state.status == "exited")
        }
    }

    @Test func `a paused container takes the signal of its stop, and is removed`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"
            let id = try await fixture.start(["sh", "-c", script])
            let log = engine.paths.log(of: id)
            try await eventually { try Files.text(log)?.contains("ready") == true }
            try await engine.pauseContainer(id)
            try await within(.seconds(20)) { try await engine.stopContainer(id, signal: nil, timeout: 15) }
            #expect(try fixture.record(id).state.exitCode == 5)
            try await engine.startContainer(id)
            try await engine.pauseContainer(id)
            try await within(.seconds(20)) { try await engine.removeContainer(id, force: true, removeVolumes: true) }
        }
    }

    @Test func `health is watched again after a failure`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.create(["sleep", "1000"]) { request in
                request.configuration.healthcheck = HealthConfiguration()
                request.configuration.healthcheck?.test = ["CMD", "true"]
                request.configuration.healthcheck?.interval = 50_000_000
            }
            // An exec's directory of an earlier daemon's that cannot be removed.
            let held = fixture.bundle(id) + "/exec/probe-x/held"
            // Beside the start, which it must be in time for.
            let holder = Task {
                while !Files.exists(fixture.bundle(id) + "/record.json") { try await Task.sleep(for: .milliseconds(1)) }
                try fixture.hold(held)
            }
            try await engine.startContainer(id)
            try await holder.value
            try await fixture.waitForLog("a container's health cannot be watched at present")
            try fixture.release(held)
            try await eventually(within: .seconds(20)) { try fixture.record(id).state.health?.status == "healthy" }
        }
    }

    @Test func `files for a container whose tree cannot be opened are refused, however many they are`() async throws {
        try await EngineFixture.run { fixture in
            let id = try await fixture.create(["true"])
            try Files.removeTree("\(fixture.engine.paths.root)/snapshots/\(id)")
            // More than a pipe holds.
            let archive = ImageFixture.layer("f", String(repeating: "x", count: 1 << 20))
            await #expect(throws: (any Error).self) {
                try await fixture.engine.writeContainerPath(
                    id, path: "/", PathWriteOptions(), ImageFixture.body(archive))
            }
        }
    }
}
