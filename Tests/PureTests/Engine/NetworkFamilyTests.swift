import Addressing
import DataPlane
import Faults
import Foundation
import Model
import TestKit
import Testing

@testable import Engine

/// Networks and containers with addresses of IPv6, alone and beside IPv4's.
@Suite struct NetworkFamilyTests {
    private static let id = "0123456789" + String(repeating: "a", count: 54)

    private func planner(taken: [String] = []) throws -> LocalNetworkPlanner {
        LocalNetworkPlanner(
            taken: try taken.map { try #require(IPNetwork($0)) }, routed: [],
            uniqueLocal: UniqueLocalPrefix(random: Self.id))
    }

    private func plan(
        _ pools: [AddressPool] = [], v4: Bool? = nil, v6: Bool? = nil, taken: [String] = []
    ) throws -> LocalNetwork {
        var request = NetworkRequest()
        request.name = "n"
        request.enableIPv4 = v4
        request.enableIPv6 = v6
        request.ipam = AddressManagement(driver: "default", config: pools)
        return try planner(taken: taken).plan(request, id: Self.id, at: .now)
    }

    private func subnets(_ network: LocalNetwork) -> [String] { network.ranges.map(\.subnet.description) }

    @Test func `IPv6 that names no subnet gets one of the node's own prefix, the same at every time`() throws {
        let network = try plan(v6: true)
        #expect(subnets(network) == ["172.17.0.0/16", "fd01:2345:6789::/64"])
        #expect(network.gateways == HostAddresses(v4: IPv4Address(172, 17, 0, 1), v6: IPv6Address("fd01:2345:6789::1")))
        #expect(network.ipam.config?.map(\.gateway) == ["172.17.0.1", "fd01:2345:6789::1"])
        #expect(network.bridgeMAC.description == "02:42:ac:11:00:01")
        #expect(network.families == [.v4, .v6])
        let next = try plan(v6: true, taken: ["172.17.0.0/16", "fd01:2345:6789::/64"])
        #expect(subnets(next) == ["172.18.0.0/16", "fd01:2345:6789:1::/64"])
    }

    @Test func `a network may have one subnet a family, of the families that it has`() throws {
        let (four, six) = (AddressPool(subnet: "10.8.0.0/24"), AddressPool(subnet: "2001:db8:1::/64"))
        #expect(subnets(try plan([six, four], v6: true)) == ["10.8.0.0/24", "2001:db8:1::/64"])
        #expect(subnets(try plan([six], v6: true)) == ["172.17.0.0/16", "2001:db8:1::/64"])
        #expect(subnets(try plan([four], v6: true)) == ["10.8.0.0/24", "fd01:2345:6789::/64"])
        let only = try plan([six], v4: false, v6: true)
        #expect(subnets(only) == ["2001:db8:1::/64"])
        #expect(only.lacksIPv4 == true && only.bridgeMAC.description == "02:42:01:23:45:67")
        let refused: [([AddressPool], Bool?, Bool?, String)] = [
            ([], false, nil, "IPv4 or IPv6 must be enabled"), ([], false, false, "IPv4 or IPv6 must be enabled"),
            (
                [six, AddressPool(subnet: "2001:db8:2::/64")], nil, true,
                "bridge driver doesn't support multiple subnets"
            ),
            ([four, AddressPool(subnet: "10.9.0.0/24")], nil, true, "bridge driver doesn't support multiple subnets"),
            (
                [AddressPool(subnet: "fe80::/64")], nil, true,
                "Invalid subnet fe80::/64 : invalid CIDR address: fe80::/64"
            ),
            ([AddressPool(subnet: "::/64")], nil, true, "Invalid subnet ::/64 : invalid CIDR address: ::/64"),
            (
                [AddressPool(subnet: "ff05::/64")], nil, true,
                "Invalid subnet ff05::/64 : invalid CIDR address: ff05::/64"
            ),
            ([AddressPool(subnet: "fd00::/128")], nil, true, "Invalid subnet fd00::/128 : too small for a network"),
            (
                [AddressPool(subnet: "fd00::/64", gateway: "10.0.0.1")], nil, true, "invalid gateway address: 10.0.0.1"
            ),
            (
                [AddressPool(subnet: "fd00::/64", gateway: "fd01::1")], nil, true,
                "no matching subnet for gateway fd01::1"
            ),
        ]
        for (pools, v4, v6, message) in refused {
            let error = #expect(throws: APIError.self) { try told { try plan(pools, v4: v4, v6: v6) } }
            #expect(error?.message == message)
        }
    }

    @Test func `pools of a family that a network does not have are passed over, and addresses of theirs`() throws {
        let (four, six) = (AddressPool(subnet: "10.8.0.0/24"), AddressPool(subnet: "2001:db8:1::/64"))
        let plain = try plan([six, four])
        #expect(subnets(plain) == ["10.8.0.0/24"] && plain.families == [.v4])
        #expect(plain.ipam.config?.map(\.subnet) == ["10.8.0.0/24", "2001:db8:1::/64"])
        #expect(plain.gateways?.v6 == nil && plain.hasChosenSubnet(.v4) == false)
        #expect(plain.ipam.options == nil)
        #expect(plain.passesOver("2001:db8:1::5", .v6))
        #expect(!plain.passesOver("2001:db8:2::5", .v6) && !plain.passesOver("x", .v6))
        #expect(!plain.passesOver("10.8.0.5", .v4))
        // Another two of which neither is used are not several subnets.
        let chosen = try plan([six, AddressPool(subnet: "2001:db8:2::/64")])
        #expect(subnets(chosen) == ["172.17.0.0/16"] && chosen.hasChosenSubnet(.v4))
        let only = try plan([four], v4: false, v6: true)
        #expect(subnets(only) == ["fd01:2345:6789::/64"] && only.families == [.v6])
    }

    @Test func `a network of IPv4 is kept as before`() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(try plan()), as: UTF8.self)
        #expect(!text.contains("6") || !text.lowercased().contains("v6"))
        #expect(!text.contains("lacksIPv4") && !text.contains("hasChosenSubnet6"))
        let port = PublishedPort(transport: .tcp, hostPort: 80, containerPort: 80)
        #expect(!String(decoding: try encoder.encode(port), as: UTF8.self).lowercased().contains("v6"))
    }

    private func container(_ bindings: [String: [PortBinding]], _ addresses: [String]) throws -> ContainerRecord {
        var host = HostConfiguration()
        host.portBindings = bindings
        var record = ContainerRecord(
            id: "c1", name: "box", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: host, commandLine: ["x"])
        var endpoint = EndpointRecord(networkID: "n", networkName: "net")
        endpoint.endpointID = "e"
        endpoint.interfaceName = "eth0"
        endpoint.addresses = EndpointAddresses(try addresses.map { try #require(IPNetwork($0)) })
        endpoint.gateways = HostAddresses(try #require(endpoint.addresses).all.map { $0.first.advanced(by: 1) })
        record.endpoints = [endpoint]
        return record
    }

    @Test func `what names no address is published in each family at one port`() throws {
        let (four, six) = ("10.8.0.5/24", "fd00::5/64")
        func requests(_ addresses: [String], _ hosts: [String], usual: IPAddress? = nil) throws -> [String] {
            let record = try container(
                ["80/tcp": hosts.map { PortBinding(hostIp: $0, hostPort: "8080") }], addresses)
            let hosts = try #require(record.endpoints.first?.addresses?.hosts)
            return try PortRequests(record).wanted(PortWays(targets: hosts, usual: usual)).requests.map { request in
                "\(request.hostAddress.map { "\($0)" } ?? "*") \(request.targetAddress) \(request.target6.map { "\($0)" } ?? "-")"
            }
        }
        #expect(try requests([four], [""]) == ["* 10.8.0.5 -"])
        #expect(try requests([four], ["", "::"]) == ["* 10.8.0.5 -"])
        #expect(try requests([four, six], [""]) == ["* 10.8.0.5 fd00::5"])
        #expect(try requests([four, six], ["0.0.0.0", "::"]) == ["* 10.8.0.5 fd00::5"])
        #expect(try requests([four, six], ["0.0.0.0"]) == ["* 10.8.0.5 -"])
        #expect(try requests([four, six], ["::"]) == [":: fd00::5 -"])
        #expect(try requests([four, six], ["2001:db8::1"]) == ["2001:db8::1 fd00::5 -"])
        #expect(try requests([six], [""]) == [":: fd00::5 -"])
        #expect(try requests([four, six], [""], usual: IPAddress(127, 0, 0, 1)) == ["127.0.0.1 10.8.0.5 -"])
        #expect(throws: (any Error).self) { try requests([four], ["::"]) }
        #expect(throws: (any Error).self) { try requests([six], ["10.0.0.1"]) }
    }

    @Test func `a container shows its addresses of both families, and what it publishes in each`() throws {
        var record = try container([:], ["10.8.0.5/24", "fd00::5/64"])
        record.publishedPorts = [
            PublishedPort(transport: .tcp, hostPort: 8080, containerPort: 80),
            PublishedPort(transport: .tcp, hostAddress: .unspecified(.v6), hostPort: 8080, containerPort: 80),
        ]
        #expect(record.publishedPorts.map(\.calledAddress.description) == ["0.0.0.0", "::"])
        let views = ContainerViews(now: .now, directory: { $0 }, logPath: { $0 }, sandboxPath: { $0 })
        let shown = try #require(views.networks(record)["net"])
        #expect((shown.ipAddress, shown.ipPrefixLen, shown.gateway) == ("10.8.0.5", 24, "10.8.0.1"))
        #expect((shown.globalIPv6Address, shown.globalIPv6PrefixLen, shown.iPv6Gateway) == ("fd00::5", 64, "fd00::1"))
        let hosts = try ContainerFiles.hosts(record, hostFile: nil, hostGateway: nil)
        #expect(hosts.hasSuffix("10.8.0.5\t\nfd00::5\t\n"))
    }

    @Test(arguments: ["net", "", "default"])
    func `a MAC address that was asked for is shown beside the hostname, a made up one is not`(mode: String) {
        var record = ContainerRecord(
            id: "c1", name: "box", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: HostConfiguration(), commandLine: ["x"])
        record.hostConfig.networkMode = mode
        record.endpoints = [
            EndpointRecord(networkID: "x", networkName: "other"),
            EndpointRecord(networkID: "n", networkName: mode == "net" ? "net" : "bridge"),
        ]
        let views = ContainerViews(now: .now, directory: { $0 }, logPath: { $0 }, sandboxPath: { $0 })
        #expect(views.inspection(record, execIDs: []).config.macAddress == nil)
        record.endpoints[1].requested = EndpointSettings()
        record.endpoints[1].requested?.macAddress = "02:00:00:00:00:07"
        #expect(views.inspection(record, execIDs: []).config.macAddress == "02:00:00:00:00:07")
        // A network may have been named by its id, and a request may have the old field empty.
        record.hostConfig.networkMode = "n"
        record.configuration.macAddress = ""
        #expect(views.inspection(record, execIDs: []).config.macAddress == "02:00:00:00:00:07")
    }

    @Test func `docker0 gets and loses IPv6 as the daemon is told, and stays what it is besides`() throws {
        func bridge(_ present: LocalNetwork?, _ six: DefaultBridgeIPv6, taken: [String] = []) throws -> LocalNetwork {
            try LocalNetworkPlanner(taken: taken.compactMap { IPNetwork($0) }, routed: [])
                .defaultBridge(
                    like: present, six, newID: String(repeating: "0123456789abcdef", count: 4),
                    at: Timestamp(seconds: 1, nanoseconds: 0))
        }
        func subnets(_ network: LocalNetwork) -> [String] { network.ranges.map(\.subnet.description) }
        let plain = try bridge(nil, .nothing)
        #expect(subnets(plain) == ["172.17.0.0/16"] && plain.bridgeName == "docker0")
        #expect(try bridge(plain, .nothing) == plain)
        let dual = try bridge(plain, .chosen)
        #expect(subnets(dual) == ["172.17.0.0/16", "fd01:2345:6789::/64"])
        #expect((dual.id, dual.mac, dual.created) == (plain.id, plain.mac, plain.created))
        #expect(dual.bridgeAddresses?.all.map(\.description) == ["172.17.0.1/16", "fd01:2345:6789::1/64"])
        #expect(try bridge(dual, .chosen) == dual)
        #expect(try subnets(bridge(nil, .chosen)) == subnets(dual))
        let wanted = try #require(IPNetwork("fd00:1::/64"))
        let named = try bridge(dual, .subnet(wanted))
        #expect(subnets(named) == ["172.17.0.0/16", "fd00:1::/64"] && named.hasChosenSubnet == true)
        #expect(try bridge(named, .subnet(wanted)) == named)
        #expect(try subnets(bridge(named, .chosen)) == subnets(dual))
        #expect(try bridge(named, .nothing) == plain)
        #expect(throws: PoolError.overlaps) { try bridge(plain, .subnet(wanted), taken: ["fd00:1::/48"]) }
    }

    @Test func `docker_gwbridge may be made by hand: the ingress sandbox has a place there`() throws {
        func made(_ pools: [AddressPool]) throws -> LocalNetwork {
            var request = NetworkRequest()
            request.name = LocalNetwork.gatewayBridgeName
            request.enableIPv6 = true
            request.ipam = AddressManagement(driver: "default", config: pools)
            return try LocalNetworkPlanner(
                taken: [], routed: [],
                uniqueLocal: UniqueLocalPrefix(random: String(repeating: "0123456789abcdef", count: 4))
            ).plan(request, id: "g", at: .now)
        }
        let usual = try made([AddressPool(subnet: "172.20.0.0/24")])
        #expect(usual.ingressAddresses.map(\.description) == ["172.20.0.2/24", "fd01:2345:6789::2/64"])
        #expect(!usual.allowsTrafficBetweenContainers)
        for (range, address) in zip(usual.ranges, usual.ingressAddresses) {
            #expect(range.reserved.contains(address.address))
        }
        // The bridge itself has the second address.
        let other = try made([AddressPool(subnet: "172.20.0.0/30", gateway: "172.20.0.2")])
        #expect(other.ingressAddresses.first?.description == "172.20.0.1/30")
        #expect(other.ranges.first?.reserved.count == 2)
        #expect(throws: PoolError.smallSubnet("172.20.0.0/31")) { try made([AddressPool(subnet: "172.20.0.0/31")]) }
    }

    @Test func `the host's servers of IPv6 are for containers with IPv6, its loopback's for none`() throws {
        let host =
            "search a\nnameserver ::1\nnameserver 127.0.0.53\nnameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver 192.0.2.53\n"
        func servers(_ record: ContainerRecord) -> [String] {
            ContainerFiles.resolvConf(record, upstream: host, defaultServers: []).split(separator: "\n")
                .filter { $0.hasPrefix("nameserver ") }.map { String($0.dropFirst("nameserver ".count)) }
        }
        for options in [nil, ["ndots:2"]] {
            func shown(_ addresses: [String]) throws -> [String] {
                var record = try container([:], addresses)
                // Docker's default bridge has no names of its own.
                record.endpoints[0].networkName = "bridge"
                record.hostConfig.nameServerOptions = options
                return servers(record)
            }
            #expect(try shown(["10.8.0.5/24"]) == ["192.0.2.53"])
            #expect(try shown(["10.8.0.5/24", "fd00::5/64"]) == ["2001:db8::53", "192.0.2.53"])
        }
    }

    @Test func `each family goes out where it can`() throws {
        var record = try container([:], ["10.8.0.5/24"])
        var six = try container([:], ["fd00::5/64"]).endpoints[0]
        (six.networkID, six.networkName, six.endpointID, six.interfaceName) = ("s", "a-six", "e6", "eth1")
        record.endpoints.append(six)
        record.publishedPorts = [
            PublishedPort(transport: .tcp, hostPort: 8080, containerPort: 80),
            PublishedPort(transport: .tcp, hostAddress: .unspecified(.v6), hostPort: 8080, containerPort: 80),
        ]
        var four = try plan([AddressPool(subnet: "10.8.0.0/24")])
        four = LocalNetwork(copying: four, id: "n", name: "net")
        let other = LocalNetwork(
            copying: try plan([AddressPool(subnet: "fd00::/64")], v4: false, v6: true), id: "s", name: "a-six")
        let composer = NodeNetworkComposer(containers: [record], networks: [four, other], underlayMTU: 1500)
        let network = composer.compose()
        let sandbox = try #require(network.sandboxes.first)
        #expect(sandbox.defaultRouteEndpointID == "e" && sandbox.defaultRoute6EndpointID == "e6")
        #expect(sandbox.published.map(\.target.description) == ["10.8.0.5", "fd00::5"])
        #expect(network.bridges.map(\.addresses.v6?.description) == [nil, "fd00::1/64"])
    }
}

extension LocalNetwork {
    fileprivate init(copying network: LocalNetwork, id: String, name: String) {
        self.init(id: id, name: name, driver: network.driver, created: network.created)
        ranges = network.ranges
        gateways = network.gateways
        mac = network.mac
    }
}
