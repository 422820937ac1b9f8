import Addressing
import EngineInterface
import Faults
import Model
import Testing

@testable import Engine

/// What a container publishes when the networks that it is on become others.
@Suite struct PortWaysTests {
    private func network(_ name: String, _ pools: [String], _ change: (inout NetworkRequest) -> Void = { _ in }) throws
        -> LocalNetwork
    {
        var request = NetworkRequest()
        request.name = name
        request.enableIPv4 = pools.contains { !$0.contains(":") }
        request.enableIPv6 = pools.contains { $0.contains(":") }
        request.ipam = AddressManagement(driver: "default", config: pools.map { AddressPool(subnet: $0) })
        change(&request)
        return try LocalNetworkPlanner(taken: [], routed: []).plan(request, id: name, at: .zero)
    }

    private func place(_ network: LocalNetwork, _ addresses: [String]) throws -> EndpointRecord {
        var endpoint = EndpointRecord(networkID: network.id, networkName: network.name)
        endpoint.endpointID = "e-\(network.name)"
        endpoint.interfaceName = "eth0"
        endpoint.addresses = EndpointAddresses(try addresses.map { try #require(IPNetwork($0)) })
        endpoint.gateways = network.gateways
        return endpoint
    }

    private func container(_ bindings: [String: [PortBinding]]) -> ContainerRecord {
        var host = HostConfiguration()
        host.portBindings = bindings
        return ContainerRecord(
            id: "c1", name: "box", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: host, commandLine: ["x"])
    }

    @Test func `each family is published by its own way out, and none where there is none`() throws {
        let four = try network("four", ["10.8.0.0/24"])
        let six = try network("six", ["fd00:8::/64"])
        let inner = try network("inner", ["10.9.0.0/24"]) { $0.internal = true }
        let other = try network("another", ["10.7.0.0/24"]) {
            $0.options = ["com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"]
        }
        let routed = try network("a-routed", ["10.6.0.0/24"]) {
            $0.options = [BridgeOptionRules.gatewayModeOption(.v4): "routed"]
        }
        let places = [
            try place(four, ["10.8.0.5/24"]), try place(six, ["fd00:8::5/64"]), try place(inner, ["10.9.0.5/24"]),
            try place(other, ["10.7.0.5/24"]), try place(routed, ["10.6.0.5/24"]),
        ]
        let networks = [four, six, inner, other, routed]
        var record = container(["80/tcp": [PortBinding(hostIp: "", hostPort: "8080")]])
        func wanted(_ numbers: [Int]) throws -> [String] {
            record.endpoints = numbers.map { places[$0] }
            let ways = PortWays(of: record) { id in networks.first { $0.id == id } }
            let wanted = try PortRequests(record).wanted(ways)
            return wanted.requests.map { request in
                "\(request.hostAddress.map { "\($0)" } ?? "*") \(request.targetAddress) \(request.target6.map { "\($0)" } ?? "-")"
            } + wanted.routed.map { "routed \($0.family == .v4 ? 4 : 6)" }
        }
        #expect(try wanted([0]) == ["* 10.8.0.5 -"])
        #expect(try wanted([0, 1]) == ["* 10.8.0.5 fd00:8::5"])
        #expect(try wanted([1]) == [":: fd00:8::5 -"])
        #expect(try wanted([2]) == [])
        #expect(try wanted([2, 0]) == ["* 10.8.0.5 -"])
        #expect(try wanted([0, 3]) == ["127.0.0.1 10.7.0.5 -"])
        #expect(try wanted([4]) == ["routed 4"])
        #expect(try wanted([0, 4]) == ["routed 4"])
        #expect(try wanted([]) == [])
    }

    @Test func `what names an address of a family that was left keeps nobody in a network`() throws {
        let record = container(["80/tcp": [PortBinding(hostIp: "::1", hostPort: "8080")]])
        let ways = PortWays(targets: HostAddresses(IPAddress(10, 8, 0, 5)))
        #expect(throws: UnsupportedError.self) { try PortRequests(record).wanted(ways) }
        #expect(try PortRequests(record).wanted(ways, isLax: true).requests.isEmpty)
    }

    @Test func `a number that was chosen is asked for again, each once`() throws {
        var record = container([
            "80/tcp": [PortBinding(hostIp: "", hostPort: ""), PortBinding(hostIp: "", hostPort: "")],
            "81/tcp": [PortBinding(hostIp: "", hostPort: "9000-9010")],
            "82/tcp": [PortBinding(hostIp: "", hostPort: "8082")],
        ])
        record.publishedPorts = [
            PublishedPort(transport: .tcp, hostPort: 49_160, containerPort: 80),
            PublishedPort(transport: .tcp, hostPort: 49_155, containerPort: 80),
            PublishedPort(transport: .tcp, hostPort: 9005, containerPort: 81),
        ]
        for targets in [
            HostAddresses(IPAddress(10, 8, 0, 5)), HostAddresses(v6: IPv6Address("fd00:8::5")),
        ] {
            let requests = try PortRequests(record).wanted(PortWays(targets: targets)).requests
            #expect(requests.map(\.kept) == [nil, 9005, 49_160, 49_155])
        }
    }

    @Test func `a port that may be any is looked for after those that may not`() throws {
        let record = container([
            "3000/tcp": [PortBinding(hostIp: "", hostPort: "")],
            "3001/tcp": [PortBinding(hostIp: "", hostPort: "49150-49160")],
            "3002/tcp": [PortBinding(hostIp: "", hostPort: "49153"), PortBinding(hostIp: "", hostPort: "")],
            "3003/tcp": [PortBinding(hostIp: "", hostPort: "80")],
        ])
        let ways = PortWays(targets: HostAddresses(IPAddress(10, 8, 0, 5)))
        let requests = try PortRequests(record).wanted(ways).requests
        #expect(requests.map(\.targetPort) == [3002, 3003, 3001, 3000, 3002])
        #expect(requests.map(\.first) == [49_153, 80, 49_150, 0, 0])
    }
}
