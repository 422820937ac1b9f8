import Addressing
import DataPlane
import EngineInterface
import Faults
import Model
import Netlink
import TestKit
import Testing

@testable import Engine

/// Drivers of the node's own networks beside the plain bridge: what is read, refused, and told to the data plane.
@Suite struct NetworkDriverTests {
    private func network(
        _ id: String, driver: String = "macvlan", parent: ParentLink?, third: UInt8 = 40
    ) -> LocalNetwork {
        var network = LocalNetwork(id: id, name: id, driver: driver, created: .zero)
        network.parent = parent
        network.ranges = [AddressRange(subnet: IPNetwork(address: IPAddress(172, third, 0, 0), prefixLength: 16))]
        network.gateways = HostAddresses(IPAddress(172, third, 0, 1))
        return network
    }

    private func link(_ name: String, _ mode: String, _ origin: ParentLink.Origin = .given) -> ParentLink {
        ParentLink(name: name, origin: origin, mode: mode)
    }

    @Test func `options of macvlan and ipvlan are read, and what they do not know is refused`() throws {
        let usual = try ParentOptions(driver: "macvlan", ["parent": "eth0"])
        #expect(usual.parent == "eth0" && usual.mode == "bridge")
        #expect(try ParentOptions(driver: "macvlan", ["parent": ""]).parent == nil)
        #expect(try ParentOptions(driver: "ipvlan", [:]).mode == "l2")
        #expect(ParentOptions.kind("macvlan", "passthru", nil) == .macvlan(.passthru))
        #expect(
            ParentOptions.kind("ipvlan", "l3s", "vepa") == .ipvlan(IpvlanSettings(mode: .l3s, traffic: .vepa)))
        for (driver, options, error) in [
            ("macvlan", ["macvlan_mode": "l2"], .invalidMode(driver: "macvlan", mode: "l2")),
            ("ipvlan", ["ipvlan_mode": "bridge"], .invalidMode(driver: "ipvlan", mode: "bridge")),
            ("ipvlan", ["ipvlan_flag": "passthru"], .invalidFlag("passthru")),
            ("ipvlan", ["parent": "lo"], .loopback(driver: "ipvlan")),
        ] as [(String, [String: String], ParentError)] {
            #expect(throws: error) { try ParentOptions(driver: driver, options) }
        }
        #expect(try ParentOptions.vlan("eth0.4094") == ("eth0", 4094))
        for (name, error) in [
            ("eth0", .notFound("eth0")), ("a.b.1", .invalidVLANName("a.b.1")), (".1", .invalidVLANName(".1")),
            ("abcdefghijklmn.1", .invalidVLANName("abcdefghijklmn.1")), ("eth0.x", .invalidVLANNumber("x")),
            ("eth0.0", .vlanOutOfRange(0)), ("eth0.4095", .vlanOutOfRange(4095)),
        ] as [(String, ParentError)] {
            #expect(throws: error) { try ParentOptions.vlan(name) }
        }
    }

    @Test func `networks share a parent where their modes go together`() throws {
        func check(_ driver: String, _ mode: String, _ other: LocalNetwork) throws {
            try ParentOptions(driver: driver, ["\(driver)_mode": mode]).check("eth0", beside: [other])
        }
        let macvlan = network("0123456789abcdef", parent: link("eth0", "bridge"))
        try check("macvlan", "private", macvlan)
        #expect(throws: ParentError.passthruBeside(network: "0123456789ab", parent: "eth0")) {
            try check("macvlan", "passthru", macvlan)
        }
        #expect(throws: ParentError.inUse(network: "0123456789ab", parent: "eth0")) {
            try check("ipvlan", "l2", macvlan)
        }
        let alone = network("0123456789abcdef", parent: link("eth0", "passthru"))
        #expect(throws: ParentError.passthru(network: "0123456789ab", parent: "eth0")) {
            try check("macvlan", "bridge", alone)
        }
        let ipvlan = network("0123456789abcdef", driver: "ipvlan", parent: link("eth0", "l2"))
        try check("ipvlan", "l2", ipvlan)
        #expect(throws: ParentError.inUse(network: "0123456789ab", parent: "eth0")) {
            try check("ipvlan", "l3", ipvlan)
        }
        try check("ipvlan", "l3", network("x", parent: link("eth1", "bridge")))
    }

    private func member(_ endpoints: [EndpointRecord]) -> ContainerRecord {
        var record = ContainerRecord(
            id: "c1", name: "c1", created: .now, imageID: "",
            configuration: ContainerConfiguration(), hostConfig: HostConfiguration(), commandLine: ["true"])
        record.endpoints = endpoints
        record.publishedPorts = [PublishedPort(transport: .tcp, hostPort: 8080, containerPort: 80)]
        return record
    }

    private func endpoint(_ network: LocalNetwork, priority: Int = 0) throws -> EndpointRecord {
        var endpoint = EndpointRecord(networkID: network.id, networkName: network.name)
        endpoint.endpointID = "e-\(network.id)"
        endpoint.interfaceName = "eth-\(network.id)"
        let subnet = try #require(network.ranges.first?.subnet)
        endpoint.addresses = EndpointAddresses(
            IPNetwork(address: subnet.first.advanced(by: 5), prefixLength: subnet.prefixLength))
        endpoint.gateways = network.gateways
        endpoint.localDriver = network.parent == nil ? nil : network.driver
        endpoint.requested = EndpointSettings()
        endpoint.requested?.gwPriority = priority
        return endpoint
    }

    @Test func `the data plane is told of parents and who hangs on them; ports of the node lead to bridges alone`()
        throws
    {
        let bridge = network("br", driver: "bridge", parent: nil, third: 41)
        let parented = network("mv", parent: link("eth0.7", "vepa", .vlan), third: 42)
        let closed = network("cl", parent: link("dm-cl", "bridge", .dummy), third: 43)
        let record = member([
            try endpoint(bridge), try endpoint(parented, priority: 5), try endpoint(closed, priority: 9),
        ])
        var composer = NodeNetworkComposer(
            containers: [record], networks: [bridge, parented, closed], underlayMTU: 1500)
        let composed = composer.compose()
        #expect(
            composed.parents == [
                ParentNetwork(id: "cl", parent: "dm-cl", origin: .dummy, kind: .macvlan(.bridge)),
                ParentNetwork(id: "mv", parent: "eth0.7", origin: .vlan(of: "eth0", id: 7), kind: .macvlan(.vepa)),
            ])
        let sandbox = try #require(composed.sandboxes.first)
        #expect(sandbox.endpoints.map(\.network) == [.bridge("br"), .parent("mv"), .parent("cl")])
        // What leads nowhere is no way out, whatever its priority.
        #expect(sandbox.defaultRouteEndpointID == "e-mv")
        #expect(sandbox.published.map(\.target) == [IPAddress(172, 41, 0, 5)])
        // By key as from nothing.
        #expect(composer.changes([.parent("mv")]).keys == [.parent("mv")])
        #expect(composer.replace(networks: [bridge, closed]).isSuperset(of: [.parent("mv"), .sandbox("c1")]))
        #expect(composer.compose().parents.map(\.id) == ["cl"])
    }

    @Test func `an endpoint on ipvlan shows no MAC, as it has its parent's`() throws {
        #expect(try endpoint(network("iv", driver: "ipvlan", parent: link("eth0", "l2"))).shownMAC == nil)
        #expect(try endpoint(network("mv", parent: link("eth0", "bridge"))).shownMAC != nil)
    }

    @Test func `a bridge's names for links and its gateway modes are acted upon, and others refused`() throws {
        let mode = "com.docker.network.bridge.gateway_mode_ipv4"
        let prefix = LocalNetwork.interfacePrefixOption
        try BridgeOptionRules.check([mode: "nat", prefix: "net"])
        for family in IPFamily.allCases {
            let option = BridgeOptionRules.gatewayModeOption(family)
            for other in ["", "bat", "Routed"] {
                let reason = "unknown gateway mode \(other)"
                #expect(throws: NetworkOptionError.unreadable(option: option, value: other, reason: reason)) {
                    try BridgeOptionRules.check([option: other])
                }
            }
            for known in ["nat-unprotected", "routed"] { try BridgeOptionRules.check([option: known]) }
            #expect(throws: NetworkOptionError.isolatedOutside) { try BridgeOptionRules.check([option: "isolated"]) }
            try BridgeOptionRules.check([option: "isolated"], isInternal: true)
            var open = network("br", driver: "bridge", parent: nil)
            open.options[option] = "nat-unprotected"
            #expect(IPFamily.allCases.filter(open.isUnprotected) == [family])
            #expect(LocalNetworkPlanner.knownOptions.contains(option))
        }
        for text in ["", "a/b", "abcdefghijklm", ".", "lo"] {
            #expect(throws: NetworkOptionError.unsupported("\(prefix)=\(text)")) {
                try BridgeOptionRules.check([prefix: text])
            }
        }
        var bridge = network("br", driver: "bridge", parent: nil)
        #expect(bridge.interfacePrefix == "eth")
        bridge.options[prefix] = "net"
        #expect(bridge.interfacePrefix == "net")
    }

    @Test func `a container is found by as much of its id and name as a label of the DNS has room for`() throws {
        let id = String(repeating: "0123456789abcdef", count: 4)
        var record = ContainerRecord(
            id: id, name: String(repeating: "f", count: 64), created: .now, imageID: "",
            configuration: ContainerConfiguration(), hostConfig: HostConfiguration(), commandLine: ["true"])
        let place = try endpoint(network("lan", driver: "bridge", parent: nil))
        record.endpoints = [place]
        let names = NameTableComposer.names(of: record, place)
        #expect(
            names.isSuperset(of: [String(id.prefix(63)), String(id.prefix(12)), String(repeating: "f", count: 63)]))
        #expect(names.allSatisfy { $0.utf8.count <= 63 })
        // Of the long id nothing is shown.
        record.name = "web"
        record.configuration.hostname = record.shortID
        var other = place
        other.requested = EndpointSettings()
        other.requested?.aliases = ["b", "a", "web"]
        #expect(NameTableComposer.shownNames(of: record, other) == ["web", "b", "a", record.shortID])
    }

    @Test(arguments: PredefinedNetwork.allCases)
    func `a task of a service on a node's own network is a container on it`(own: PredefinedNetwork) throws {
        var task = SwarmTask(id: "t1")
        task.nodeID = "n1"
        task.spec.containerSpec = ContainerSpec()
        var config = NetworkAttachmentConfig()
        config.target = own.rawValue
        task.spec.networks = [config]
        let plan = TaskContainer(task: task, nodeID: "n1")
        #expect(try plan.request().hostConfig.networkMode == own.rawValue)
        #expect(try plan.endpoints(gatewayBridgeID: "gw") == nil)
    }
}
