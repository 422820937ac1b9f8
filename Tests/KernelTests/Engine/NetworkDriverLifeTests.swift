import Addressing
import DataPlane
import EngineInterface
import Faults
import LinuxSystem
import Model
import Netlink
import TestKit
import Testing

@testable import Engine

/// Networks made of others' settings, and connections that a daemon which was killed has begun.
@Suite(.timeLimit(.minutes(3))) struct NetworkDriverLifeTests {
    private static func request(_ name: String, _ change: (inout NetworkRequest) -> Void) -> NetworkRequest {
        var request = NetworkRequest()
        request.name = name
        change(&request)
        return request
    }

    @Test func `what Docker keeps for itself is refused, names and addresses, and aliases where there are none`()
        async throws
    {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            for name in ["bridge", "default", "host", "none"] {
                await #expect(throws: NetworkError.reservedName(name)) {
                    _ = try await engine.networks.createNetwork(Self.request(name) { _ in })
                }
            }
            let pools = [AddressPool(subnet: "192.0.2.0/24"), AddressPool(subnet: "fd00:9::/64")]
            _ = try await engine.networks.createNetwork(
                Self.request("n") { request in
                    request.enableIPv6 = true
                    request.ipam = AddressManagement(driver: "default", config: pools)
                })
            let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "bridge" }
            for address in ["192.0.2.0", "192.0.2.255", "192.0.2.1", "fd00:9::"] {
                var settings = EndpointSettings()
                settings.ipamConfig = EndpointSettings.AddressRequest()
                if address.contains(":") {
                    settings.ipamConfig?.iPv6Address = address
                } else {
                    settings.ipamConfig?.iPv4Address = address
                }
                let asked = settings
                await #expect(throws: EndpointError.addressTaken, "\(address)") {
                    try await engine.endpoints.connectNetwork("n", container: id, settings: asked)
                }
            }
            #expect(try fixture.record(id).endpoints.map(\.networkName) == ["bridge"])
            try await engine.endpoints.disconnectNetwork("bridge", container: id, force: false)
            var settings = EndpointSettings()
            settings.aliases = ["z"]
            let named = settings
            await #expect(throws: EndpointOptionError.aliasOnDefaultNetwork) {
                try await engine.endpoints.connectNetwork("bridge", container: id, settings: named)
            }
            try await engine.endpoints.connectNetwork("n", container: id, settings: named)
        }
    }

    @Test func `an address that a container asked for which does not run goes to others last`() async throws {
        try await EngineFixture.run { fixture in
            _ = try await fixture.engine.networks.createNetwork(
                Self.request("n") { request in
                    request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: "192.0.2.0/29")])
                })
            var settings = EndpointSettings()
            settings.ipamConfig = EndpointSettings.AddressRequest()
            settings.ipamConfig?.iPv4Address = "192.0.2.3"
            var networking = NetworkingConfiguration()
            networking.endpointsConfig = ["n": settings]
            let asked = networking
            let id = try await fixture.create(["sleep", "1000"]) { request in
                request.hostConfig.networkMode = "n"
                request.networkingConfig = asked
            }
            var others: Set<String> = []
            for _ in 0..<4 {
                let other = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "n" }
                others.insert(try #require(fixture.record(other).endpoints.first?.addresses?.v4).address.description)
            }
            #expect(others == ["192.0.2.2", "192.0.2.4", "192.0.2.5", "192.0.2.6"])
            // Nothing else is left: the one that asked comes too late.
            let last = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "n" }
            #expect(try fixture.record(last).endpoints.first?.addresses?.v4?.address.description == "192.0.2.3")
            await #expect(throws: EndpointError.addressTaken) { try await fixture.engine.containers.startContainer(id) }
        }
    }

    @Test func `a container that does not run leaves a network that is gone, and starts on another`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            for name in ["n", "m"] { _ = try await engine.networks.createNetwork(Self.request(name) { _ in }) }
            let id = try await fixture.create(["sleep", "1000"]) { $0.hostConfig.networkMode = "n" }
            try await engine.networks.removeNetwork("n")
            await #expect(throws: (any Error).self) { try await engine.containers.startContainer(id) }
            for unknown in ["other", ""] {
                await #expect(throws: NetworkError.notFound(unknown)) {
                    try await engine.endpoints.disconnectNetwork(unknown, container: id, force: true)
                }
            }
            try await engine.endpoints.disconnectNetwork("n", container: id, force: false)
            try await engine.endpoints.connectNetwork("m", container: id, settings: nil)
            try await engine.containers.startContainer(id)
            #expect(try fixture.record(id).endpoints.map(\.networkName) == ["m"])
        }
    }

    @Test func `a network takes its settings from one that is made for that`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            func create(_ request: NetworkRequest) async throws { _ = try await engine.networks.createNetwork(request) }
            try await create(
                Self.request("cfg") { request in
                    request.configOnly = true
                    request.ipam = AddressManagement(
                        driver: "default", config: [AddressPool(subnet: "192.0.2.0/24", gateway: "192.0.2.7")])
                    request.options = [LocalNetwork.interfacePrefixOption: "net"]
                    request.labels = ["a": "b"]
                })
            let settings = try await engine.networks.inspectNetwork("cfg", scope: nil, verbose: false)
            #expect(settings.configOnly && settings.driver == "null" && settings.scope == "local")
            func taking(_ name: String, _ change: (inout NetworkRequest) -> Void = { _ in }) -> NetworkRequest {
                Self.request(name) { request in
                    request.configFrom = NetworkRequest.ConfigurationSource()
                    request.configFrom?.network = "cfg"
                    change(&request)
                }
            }
            await #expect(throws: NetworkConfigurationError.ownSettings) {
                try await create(taking("n") { $0.labels = ["c": "d"] })
            }
            await #expect(throws: NetworkConfigurationError.operatorField) {
                try await create(
                    Self.request("other") { request in
                        request.configOnly = true
                        request.attachable = true
                    })
            }
            try await create(taking("n") { $0.attachable = true })
            let made = try await engine.networks.inspectNetwork("n", scope: nil, verbose: false)
            #expect(
                made.configFrom.network == "cfg" && !made.configOnly && made.attachable && made.labels == ["a": "b"])
            #expect(made.ipam.config?.first?.gateway == "192.0.2.7")
            await #expect(throws: NetworkConfigurationError.inUse("cfg")) {
                try await engine.networks.removeNetwork("cfg")
            }
            let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "n" }
            let link = try await engine.network.dataPlane.sandboxNamespace(id).run {
                try RouteSocket().link(named: "net0")
            }
            #expect(link != nil)
            await #expect(throws: NetworkConfigurationError.noEndpoint) {
                _ = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "cfg" }
            }
            try await engine.containers.removeContainer(id, force: true, removeVolumes: true)
            #expect(try await engine.networks.pruneNetworks(Filters()) == ["n"])
            try await engine.networks.removeNetwork("cfg")
        }
    }

    @Test func `settings may have a pool of IPv6, which networks that take them have then`() async throws {
        try await EngineFixture.run { fixture in
            let networks = fixture.engine.networks
            let pools = [AddressPool(subnet: "192.0.2.0/24"), AddressPool(subnet: "2001:db8:7::/64")]
            func settings(_ name: String, ipv6: Bool) -> NetworkRequest {
                Self.request(name) { request in
                    request.configOnly = true
                    request.enableIPv6 = ipv6
                    request.ipam = AddressManagement(driver: "default", config: pools)
                }
            }
            _ = try await networks.createNetwork(settings("plain", ipv6: false))
            #expect(try await networks.inspectNetwork("plain", scope: nil, verbose: false).enableIPv6 == false)
            _ = try await networks.createNetwork(settings("cfg", ipv6: true))
            #expect(try await networks.inspectNetwork("cfg", scope: nil, verbose: false).enableIPv6)
            _ = try await networks.createNetwork(
                Self.request("n") { request in
                    request.configFrom = NetworkRequest.ConfigurationSource()
                    request.configFrom?.network = "cfg"
                })
            let made = try await networks.inspectNetwork("n", scope: nil, verbose: false)
            #expect(made.enableIPv4 && made.enableIPv6)
            #expect(made.ipam.config?.compactMap(\.gateway) == ["192.0.2.1", "2001:db8:7::1"])
        }
    }

    @Test func `a subnet of two addresses has room for one container, and one of one for none`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            for (name, subnet) in [("two", "192.0.2.0/31"), ("one", "192.0.2.8/32")] {
                _ = try await engine.networks.createNetwork(
                    Self.request(name) { request in
                        request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: subnet)])
                    })
            }
            let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "two" }
            #expect(try fixture.record(id).endpoints.first?.address?.description == "192.0.2.1/31")
            for name in ["two", "one"] {
                let network = try #require(engine.networks.networks.named(name)?.id)
                await #expect(throws: EndpointError.addressesExhausted(network: name, id: network)) {
                    _ = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = name }
                }
            }
            let wrong = fixture.log.withLock { lines in lines.filter { $0.contains("not as it is to be") } }
            #expect(wrong.isEmpty)
        }
    }

    @Test func `a connection that a killed daemon has begun is finished, and one that was being cut stays cut`()
        async throws
    {
        let kept = Kept<String>("")
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            for name in ["one", "two"] { _ = try await engine.networks.createNetwork(Self.request(name) { _ in }) }
            let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "one" }
            // What a connect and a disconnect put on record before they do anything else.
            try await engine.table.update(id, durably: true) { record in
                record.endpoints.removeAll()
                record.endpoints.append(EndpointRecord(networkID: "", networkName: "two"))
            }
            kept.withLock { $0 = id }
        } restarted: { next in
            let id = kept.withLock { $0 }
            try await eventually(within: .seconds(20), "joined") {
                try next.record(id).endpoints.contains { $0.networkName == "two" && $0.isJoined }
            }
            let place = try #require(next.record(id).endpoints.first)
            let sandbox = next.engine.network.dataPlane.sandboxNamespace(id)
            try await eventually(within: .seconds(20), "one link") {
                let links = try await sandbox.run { try RouteSocket().links().map(\.name) }
                return links.filter { $0 != "lo" } == [place.interfaceName]
            }
        }
    }
}
