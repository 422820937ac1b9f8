import EngineInterface
import Faults
import Glibc
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Engine

/// What containers have mounted, and how.
@Suite(.timeLimit(.minutes(2))) struct ContainerMountTests {
    /// Runs a command with mounts and gives its exit code and output.
    private func run(
        _ fixture: EngineFixture, _ script: String, _ change: (inout ContainerCreateRequest) -> Void
    ) async throws -> (code: Int, output: String) {
        let id = try await fixture.create(["sh", "-c", script], change)
        let end = try await fixture.engine.containers.waitForContainer(id, .nextExit)
        try await fixture.engine.containers.startContainer(id)
        let code = try await end.result().statusCode
        let output = try Files.text(fixture.engine.paths.log(of: id)) ?? ""
        try await fixture.engine.containers.removeContainer(id, force: true, removeVolumes: true)
        return (code, output)
    }

    private static func bind(
        _ source: String, readOnly: Bool = true, _ change: (inout Mount.BindOptions) -> Void = { _ in }
    ) -> Mount {
        var mount = Mount()
        mount.type = "bind"
        mount.source = source
        mount.target = "/m"
        mount.readOnly = readOnly
        var options = Mount.BindOptions()
        change(&options)
        mount.bindOptions = options
        return mount
    }

    @Test func `what is mounted below a read-only mount is read-only, unless it is to be writable`() async throws {
        try await EngineFixture.run { fixture in
            for runtime in await fixture.engine.system.componentVersions().map(\.name) {
                try await readOnly(fixture, runtime)
            }
        }
    }

    private func readOnly(_ fixture: EngineFixture, _ runtime: String) async throws {
        let top = "\(fixture.directory)/host-\(runtime)"
        try Files.makeDirectories("\(top)/sub")
        try Mounts.mount(type: "tmpfs", at: "\(top)/sub")
        let script = "echo x >/m/top; echo x >/m/sub/file; true"
        func written(_ change: @escaping (inout ContainerCreateRequest) -> Void) async throws -> Bool {
            #expect(
                try await run(fixture, script) { request in
                    request.hostConfig.runtime = runtime
                    change(&request)
                }.code == 0)
            #expect(!Files.exists("\(top)/top"))
            let isWritten = Files.exists("\(top)/sub/file")
            try Files.remove("\(top)/sub/file")
            return isWritten
        }
        #expect(try await !written { $0.hostConfig.binds = ["\(top):/m:ro"] })
        #expect(try await !written { $0.hostConfig.mounts = [Self.bind(top)] })
        #expect(try await !written { $0.hostConfig.mounts = [Self.bind(top) { $0.readOnlyForceRecursive = true }] })
        #expect(try await written { $0.hostConfig.mounts = [Self.bind(top) { $0.readOnlyNonRecursive = true }] })
        #expect(try await !written { $0.hostConfig.mounts = [Self.bind(top) { $0.nonRecursive = true }] })
        // As clients before API 1.44 have it.
        #expect(
            try await written {
                $0.hostConfig.binds = ["\(top):/m:ro"]
                $0.leavesSubmountsWritable = true
            })
        // What another container has it has.
        let owner = try await fixture.create(["true"]) {
            $0.hostConfig.mounts = [Self.bind(top) { $0.readOnlyNonRecursive = true }]
        }
        #expect(try await written { $0.hostConfig.volumesFrom = [owner] })
        try Mounts.unmount("\(top)/sub")
    }

    @Test func `a mount without what is mounted below has none of it`() async throws {
        try await EngineFixture.run { fixture in
            let top = "\(fixture.directory)/host"
            try Files.makeDirectories("\(top)/sub")
            try Mounts.mount(type: "tmpfs", at: "\(top)/sub")
            try Files.writeAtomically("below", to: "\(top)/sub/file")
            for (isShallow, isThere) in [(true, false), (false, true)] {
                let mount = Self.bind(top, readOnly: false) { $0.nonRecursive = isShallow }
                let (code, _) = try await run(fixture, "cat /m/sub/file") { $0.hostConfig.mounts = [mount] }
                #expect((code == 0) == isThere)
            }
            try Mounts.unmount("\(top)/sub")
        }
    }

    // MARK: Volumes of more than a directory

    private static func volume(_ fixture: EngineFixture, _ name: String, _ options: [String: String]) async throws
        -> VolumeResource
    {
        var request = VolumeRequest()
        request.name = name
        request.driverOpts = options
        return try await fixture.engine.volumes.createVolume(request)
    }

    @Test func `a volume of a device is mounted while containers use it, and only then`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let device = "\(fixture.directory)/exported"
            try Files.makeDirectories(device)
            let bound = try await Self.volume(fixture, "vol", ["type": "none", "o": "bind", "device": device])
            #expect(bound.options == ["type": "none", "o": "bind", "device": device])
            var ids: [String] = []
            for index in 0..<2 {
                ids.append(
                    try await fixture.start(["sh", "-c", "echo \(index) >/v/\(index); sleep 1000"]) {
                        $0.hostConfig.binds = ["vol:/v"]
                    })
            }
            try await eventually { try Files.list(device) == ["0", "1"] }
            #expect(Mounts.isMountPoint(bound.mountpoint))
            try await engine.containers.killContainer(ids[0], signal: nil)
            _ = try await engine.containers.waitForContainer(ids[0], .notRunning).result()
            #expect(Mounts.isMountPoint(bound.mountpoint))
            // The files of one that does not run are looked at in the volume as well.
            #expect(try await engine.files.statContainerPath(ids[0], path: "/v/1").size == 2)
            try await engine.containers.killContainer(ids[1], signal: nil)
            _ = try await engine.containers.waitForContainer(ids[1], .notRunning).result()
            try await eventually { !Mounts.isMountPoint(bound.mountpoint) }
            #expect(try Files.list(bound.mountpoint) == [])
            #expect(try await engine.files.statContainerPath(ids[0], path: "/v/1").size == 2)
            #expect(!Mounts.isMountPoint(bound.mountpoint))
            for id in ids { try await engine.containers.removeContainer(id, force: true, removeVolumes: true) }
            // Whatever has become of the mount: the device's content is not the volume's to remove.
            try Mounts.bind(device, to: bound.mountpoint)
            try await engine.volumes.removeVolume("vol", force: false)
            #expect(try Files.list(device) == ["0", "1"])
        }
    }

    @Test func `whoever looks at files of a container whose volume cannot be mounted leaves nothing mounted`()
        async throws
    {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let good = "\(fixture.directory)/good"
            try Files.makeDirectories(good)
            // The names are mounted in their order: one before the one that fails.
            let first = try await Self.volume(fixture, "one", ["type": "none", "o": "bind", "device": good])
            _ = try await Self.volume(
                fixture, "two", ["type": "none", "o": "bind", "device": "\(fixture.directory)/missing"])
            let id = try await fixture.create(["true"]) { $0.hostConfig.binds = ["one:/a", "two:/b"] }
            let root = try await engine.roots.directory(of: fixture.record(id))
            await #expect(throws: VolumeError.self) { _ = try await engine.files.statContainerPath(id, path: "/") }
            #expect(!Mounts.isMountPoint(root) && !Mounts.isMountPoint(first.mountpoint))
            // A start takes everything back as well.
            await #expect(throws: VolumeError.self) { try await engine.containers.startContainer(id) }
            #expect(!Mounts.isMountPoint(root) && !Mounts.isMountPoint(first.mountpoint))
            try Files.makeDirectories("\(fixture.directory)/missing")
            #expect(try await engine.files.statContainerPath(id, path: "/a").mode.isDirectory)
            #expect(!Mounts.isMountPoint(root) && !Mounts.isMountPoint(first.mountpoint))
        }
    }

    @Test
    func `a volume is filled from the image where something is mounted, too, and read-only ones stay as they are`()
        async throws
    {
        try await EngineFixture.run { fixture in
            for (name, options) in [("rw", "size=4m,mode=700"), ("ro", "ro,size=4m")] {
                _ = try await Self.volume(fixture, name, ["type": "tmpfs", "device": "tmpfs", "o": options])
            }
            let (code, output) = try await run(
                fixture, "/bin/busybox ls /filled/busybox /kept; /bin/busybox df -k /filled"
            ) {
                $0.hostConfig.binds = ["rw:/filled", "ro:/kept"]
            }
            #expect(code == 0 && output.contains("/filled/busybox") && output.contains("4096"), "\(output)")
        }
    }

    @Test func `mounts that a killed daemon has left go with the containers that used them`() async throws {
        let place = Kept("")
        let device = Kept("")
        try await EngineFixture.run { fixture in
            let path = "\(fixture.directory)/exported"
            try Files.makeDirectories(path)
            let volume = try await Self.volume(fixture, "used", ["type": "none", "o": "bind", "device": path])
            let unused = try await Self.volume(fixture, "unused", ["type": "none", "o": "bind", "device": path])
            try Mounts.bind(path, to: unused.mountpoint)
            place.withLock { $0 = volume.mountpoint }
            device.withLock { $0 = unused.mountpoint }
            _ = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.binds = ["used:/v"] }
            let left = "\(fixture.engine.paths.subpaths)/x/0"
            try Files.makeDirectories(left)
            try Mounts.bind(path, to: left)
        } restarted: { next in
            #expect(Mounts.isMountPoint(place.withLock { $0 }))
            #expect(!Mounts.isMountPoint(device.withLock { $0 }))
            #expect(!Files.exists("\(next.engine.paths.subpaths)/x"))
            let id = try #require(next.engine.table.all.first?.id)
            try await next.engine.containers.killContainer(id, signal: nil)
            try await eventually { !Mounts.isMountPoint(place.withLock { $0 }) }
        }
    }

    @Test func `what the kernel says of a volume that cannot be mounted is told, without its password`() async throws {
        try await EngineFixture.run { fixture in
            let volume = try await Self.volume(
                fixture, "vol", ["type": "none", "o": "bind,password=geheim", "device": "/no/such/place"])
            let id = try await fixture.create(["true"]) { $0.hostConfig.binds = ["vol:/v"] }
            await #expect(
                throws: APIError(
                    .internalError,
                    "error while mounting volume '\(volume.mountpoint)': failed to mount local volume: mount "
                        + "/no/such/place:\(volume.mountpoint), flags: 0x1000: no such file or directory")
            ) { try await told { try await fixture.engine.containers.startContainer(id) } }
            #expect(fixture.engine.localVolumes.users.withLock { $0.values.allSatisfy(\.isEmpty) })
            for (options, words) in [
                (["bogus": "1"], "create wol: invalid option: \"bogus\""),
                (["type": "nfs"], "create wol: missing required option: \"device\""),
                (["o": "ro", "device": "/x"], "create wol: missing required option: \"type\""),
                (["size": "1g"], "create wol: quota size requested but no quota support"),
            ] {
                await #expect(throws: APIError(.invalidInput, words)) {
                    try await told { try await Self.volume(fixture, "wol", options) }
                }
            }
            for change: @Sendable (inout HostConfiguration) -> Void in [
                {
                    $0.volumeDriver = "nosuch"; $0.binds = ["xyz:/x"]
                },
                {
                    var mount = Mount()
                    (mount.type, mount.source, mount.target) = ("volume", "xyz", "/x")
                    mount.volumeOptions = Mount.VolumeOptions()
                    mount.volumeOptions?.driverConfig = Driver(name: "nosuch")
                    $0.mounts = [mount]
                },
            ] {
                await #expect(
                    throws: APIError(
                        .invalidInput, "create xyz: error looking up volume plugin nosuch: plugin \"nosuch\" not found")
                ) { try await told { try await fixture.create(["true"]) { change(&$0.hostConfig) } } }
            }
        }
    }

    @Test func `a mount makes its volume with the options and labels it gives`() async throws {
        try await EngineFixture.run { fixture in
            let device = "\(fixture.directory)/exported"
            try Files.makeDirectories(device)
            var mount = Mount()
            (mount.type, mount.source, mount.target) = ("volume", "made", "/v")
            mount.volumeOptions = Mount.VolumeOptions()
            mount.volumeOptions?.labels = ["a": "b"]
            mount.volumeOptions?.driverConfig = Driver(
                name: "local", options: ["type": "none", "o": "bind", "device": device])
            let (code, _) = try await run(fixture, "echo said >/v/word") { $0.hostConfig.mounts = [mount] }
            #expect(code == 0)
            #expect(try Files.text("\(device)/word") == "said\n")
            #expect(try fixture.engine.localVolumes.find("made").labels == ["a": "b"])
        }
    }

    @Test func `volumes that containers bring about are told as those that are asked for`() async throws {
        try await EngineFixture.run { fixture in
            for _ in 0..<2 {
                let (code, _) = try await run(fixture, "true") {
                    $0.hostConfig.binds = ["told:/v", "/anonymous"]
                }
                #expect(code == 0)
            }
            var request = VolumeRequest()
            request.name = "told"
            _ = try await fixture.engine.volumes.createVolume(request)
            try await fixture.engine.volumes.removeVolume("told", force: false)
            let told = await fixture.engine.events.recent("volume", since: Timestamp(seconds: 0)).filter {
                ["create", "destroy"].contains($0.action) && $0.attributes["driver"] == "local"
            }
            // Once made, the named one is there for all.
            #expect(told.filter { $0.actorID == "told" }.map(\.action) == ["create", "destroy"])
            let others = told.filter { $0.actorID != "told" }
            #expect(Set(others.map(\.actorID)).count == 2)
            #expect(others.map(\.action) == ["create", "destroy", "create", "destroy"])
        }
    }

    @Test func `a part of a volume is found within the volume alone`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let place = try await Self.volume(fixture, "vol", [:]).mountpoint
            try Files.makeDirectories("\(place)/part/inner")
            try Files.writeAtomically("part", to: "\(place)/part/word", mode: 0o644)
            for (link, target) in [("in", "/part"), ("out", "../../../../../../etc")] {
                #expect(symlink(target, "\(place)/\(link)") == 0)
            }
            func mount(_ subpath: String) -> Mount {
                var mount = Mount()
                (mount.type, mount.source, mount.target) = ("volume", "vol", "/v")
                mount.volumeOptions = Mount.VolumeOptions()
                mount.volumeOptions?.subpath = subpath
                return mount
            }
            for (subpath, script) in [
                ("part", "cat /v/word && echo more >/v/made"), ("in", "cat /v/word"), ("part/word", "cat /v"),
            ] {
                let (code, output) = try await run(fixture, script) { $0.hostConfig.mounts = [mount(subpath)] }
                #expect(code == 0 && output.contains("part"), "\(subpath): \(output)")
            }
            #expect(try Files.text("\(place)/part/made") == "more\n")
            #expect(try Files.list(engine.paths.subpaths) == [])
            for subpath in ["out", "nosuch"] {
                let id = try await fixture.create(["true"]) { $0.hostConfig.mounts = [mount(subpath)] }
                let refusal = await #expect(throws: APIError.self) {
                    try await told { try await engine.containers.startContainer(id) }
                }
                #expect(refusal?.message.hasPrefix("cannot access path \(place)/\(subpath): ") == true, "\(subpath)")
            }
            for subpath in ["/etc", "../x", "a/../../x"] {
                await #expect(
                    throws: APIError(
                        .invalidInput,
                        "invalid mount config for type \"volume\": subpath must be a relative path within the volume")
                ) { try await told { try await fixture.create(["true"]) { $0.hostConfig.mounts = [mount(subpath)] } } }
            }
            let id = try await fixture.create(["true"]) { $0.hostConfig.mounts = [mount("part")] }
            #expect(try await engine.files.statContainerPath(id, path: "/v/word").size == 4)
        }
    }
}
