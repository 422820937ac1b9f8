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

    // MARK: Links

    @Test func `a linked container is known by names and variables, and found again after it was started anew`()
        async throws
    {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            func create(_ name: String, _ change: (inout ContainerCreateRequest) -> Void) async throws -> String {
                var request = ContainerCreateRequest()
                request.configuration.image = "box"
                request.configuration.cmd = StringList(["sleep", "1000"])
                change(&request)
                return try await engine.factory.createContainer(name: name, platform: nil, request).id
            }
            let db = try await create(
                "db",
                {
                    $0.configuration.exposedPorts = ["5432/tcp": Model.Empty()]
                    $0.configuration.env = ["USER=me", "HOME=/x"]
                    $0.configuration.hostname = "store"
                })
            let web = try await create(
                "web",
                {
                    $0.hostConfig.links = ["db:my-db"]
                    $0.configuration.cmd = StringList(["sh", "-c", "/bin/busybox env; /bin/busybox sleep 1000"])
                })
            #expect(try fixture.record(web).hostConfig.links == ["/db:/web/my-db"])
            await #expect(throws: APIError(.conflict, "Cannot link to a non running container: /db AS /web/my-db")) {
                try await told {
                    try await engine.containers.startContainer(web)
                }
            }
            try await engine.containers.startContainer(db)
            try await engine.containers.startContainer(web)
            func address() throws -> String {
                let record = try fixture.record(db)
                return try #require(record.endpoints.first?.address?.address.description)
            }
            let log = engine.paths.log(of: web)
            let first = try address()
            let wanted = [
                "MY_DB_PORT=tcp://\(first):5432", "MY_DB_PORT_5432_TCP=tcp://\(first):5432",
                "MY_DB_PORT_5432_TCP_ADDR=\(first)", "MY_DB_PORT_5432_TCP_PORT=5432", "MY_DB_PORT_5432_TCP_PROTO=tcp",
                "MY_DB_NAME=/web/my-db", "MY_DB_ENV_USER=me",
            ]
            try await eventually { try wanted.allSatisfy { try Files.text(log)?.contains($0 + "\n") == true } }
            #expect(try Files.text(log)?.contains("MY_DB_ENV_HOME") == false)
            let hosts = "\(engine.paths.files(of: web))/hosts"
            #expect(try Files.text(hosts)?.contains("\n\(first)\tmy-db store db\n") == true)
            var query = ContainerQuery()
            query.all = true
            let names = try await engine.listing.listContainers(query).first { $0.identifier == db }?.names
            #expect(names == ["/db", "/web/my-db"])
            // Another one takes its address meanwhile.
            try await engine.containers.stopContainer(db, signal: "KILL", timeout: 0)
            for index in 0..<3 {
                try await engine.containers.startContainer(try await create("other\(index)", { _ in }))
            }
            try await engine.containers.startContainer(db)
            let second = try address()
            #expect(second != first)
            #expect(try Files.text(hosts)?.contains("\n\(second)\tmy-db store db\n") == true)
            #expect(try Files.text(hosts)?.contains(first) == false)
            for (links, words) in [
                ([""], "empty string specified for links"), (["a:b:c"], "bad format for links: a:b:c"),
                (["nosuch"], "could not get container for nosuch: No such container: nosuch"),
            ] {
                await #expect(throws: APIError(.invalidInput, words)) {
                    try await told {
                        _ = try await create("refused", { $0.hostConfig.links = links })
                    }
                }
            }
        }
    }

    @Test func `a link to a network has the name and the parameters that its driver options give`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            var request = NetworkRequest()
            request.name = "n"
            _ = try await engine.networks.createNetwork(request)
            var settings = EndpointSettings()
            settings.driverOpts = [
                "com.docker.network.endpoint.ifname": "up0",
                "com.docker.network.endpoint.sysctls":
                    "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.neigh.IFNAME.ucast_solicit=5",
            ]
            let script = "cat /proc/sys/net/ipv4/conf/up0/log_martians /proc/sys/net/ipv4/neigh/up0/ucast_solicit"
            let id = try await fixture.create(["sh", "-c", script + "; sleep 1000"]) {
                $0.hostConfig.networkMode = "n"
                $0.networkingConfig = NetworkingConfiguration()
                $0.networkingConfig?.endpointsConfig = ["n": settings]
            }
            try await engine.containers.startContainer(id)
            let log = engine.paths.log(of: id)
            try await eventually { try Files.text(log)?.contains("5\n") == true }
            #expect(try Files.text(log)?.contains("1\n") == true)
            request.name = "m"
            _ = try await engine.networks.createNetwork(request)
            await #expect(throws: APIError.self) {
                try await told {
                    try await engine.endpoints.connectNetwork("m", container: id, settings: settings)
                }
            }
            settings.driverOpts?["com.docker.network.endpoint.ifname"] = "eth0"
            try await engine.endpoints.connectNetwork("m", container: id, settings: settings)
            #expect(try fixture.record(id).endpoints.map(\.interfaceName) == ["up0", "eth0"])
        }
    }
}
