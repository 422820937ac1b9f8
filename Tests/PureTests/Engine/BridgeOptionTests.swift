import Addressing
import DataPlane
import EngineInterface
import Faults
import Model
import TestKit
import Testing

@testable import Engine

/// Options of bridges: what is read and refused, and what the data plane is told of them.
@Suite struct BridgeOptionTests {
    private let bridge = "com.docker.network.bridge."

    private func plan(
        _ options: [String: String], isInternal: Bool = false, gateway: String? = nil
    ) throws -> LocalNetwork {
        var request = NetworkRequest()
        request.name = "net"
        request.internal = isInternal
        request.enableIPv6 = true
        request.options = options
        request.ipam = AddressManagement(
            driver: "default",
            config: [AddressPool(subnet: "10.8.0.0/24", gateway: gateway), AddressPool(subnet: "fd00:8::/64")])
        return try LocalNetworkPlanner(taken: [], routed: []).plan(request, id: "0123456789abcdef", at: .zero)
    }

    @Test func `D7: only an internal bridge is sealed`() throws {
        #expect(try plan([Sealing.option: "true"], isInternal: true).isSealed)
        #expect(try !plan([:], isInternal: true).isSealed)
        #expect(throws: NetworkOptionError.internalOnly(Sealing.option)) { try plan([Sealing.option: "true"]) }
    }

    private func member(_ network: LocalNetwork, _ bindings: [String: [PortBinding]]) throws -> ContainerRecord {
        var host = HostConfiguration()
        host.portBindings = bindings
        var record = ContainerRecord(
            id: "c1", name: "c1", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: host, commandLine: ["true"])
        var endpoint = EndpointRecord(networkID: network.id, networkName: network.name)
        endpoint.endpointID = "e1"
        endpoint.interfaceName = "eth0"
        endpoint.addresses = EndpointAddresses([
            try #require(IPNetwork("10.8.0.5/24")), try #require(IPNetwork("fd00:8::5/64")),
        ])
        endpoint.gateways = network.gateways
        record.endpoints = [endpoint]
        return record
    }

    private func compose(_ network: LocalNetwork, _ record: ContainerRecord) throws -> (BridgeNetwork, Sandbox) {
        let composed = NodeNetworkComposer(containers: [record], networks: [network], underlayMTU: 1500).compose()
        return (try #require(composed.bridges.first), try #require(composed.sandboxes.first))
    }

    @Test func `a name of a link that rules would take for something else is none`() throws {
        let option = bridge + "name"
        for name in ["a\"b", "a*", "a\\b", "a/b", "a b", "lo", "..", "a\u{1}", "\u{e9}"] {
            #expect(throws: NetworkOptionError.unsupported("\(option)=\(name)")) { try plan([option: name]) }
        }
        #expect(try plan([option: "br-0.1_x@y"]).bridgeName == "br-0.1_x@y")
        #expect(try plan([option: ""]).bridgeName == "br-0123456789ab")
        #expect(throws: NetworkError.longBridgeName("sixteen-letters-")) { try plan([option: "sixteen-letters-"]) }
    }

    /// Rules name the links of all networks at once: nftables would refuse them all for one.
    @Test func `a name on record that rules would take for something else stops no other network`() throws {
        var stored = try plan([:])
        let record = try member(stored, [:])
        for name in ["a\"b", "a*", "a\\b"] {
            stored.options = [bridge + "name": name, bridge + "trusted_host_interfaces": "eth1:\(name):lo"]
            #expect(stored.isMisnamed)
            let (link, _) = try compose(stored, record)
            #expect(link.linkName == "br-0123456789ab" && link.trustedLinks == ["eth1", "lo"])
        }
        stored.options = [bridge + "name": "mine"]
        #expect(!stored.isMisnamed && stored.bridgeName == "mine")
    }

    @Test func `values that mean nothing are refused in Docker's words, and those that are not acted upon by name`()
        throws
    {
        for option in ["inhibit_ipv4", "enable_icc", "enable_ip_masquerade", "default_bridge"] {
            for text in ["1", "t", "TRUE", "false", "F", "0"] { try BridgeOptionRules.check([bridge + option: text]) }
            let reason = "strconv.ParseBool: parsing \"maybe\": invalid syntax"
            #expect(
                throws: NetworkOptionError.unreadable(option: bridge + option, value: "maybe", reason: reason)
            ) { try BridgeOptionRules.check([bridge + option: "maybe"]) }
        }
        for option in [bridge + "host_binding_ipv4", "com.docker.network.host_ipv4", "com.docker.network.host_ipv6"] {
            #expect(throws: NetworkOptionError.unreadable(option: option, value: "x", reason: "nil ip")) {
                try BridgeOptionRules.check([option: "x"])
            }
            let other = option.hasSuffix("6") ? "10.0.0.1" : "fd00::1"
            #expect(throws: NetworkOptionError.unsupported("\(option)=\(other)")) {
                try BridgeOptionRules.check([option: other])
            }
        }
        let trusted = bridge + "trusted_host_interfaces"
        for text in ["eth1", "eth1:vxlan.1", ":lo:", ""] { try BridgeOptionRules.check([trusted: text]) }
        for text in ["eth1:a/b", "eth*", "e\"", "abcdefghijklmnop", "eth1 eth2"] {
            #expect(throws: NetworkOptionError.unsupported("\(trusted)=\(text)")) {
                try BridgeOptionRules.check([trusted: text])
            }
        }
        #expect(throws: NetworkOptionError.unsupported("com.docker.network.bridge.other")) {
            try plan([bridge + "other": "1"])
        }
    }

    @Test func `a routed family has no port of the node, and opens the container's own`() throws {
        for (routed, requests, open) in [
            ([.v6], ["* 10.8.0.5 -"], [.v6]), ([.v4], [":: fd00:8::5 -"], [.v4]), ([.v4, .v6], [], [.v4, .v6]),
            ([], ["* 10.8.0.5 fd00:8::5"], []),
        ] as [(Set<IPFamily>, [String], [IPFamily])] {
            let network = try plan(
                Dictionary(routed.map { (BridgeOptionRules.gatewayModeOption($0), "routed") }) { first, _ in first })
            #expect(network.routedFamilies == routed)
            var record = try member(network, ["80/tcp": [PortBinding(hostIp: "", hostPort: "8080")]])
            let wanted = try PortRequests(record).wanted(
                PortWays(of: record) { $0 == network.id ? network : nil })
            #expect(
                wanted.requests.map { request in
                    "\(request.hostAddress.map { "\($0)" } ?? "*") \(request.targetAddress) \(request.target6.map { "\($0)" } ?? "-")"
                } == requests)
            #expect(Set(wanted.routed) == Set(open.map { PublishedPort.routed($0, .tcp, containerPort: 80) }))
            let held = [IPFamily.v4, .v6].filter { !routed.contains($0) }.map {
                PublishedPort(transport: .tcp, hostAddress: .unspecified($0), hostPort: 8080, containerPort: 80)
            }
            record.publishedPorts = held + wanted.routed
            let (link, sandbox) = try compose(network, record)
            #expect(link.routed == routed && link.unaddressed.isEmpty)
            #expect(sandbox.published.map(\.published) == held)
            #expect(
                Set(sandbox.direct)
                    == Set(
                        open.map { family in
                            DirectPort(
                                transport: .tcp, ports: 80...80,
                                address: family == .v4
                                    ? IPAddress(10, 8, 0, 5) : sandbox.endpoints[0].addresses.hosts.all[1])
                        }))
        }
    }

    @Test func `inspect shows a routed port without a port of the node, as one that is asked for twice once`() throws {
        let network = try plan([BridgeOptionRules.gatewayModeOption(.v4): "routed"])
        var record = try member(
            network,
            [
                "80/tcp": [
                    PortBinding(hostIp: "0.0.0.0", hostPort: "8080"), PortBinding(hostIp: "127.0.0.1", hostPort: "81"),
                ]
            ])
        record.configuration.exposedPorts = ["80/tcp": Empty()]
        let wanted = try PortRequests(record).wanted(PortWays(of: record) { _ in network })
        #expect(wanted.requests.isEmpty)
        record.publishedPorts = wanted.routed
        record.phase = .running(.init(pid: 1, startedAt: .now))
        let views = ContainerViews(now: .now, directory: { $0 }, logPath: { $0 }, sandboxPath: { $0 })
        let shown = views.inspection(record, execIDs: []).networkSettings.ports["80/tcp"]
        #expect(shown == [PortBinding(hostIp: "0.0.0.0", hostPort: "")])
        #expect(views.summary(record).ports == [PortSummary(ip: "0.0.0.0", privatePort: 80, type: "tcp")])
        let row = PublishedPort.routed(.v6, .udp, containerPort: 8000, count: 20)
        #expect(row.single.count == 20 && row.single.allSatisfy { $0.isRouted == true && $0.family == .v6 })
    }

    @Test func `ports are open by trusted links as well as published`() throws {
        let network = try plan([bridge + "trusted_host_interfaces": "eth1:vxlan.1"])
        var record = try member(network, [:])
        record.publishedPorts = [PublishedPort(transport: .udp, hostPort: 53, containerPort: 5353)]
        let (link, sandbox) = try compose(network, record)
        #expect(link.trustedLinks == ["eth1", "vxlan.1"] && link.routed.isEmpty)
        #expect(sandbox.published.count == 1)
        #expect(
            sandbox.direct == [DirectPort(transport: .udp, ports: 5353...5353, address: IPAddress(10, 8, 0, 5))])
    }

    @Test func `an isolated family has no gateway unless one is named, and its bridge no address`() throws {
        let option = BridgeOptionRules.gatewayModeOption(.v4)
        for given in [nil, "10.8.0.9"] {
            let network = try plan([option: "isolated"], isInternal: true, gateway: given)
            #expect(network.gateways?.v4 == nil && network.gateways?.v6 != nil)
            #expect(network.ipam.config?.first?.gateway == given)
            #expect(network.ranges.first?.reserved == Set([given.flatMap { IPAddress($0) }].compactMap { $0 }))
            let (link, _) = try compose(network, try member(network, [:]))
            #expect(link.unaddressed == [.v4])
            #expect(link.addresses.v4?.description == "10.8.0.0/24" && link.isInternal)
        }
    }

    @Test func `with inhibit_ipv4 the gateway is somebody else in the network, and with an internal one nobody`() throws
    {
        let open = try plan([bridge + "inhibit_ipv4": "true"], gateway: "10.8.0.9")
        #expect(open.gateways?.v4?.description == "10.8.0.9" && open.ranges.first?.reserved.count == 1)
        let (link, sandbox) = try compose(open, try member(open, [:]))
        #expect(link.unaddressed == [.v4] && sandbox.endpoints.first?.gateways.v4?.description == "10.8.0.9")
        let closed = try plan([bridge + "inhibit_ipv4": "1"], isInternal: true)
        #expect(closed.gateways?.v4 == nil && closed.ranges.first?.reserved.isEmpty == true)
        #expect(try plan([bridge + "inhibit_ipv4": "0"]).unaddressedFamilies.isEmpty)
    }

    @Test func `a bridge of the swarm's containers keeps its address`() throws {
        var request = NetworkRequest()
        request.name = LocalNetwork.gatewayBridgeName
        request.options = [bridge + "inhibit_ipv4": "true"]
        #expect(throws: UnsupportedError.feature("a docker_gwbridge without an address")) {
            try LocalNetworkPlanner(taken: [], routed: []).plan(request, id: "0123456789abcdef", at: .zero)
        }
    }

    @Test func `options say which families a bridge has where the request does not`() throws {
        let (four, six) = ("com.docker.network.enable_ipv4", "com.docker.network.enable_ipv6")
        func families(_ options: [String: String], ipv4: Bool? = nil, ipv6: Bool? = nil) throws -> Set<IPFamily> {
            var request = NetworkRequest()
            request.name = "net"
            request.enableIPv4 = ipv4
            request.enableIPv6 = ipv6
            request.options = options
            let planner = LocalNetworkPlanner(
                taken: [], routed: [], uniqueLocal: UniqueLocalPrefix(random: "0123456789"))
            let network = try planner.plan(request, id: "0123456789abcdef", at: .zero)
            #expect(network.options == options)
            return Set(network.families)
        }
        for (options, ipv4, ipv6, wanted) in [
            ([six: "true"], nil, nil, [.v4, .v6]), ([six: "0"], nil, nil, [.v4]), ([six: "T"], nil, false, [.v4]),
            ([six: "false"], nil, true, [.v4, .v6]), ([four: "f", six: "1"], nil, nil, [.v6]),
            ([four: "false"], true, nil, [.v4]),
        ] as [([String: String], Bool?, Bool?, Set<IPFamily>)] {
            let found = try families(options, ipv4: ipv4, ipv6: ipv6)
            #expect(found == wanted)
        }
        for option in [four, six] {
            #expect(throws: NetworkOptionError.notTruth(option: option)) { try families([option: "yes"]) }
        }
    }

    @Test func `what leaves a network may have an address that its options name`() throws {
        let network = try plan(["com.docker.network.host_ipv4": "192.0.2.7"])
        #expect(try compose(network, try member(network, [:])).0.sources == HostAddresses(IPAddress(192, 0, 2, 7)))
    }
}
