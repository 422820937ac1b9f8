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
            let end = try await engine.containers.waitForContainer(id, .notRunning)
            let removal = try await engine.containers.waitForContainer(id, .removed)
            async let killed: Void = engine.containers.killContainer(id, signal: nil)
            try await fixture.waitForLog("a container's end was not settled")
            #expect(try fixture.record(id).isRunning)
            try fixture.release(bundle)
            #expect(try await within(.seconds(20)) { try await end.result() }.statusCode == 137)
            try await killed
            try await fixture.waitForLog("a container was not removed after its end")
            try fixture.release(files)
            _ = try await within(.seconds(20)) { try await removal.result() }
            #expect(engine.table.record(id) == nil)
        }
    }

    @Test func `a container whose removal has taken its root is shown until it has gone`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.create(["true"])
            try await engine.roots.remove(id)
            // Of one that nobody removes it is a loss, and told.
            await #expect(throws: (any Error).self) { _ = try await engine.listing.inspectContainer(id, size: false) }
            _ = try await engine.table.receive(id, .removalBegan)
            let shown = try await engine.listing.inspectContainer(id, size: true)
            #expect(shown.state.status == "removing" && shown.sizeRw == 0)
            var query = ContainerQuery()
            (query.all, query.size) = (true, true)
            let rows = try await engine.listing.listContainers(query)
            #expect(rows.map(\.identifier) == [id])
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
            #expect(!record.phase.isRequested && !record.phase.isStarting && record.phase.run == nil)
        }
    }

    @Test func `a stop that comes while an end is settled keeps the container from being started anew`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.start(["sleep", "1000"]) { request in
                request.hostConfig.restartPolicy.name = "always"
            }
            // Nobody else writes: the settling waits for its first word to be on record.
            let lock = try await onThread { try StoreLock(engine.paths.database) }
            try await engine.runtime.kill(id, signal: SIGKILL, all: false)
            try await eventually {
                try fixture.record(id).phase.run?.end != nil || fixture.record(id).phase.isRestarting
            }
            async let stopped: Void = engine.containers.stopContainer(id, signal: nil, timeout: 1)
            try await eventually { try fixture.record(id).phase.isStoppedByUser }
            try await onThread { try lock.release() }
            try await stopped
            #expect(try fixture.record(id).state.status == "exited")
        }
    }

    @Test func `those who wait learn of an end though it cannot be put on record`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.start(["sleep", "1000"])
            let end = try await engine.containers.waitForContainer(id, .notRunning)
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
                request.hostConfig.restartPolicy.name = "always"
            }
            let end = engine.waiters.register(id, .over)
            try Files.remove(try await engine.roots.directory(of: fixture.record(id)) + "/bin/sleep")
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
            try await engine.containers.pauseContainer(id)
            try await within(.seconds(20)) { try await engine.containers.stopContainer(id, signal: nil, timeout: 15) }
            #expect(try fixture.record(id).state.exitCode == 5)
            try await engine.containers.startContainer(id)
            try await engine.containers.pauseContainer(id)
            try await within(.seconds(20)) {
                try await engine.containers.removeContainer(id, force: true, removeVolumes: true)
            }
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
            try await engine.containers.startContainer(id)
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
                try await fixture.engine.files.writeContainerPath(
                    id, path: "/", PathWriteOptions(), ImageFixture.body(archive))
            }
        }
    }
}

/// Volumes: what is copied into them, and how long they stay.
@Suite(.timeLimit(.minutes(2))) struct VolumeTests {
    @Test func `a volume is filled with what the image has, never with files of the host`() async throws {
        try await withTemporaryDirectory { top in
            let (root, volume) = ("\(top)/root", "\(top)/volume/_data")
            for place in ["\(top)/host/inner", "\(root)/real/inner/deep", volume] { try Files.makeDirectories(place) }
            try Files.writeAtomically("secret", to: "\(top)/host/inner/key")
            try Files.writeAtomically("public", to: "\(root)/real/inner/deep/file", mode: 0o640)
            for (target, link) in [("\(top)/host", "out"), ("/real", "in")] {
                #expect(symlink(target, "\(root)/\(link)") == 0)
            }
            try await onThread { try VolumeSeed.fill(volume, from: root, "/out/inner") }
            #expect(try Files.list(volume) == [])
            try await onThread { try VolumeSeed.fill(volume, from: root, "/in/inner") }
            #expect(try Files.text("\(volume)/deep/file") == "public")
            #expect(try Files.status("\(volume)/deep/file")?.st_mode == S_IFREG | 0o640)
        }
    }

    @Test func `names of one file are names of one file in a volume`() async throws {
        try await withTemporaryDirectory { top in
            let (root, volume) = ("\(top)/root", "\(top)/volume/_data")
            for place in ["\(root)/d/inner", volume] { try Files.makeDirectories(place) }
            try Files.writeAtomically("text", to: "\(root)/d/inner/one", mode: 0o640)
            try Files.writeAtomically("text", to: "\(root)/d/lone")
            for name in ["two", "inner/three"] { #expect(link("\(root)/d/inner/one", "\(root)/d/\(name)") == 0) }
            try await onThread { try VolumeSeed.fill(volume, from: root, "/d") }
            let files = try ["inner/one", "two", "inner/three"].map {
                try #require(try Files.status("\(volume)/\($0)"))
            }
            #expect(
                Set(files.map(\.st_ino)).count == 1
                    && files.allSatisfy { $0.st_nlink == 3 && $0.st_mode == S_IFREG | 0o640 })
            #expect(try Files.status("\(volume)/lone")?.st_nlink == 1)
            #expect(try Files.list("\(top)/volume") == ["_data"])
        }
    }

    @Test func `a copy into a volume that broke off is gone on with`() async throws {
        try await withTemporaryDirectory { top in
            let (root, volume) = ("\(top)/root", "\(top)/volume/_data")
            for place in ["\(root)/d/inner", volume] { try Files.makeDirectories(place) }
            for name in ["a", "inner/b", "z"] {
                try Files.writeAtomically("content of \(name)", to: "\(root)/d/\(name)")
            }
            // Another file cannot be made in the middle: a directory is in the way of the last one.
            try Files.makeDirectories("\(volume)/z")
            try Files.writeAtomically("", to: "\(top)/volume/\(VolumeSeed.mark)")
            await #expect(throws: SystemError.self) {
                try await onThread { try VolumeSeed.fill(volume, from: root, "/d") }
            }
            #expect(try Files.text("\(volume)/a") == "content of a")
            try Files.removeTree("\(volume)/z")
            try await onThread { try VolumeSeed.fill(volume, from: root, "/d") }
            for name in ["a", "inner/b", "z"] { #expect(try Files.text("\(volume)/\(name)") == "content of \(name)") }
            #expect(try Files.list("\(top)/volume") == ["_data"])
            // What a container removes from a volume that is whole stays away.
            try Files.remove("\(volume)/a")
            try await onThread { try VolumeSeed.fill(volume, from: root, "/d") }
            #expect(!Files.exists("\(volume)/a"))
        }
    }

    @Test func `containers that start together have one volume in common`() async throws {
        try await EngineFixture.run { fixture in
            var ids: [String] = []
            for _ in 0..<4 {
                ids.append(try await fixture.create(["sleep", "1000"]) { $0.hostConfig.binds = ["shared:/bin"] })
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ids { group.addTask { try await fixture.engine.containers.startContainer(id) } }
                try await group.waitForAll()
            }
            let volume = try fixture.engine.localVolumes.find("shared").mountpoint
            #expect(try Files.list(volume) == ["busybox", "cat", "sh", "sleep", "true"])
        }
    }

    @Test func `a container that does not come about leaves nothing`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            var request = ContainerCreateRequest()
            request.configuration.image = "box"
            request.configuration.cmd = StringList(["true"])
            request.configuration.volumes = ["/data": Model.Empty()]
            request.hostConfig.networkMode = "none"
            request.hostConfig.binds = ["named:/named"]
            // From here on nothing can be put on record: all is made by then.
            let lock = Kept<StoreLock?>(nil)
            await #expect(throws: (any Error).self) {
                _ = try await engine.factory.makeContainer(name: "made", request) { record in
                    #expect(record.mounts.count == 2)
                    let taken = try StoreLock(engine.paths.database)
                    lock.withLock { $0 = taken }
                }
            }
            try lock.withLock { $0 }?.release()
            try await eventually(within: .seconds(20)) { engine.localVolumes.all.map(\.name) == ["named"] }
            #expect(try Files.list("\(engine.paths.images)/snapshots") == [])
            try await eventually { try Files.list(engine.paths.volumes) == ["named"] }
            _ = try await engine.factory.makeContainer(name: "made", request) { _ in }
        }
    }

    @Test func `a volume of a container that is being made is not removed`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            var request = ContainerCreateRequest()
            request.configuration.image = "box"
            request.configuration.cmd = StringList(["true"])
            request.hostConfig.networkMode = "none"
            request.hostConfig.binds = ["data:/data"]
            let removal = Kept<Task<Void, any Error>?>(nil)
            let record = try await engine.factory.makeContainer(name: "made", request) { _ in
                // Beside what is left to do for the container.
                let task = Task { try await engine.volumes.removeVolume("data", force: false) }
                removal.withLock { $0 = task }
            }
            let refusal = await #expect(throws: APIError.self) {
                try await told { try await removal.withLock { $0 }?.value }
            }
            #expect(refusal?.kind == .conflict)
            #expect(Files.exists(try engine.localVolumes.find("data").mountpoint))
            try await engine.containers.removeContainer(record.id, force: false, removeVolumes: true)
            try await engine.volumes.removeVolume("data", force: false)
        }
    }

    @Test func `trees that a container has made are walked through or refused, however deep`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.create(["true"]) { $0.configuration.volumes = ["/deep": Model.Empty()] }
            let upper = try await engine.roots.layers(of: try fixture.record(id)).upper
            let most = String(repeating: "/d", count: (Int(PATH_MAX) - upper.utf8.count) / 2 - 8)
            try Files.makeDirectories(upper + most)
            let listing = await #expect(throws: SystemError.self) { try await engine.files.containerChanges(id) }
            #expect(listing?.errno == ENAMETOOLONG)
            let export = try await engine.files.exportContainer(id)
            await #expect(throws: (any Error).self) { for try await _ in export {} }
            try Files.removeTree(upper + "/d")
            // As deep as is allowed, also for what goes into a volume.
            try Files.makeDirectories(upper + "/deep" + String(repeating: "/d", count: 500))
            #expect(try await engine.files.containerChanges(id).count == 501)
            try await engine.containers.startContainer(id)
            let volume = try #require(try fixture.record(id).mounts.first?.source)
            #expect(Files.isDirectory(volume + String(repeating: "/d", count: 500)))
        }
    }

    @Test func `a removal that was cut off is ended`() async throws {
        let directory = Kept("")
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.create(["true"]) { $0.configuration.volumes = ["/data": Model.Empty()] }
            let name = try #require(try fixture.record(id).mounts.first?.name)
            try await engine.localVolumes.remove(name) { [] }
            try await engine.containers.removeContainer(id, force: false, removeVolumes: true)
            let left = "\(engine.paths.volumes)/.removed-0123"
            try Files.makeDirectories("\(left)/_data")
            directory.withLock { $0 = left }
        } restarted: { _ in
            #expect(!Files.exists(directory.withLock { $0 }))
        }
    }
}
