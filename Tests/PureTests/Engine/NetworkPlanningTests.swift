import Addressing
import EngineInterface
import Faults
import Model
import TestKit
import Testing

@testable import Engine

@Suite struct NetworkPlanningTests {
    private func request(_ change: (inout NetworkRequest) -> Void) -> NetworkRequest {
        var request = NetworkRequest()
        request.name = "n"
        change(&request)
        return request
    }

    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    @Test func `a network without a subnet gets one that nothing else uses`() throws {
        let planner = LocalNetworkPlanner(taken: [try network("172.17.0.0/16")], routed: [try network("172.18.4.0/24")])
        let planned = try planner.plan(request { _ in }, id: "id", at: .now)
        #expect(planned.ranges.first?.subnet.description == "172.19.0.0/16")
        #expect(planned.gateway?.description == "172.19.0.1")
        #expect(planned.ranges.first?.reserved.contains(try #require(planned.gateway)) == true)
    }

    @Test(
        arguments: [
            ("172.17.0.0/24", nil, nil, "Pool overlaps with other one on this address space"),
            ("172.31.0.0/33", nil, nil, "Invalid subnet 172.31.0.0/33 : invalid CIDR address: 172.31.0.0/33"),
            ("172.31.0.0/24", "1.2.3.4", nil, "no matching subnet for gateway 1.2.3.4"),
            ("172.31.0.0/24", nil, "10.1.0.0/24", "no matching subnet for range 10.1.0.0/24"),
        ] as [(String, String?, String?, String)])
    func `a pool that cannot be is refused in Docker's words`(
        subnet: String, gateway: String?, range: String?, message: String
    ) throws {
        let planner = LocalNetworkPlanner(taken: [try network("172.17.0.0/16")], routed: [])
        let wanted = request {
            $0.ipam = AddressManagement(
                driver: "default", config: [AddressPool(subnet: subnet, ipRange: range, gateway: gateway)])
        }
        let error = #expect(throws: APIError.self) { try told { try planner.plan(wanted, id: "id", at: .now) } }
        #expect(error?.message == message)
    }

    @Test(arguments: ["-1", "67", "65536", "9223372036854775807", "large"])
    func `an MTU that no link can have is refused, and passed over where it is stored`(text: String) throws {
        let options = [SwarmNetwork.mtuOption: text]
        #expect(throws: APIError(.invalidInput, "invalid MTU: \(text) is not a number from 68 to 65535")) {
            try told {
                try LocalNetworkPlanner(taken: [], routed: []).plan(
                    request { $0.options = options }, id: "id", at: .now)
            }
        }
        var network = SwarmNetwork(id: "n")
        network.driverState = Driver(
            name: "overlay", options: options.merging([SwarmNetwork.identifierOption: "5000"]) { $1 })
        let place = NetworkAttachment(network: network, addresses: [try self.network("10.1.0.5/24")])
        #expect(try EndpointRecord(place).overlay?.mtu == nil)
        network.driverState?.options?[SwarmNetwork.mtuOption] = "1400"
        let usual = NetworkAttachment(network: network, addresses: [try self.network("10.1.0.5/24")])
        #expect(try EndpointRecord(usual).overlay?.mtu == 1400)
    }

    @Test func `a bridge of IPv4 alone gets a subnet of IPv6, and keeps all else`() throws {
        var bridge = try NodeNetworkFixture.gatewayBridge()
        let before = bridge
        let prefix = UniqueLocalPrefix(hashing: "node")
        let taken = IPNetwork(address: .v6(prefix.network.address), prefixLength: 64)
        try LocalNetworkPlanner(taken: [taken], routed: [], uniqueLocal: prefix).addIPv6(to: &bridge)
        bridge.reserveIngress()
        #expect(bridge.families == [.v4, .v6] && bridge.bridgeMAC == before.bridgeMAC)
        #expect(bridge.gateways?.v4 == before.gateways?.v4 && bridge.ranges[0].subnet == before.ranges[0].subnet)
        let six = try #require(bridge.ranges.last)
        #expect(prefix.network.contains(try #require(six.subnet.v6)) && !six.subnet.overlaps(taken))
        let gateway = try #require(bridge.gateways?[.v6])
        #expect(gateway == six.subnet.first.advanced(by: 1))
        #expect(six.reserved == [gateway, six.subnet.first.advanced(by: 2)])
        #expect(bridge.bridgeAddresses?.v6?.prefixLength == 64 && bridge.hasChosenSubnet(.v6))
        #expect(bridge.ipam.config?.last?.gateway == gateway.description)
    }

    @Test func `a container's networks must not overlap`() throws {
        func endpoint(_ id: String, _ address: String?) throws -> EndpointRecord {
            var endpoint = EndpointRecord(networkID: id, networkName: id)
            endpoint.endpointID = address == nil ? "" : id
            endpoint.addresses = try address.map { EndpointAddresses(try network($0)) }
            return endpoint
        }
        try EndpointRoutes.check([
            endpoint("a", "10.1.0.5/24"), endpoint("b", "10.1.1.5/24"), endpoint("c", nil),
        ])
        #expect(
            throws: APIError(
                .forbidden,
                "cannot program address 172.18.0.3/16 in sandbox interface because it conflicts with existing route 172.18.4.0/24"
            )
        ) { try told { try EndpointRoutes.check([endpoint("a", "172.18.4.5/24"), endpoint("gw", "172.18.0.3/16")]) } }
    }

    @Test func `a container on a swarm network gets a way out where it needs one, and loses it with the network`()
        throws
    {
        var record = ContainerRecord(
            id: "c1", name: "box", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: HostConfiguration(), commandLine: ["x"])
        func overlay(isInternal: Bool, isSealed: Bool = false) throws -> EndpointRecord {
            var network = SwarmNetwork(id: "att")
            network.spec.name = "att"
            network.spec.internal = isInternal
            network.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4100"])
            if isSealed { network.driverState?.options?[Sealing.option] = "true" }
            var endpoint = try EndpointRecord(
                NetworkAttachment(network: network, addresses: [try self.network("10.2.0.4/24")]))
            endpoint.attachmentID = "t1"
            endpoint.endpointID = "e1"
            return endpoint
        }
        func names(_ endpoints: [EndpointRecord], publishing: Bool = false) -> [String] {
            record.endpoints = endpoints
            record.hostConfig.publishAllPorts = publishing
            // Twice: a second start finds what the first has added.
            for _ in 0..<2 { record.setGatewayEndpoint(gateway: "gw", openBridges: ["bridge", "open"]) }
            return record.endpoints.map(\.networkName)
        }
        let gateway = LocalNetwork.gatewayBridgeName
        #expect(names([try overlay(isInternal: false)]) == ["att", gateway])
        #expect(names([try overlay(isInternal: true)]) == ["att"])
        #expect(names([try overlay(isInternal: true)], publishing: true) == ["att", gateway])
        #expect(names([try overlay(isInternal: true, isSealed: true)], publishing: true) == ["att"])
        let closed = EndpointRecord(networkID: "i", networkName: "closed")
        let open = EndpointRecord(networkID: "o", networkName: "open")
        #expect(names([try overlay(isInternal: false), closed]) == ["att", "closed", gateway])
        #expect(names([try overlay(isInternal: false), open]) == ["att", "open"])
        #expect(names([closed]) == ["closed"])
        #expect(names([try overlay(isInternal: false)]) == ["att", gateway])
        record.leaveNetworks()
        #expect(record.endpoints.map(\.networkName) == ["att"])
        let left = try #require(record.endpoints.first)
        #expect(left.overlay == nil && left.address == nil && left.attachmentID == nil && !left.isJoined)
    }
}
