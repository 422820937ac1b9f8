import Addressing
import DataPlane
import EngineInterface
import Faults
import LinuxSystem
import Model
import NameService
import Netlink
import TestKit
import Testing

@testable import Engine

/// Networks on a link of the node, from the request to the container. The link is one end of a pair; the other one stands for the site's router.
@Suite(.timeLimit(.minutes(3))) struct ParentNetworkLifeTests {
    private static let router = IPAddress(192, 0, 2, 1)

    private static func lay(_ link: String, _ fixture: EngineFixture) async throws {
        try await fixture.namespace.run {
            try RouteSocket().perform([
                CreateVeth(name: link, isUp: true, peer: VethPeer(name: "r-\(link)")),
                AddAddress(
                    LinkAddress(link: .name("r-\(link)"), network: IPNetwork(address: router, prefixLength: 24))),
                SetLink(.name("r-\(link)"), isUp: true), SetLink(.name(link), isUp: true),
            ])
        }
    }

    private static func request(
        _ name: String, driver: String = "macvlan", subnet: String? = "192.0.2.0/24", _ options: [String: String]
    ) -> NetworkRequest {
        var request = NetworkRequest()
        request.name = name
        request.driver = driver
        request.options = options
        if let subnet {
            request.ipam = AddressManagement(
                driver: "default", config: [AddressPool(subnet: subnet, gateway: "192.0.2.1")])
        }
        return request
    }

    private static func join(_ network: String, _ address: String? = nil) -> (inout ContainerCreateRequest) -> Void {
        { request in
            request.hostConfig.networkMode = network
            guard let address else { return }
            var settings = EndpointSettings()
            settings.ipamConfig = EndpointSettings.AddressRequest()
            settings.ipamConfig?.iPv4Address = address
            request.networkingConfig = NetworkingConfiguration()
            request.networkingConfig?.endpointsConfig = [network: settings]
        }
    }

    private static func link(_ id: String, _ engine: NodeEngine, _ name: String = "eth0") async throws -> Link? {
        try await engine.network.dataPlane.sandboxNamespace(id).run { try RouteSocket().link(named: name) }
    }

    private static func refusal(_ request: NetworkRequest, _ engine: NodeEngine) async -> String {
        do {
            _ = try await told { try await engine.networks.createNetwork(request) }
            return ""
        } catch { return "\((error as? APIError)?.message ?? "\(error)")" }
    }

    @Test
    func `containers have addresses, names and a way out on their parent, and a restarted daemon takes them over`()
        async throws
    {
        let kept = Kept<(id: String, index: UInt32)>(("", 0))
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            try await Self.lay("par0", fixture)
            let network = try await engine.networks.createNetwork(Self.request("mv", ["parent": "par0"])).id
            let shown = try await engine.networks.inspectNetwork("mv", scope: nil, verbose: false)
            #expect(shown.driver == "macvlan" && shown.scope == "local" && shown.options == ["parent": "par0"])
            #expect(
                shown.ipam.config?.first?.subnet == "192.0.2.0/24" && shown.ipam.config?.first?.gateway == "192.0.2.1")
            let fixed = try await fixture.start(["sleep", "1000"], Self.join("mv", "192.0.2.50"))
            let other = try await fixture.start(["sleep", "1000"]) { request in
                Self.join("mv")(&request)
                request.hostConfig.portBindings = ["80/tcp": [PortBinding(hostIp: "", hostPort: "")]]
            }
            let place = try #require(fixture.record(fixed).endpoints.first)
            #expect(place.address?.description == "192.0.2.50/24" && place.gateway == Self.router)
            let view = try await engine.listing.inspectContainer(fixed, size: false).networkSettings.networks["mv"]
            #expect(view?.ipAddress == "192.0.2.50" && view?.gateway == "192.0.2.1")
            #expect(view?.macAddress == place.hardwareAddress?.description && view?.networkID == network)
            // No port of the node leads there.
            #expect(try fixture.record(other).publishedPorts.isEmpty)
            let sandbox = engine.network.dataPlane.sandboxNamespace(fixed)
            let greeter = try await Greeter.start("fixed", in: sandbox, port: 80)
            let answer = await tcp(IPAddress(192, 0, 2, 50), 80, from: fixture.namespace)
            #expect(answer == "fixed 192.0.2.1")
            let name = try fixture.record(other).name
            var query = Message()
            query.id = 7
            query.recursionDesired = true
            query.question = Question(try #require(DomainName(name)), .a)
            let octets = query.encoded()
            let reply = try await sandbox.run { try exchange(octets, IPAddress(127, 0, 0, 11), 53, .udp) }
            #expect(try Message(decoding: reply).answers.count == 1)
            await #expect(throws: APIError.self) {
                try await told { try await engine.networks.removeNetwork("mv") }
            }
            let link = try #require(try await Self.link(fixed, engine))
            #expect(link.macvlan == .bridge)
            kept.withLock { $0 = (fixed, link.index) }
            withExtendedLifetime(greeter) {}
        } restarted: { next in
            let engine = next.engine
            let (id, index) = kept.withLock { $0 }
            #expect(try await Self.link(id, engine)?.index == index)
            for record in engine.table.all {
                try await engine.containers.removeContainer(record.id, force: true, removeVolumes: true)
            }
            try await engine.networks.removeNetwork("mv")
            #expect(await Self.refusal(Self.request("again", ["parent": "par0"]), engine) == "")
        }
    }

    @Test func `what cannot hang on a link is refused in Docker's words`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            try await Self.lay("par0", fixture)
            func words(_ name: String, driver: String = "macvlan", _ options: [String: String]) async -> String {
                await Self.refusal(Self.request(name, driver: driver, subnet: nil, options), engine)
            }
            #expect(
                await words("a", ["parent": "none0"])
                    == "invalid subinterface vlan name none0, example formatting is eth0.10")
            #expect(
                await words("a", ["parent": "none0.10"])
                    == "-o parent interface does was not found on the host: none0")
            #expect(
                await words("a", ["parent": "par0.5000"]) == "vlan id must be between 1-4094, received: 5000")
            #expect(await words("a", ["parent": "lo"]) == "loopback interface is not a valid macvlan parent link")
            #expect(
                await words("a", ["parent": "par0", "macvlan_mode": "l2"])
                    == "requested macvlan mode 'l2' is not valid, 'bridge' mode is the macvlan driver default")
            #expect(
                await words("a", ["parent": "par0", "com.docker.network.bridge.name": "x"])
                    == "network option com.docker.network.bridge.name is not implemented by apus")
            let kernel = try await engine.network.dataPlane.kernelFeatures().links
            let ipvlan = await words("iv", driver: "ipvlan", ["parent": "par0"])
            #expect(ipvlan == (kernel.contains(.ipvlan) ? "" : "this node's kernel has no ipvlan devices"))
            let dummy = await words("dm", [:])
            #expect(dummy == (kernel.contains(.dummy) ? "" : "this node's kernel has no dummy devices"))
            let vlan = await words("vl", ["parent": "par0.9"])
            #expect(vlan == (kernel.contains(.vlan) ? "" : "this node's kernel has no vlan devices"))
        }
    }

    @Test func `a parent that one container has alone is nobody else's`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            try await Self.lay("par0", fixture)
            let first = try await engine.networks.createNetwork(
                Self.request("one", ["parent": "par0", "macvlan_mode": "passthru"])
            ).id.prefix(12)
            #expect(
                await Self.refusal(Self.request("two", subnet: nil, ["parent": "par0"]), engine)
                    == "macvlan network \(first) is already using parent interface par0 in mode passthru")
            let holder = try await fixture.start(["sleep", "1000"], Self.join("one"))
            let late = try await fixture.create(["sleep", "1000"], Self.join("one"))
            await #expect(throws: APIError(.internalError, "failed to create the macvlan port: invalid argument")) {
                try await told { try await engine.containers.startContainer(late) }
            }
            try await engine.containers.removeContainer(holder, force: true, removeVolumes: true)
            try await engine.containers.startContainer(late)
            #expect(try await Self.link(late, engine)?.macvlan == .passthru)
            // Its link goes with its parent; what is left says so.
            try await engine.containers.killContainer(late, signal: nil)
            try await eventually(within: .seconds(20)) { try fixture.record(late).state.status == "exited" }
            try await fixture.namespace.run { try RouteSocket().perform(DeleteLink("par0")) }
            await #expect(
                throws: APIError(
                    .internalError, "the requested parent interface par0 was not found on the Docker host")
            ) {
                try await told { try await engine.containers.startContainer(late) }
            }
            try await Self.lay("par0", fixture)
            try await engine.containers.startContainer(late)
        }
    }

    @Test func `a running container joins and leaves, and its way out is the one with the highest priority`()
        async throws
    {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            try await Self.lay("par0", fixture)
            _ = try await engine.networks.createNetwork(Self.request("mv", ["parent": "par0"]))
            let id = try await fixture.start(["sleep", "1000"], Self.join("bridge"))
            let sandbox = engine.network.dataPlane.sandboxNamespace(id)
            func gateway() async throws -> IPAddress? {
                try await sandbox.run { try RouteSocket().routes(addedBy: ownProtocol) { _ in true } }.first?.gateway
            }
            let usual = try await gateway()
            var settings = EndpointSettings()
            settings.gwPriority = 10
            try await engine.endpoints.connectNetwork("mv", container: id, settings: settings)
            #expect(try await gateway() == Self.router)
            #expect(try await Self.link(id, engine, "eth1")?.macvlan == .bridge)
            try await engine.endpoints.disconnectNetwork("mv", container: id, force: false)
            #expect(try await gateway() == usual)
            #expect(try await Self.link(id, engine, "eth1") == nil)
        }
    }
}
