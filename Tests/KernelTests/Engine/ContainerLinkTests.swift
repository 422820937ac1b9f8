import EngineInterface
import Faults
import Glibc
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Engine

/// What containers know of each other by links, and what their links are called.
@Suite(.timeLimit(.minutes(2))) struct ContainerLinkTests {
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
            #expect(try await engine.listing.inspectContainer("web/my-db", size: false).identifier == db)
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

    @Test func `a link is removed by its name, and the containers stay`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            func create(_ name: String, links: [String]? = nil) async throws -> String {
                var request = ContainerCreateRequest()
                request.configuration.image = "box"
                request.configuration.cmd = StringList(["sleep", "1000"])
                request.hostConfig.links = links
                let id = try await engine.factory.createContainer(name: name, platform: nil, request).id
                try await engine.containers.startContainer(id)
                return id
            }
            let db = try await create("db")
            let web = try await create("web", links: ["db:one", "db:two"])
            let hosts = "\(engine.paths.files(of: web))/hosts"
            #expect(try Files.text(hosts)?.contains("\tone ") == true)
            await #expect(throws: ContainerOptionError.noLink) { try await engine.containers.removeLink("db") }
            await #expect(throws: ContainerError.notFound("web/three")) {
                try await engine.containers.removeLink("web/three")
            }
            try await engine.containers.removeLink("/web/one")
            await #expect(throws: ContainerError.notFound("web/one")) {
                _ = try await engine.listing.inspectContainer("web/one", size: false)
            }
            #expect(try await engine.listing.inspectContainer("web/two", size: false).identifier == db)
            #expect(try fixture.record(web).hostConfig.links == ["/db:/web/two"])
            let names = try await engine.listing.listContainers(ContainerQuery()).first { $0.identifier == db }?.names
            #expect(names == ["/db", "/web/two"])
            let text = try #require(try Files.text(hosts))
            #expect(!text.contains("\tone ") && text.contains("\ttwo "))
            // The same name without more is the container.
            try await engine.containers.removeContainer("web/two", force: true, removeVolumes: false)
            #expect(engine.table.record(db) == nil && engine.table.record(web)?.isRunning == true)
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
