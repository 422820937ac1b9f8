import Addressing
import DataPlane
import Model
import NameService
import Testing

@testable import Engine

/// This node's part of networks of the swarm that nodes make by themselves.
@Suite struct NodeLocalPartTests {
    private static let address = IPAddress(192, 0, 2, 5)

    private func part() throws -> LocalNetwork {
        var part = LocalNetwork(id: "lan", name: "lan", driver: "macvlan", created: .zero)
        part.isOfSwarm = true
        part.parent = ParentLink(name: "eth0", origin: .given, mode: "bridge")
        part.ranges = [AddressRange(subnet: try #require(IPNetwork("192.0.2.0/24")))]
        part.gateways = HostAddresses(IPAddress(192, 0, 2, 1))
        return part
    }

    private func container() throws -> ContainerRecord {
        var record = ContainerRecord(
            id: "c1", name: "web.1.t1", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: HostConfiguration(), commandLine: ["x"])
        var place = EndpointRecord(networkID: "lan", networkName: "lan")
        (place.endpointID, place.interfaceName, place.localDriver) = ("ep", "eth0", "macvlan")
        place.addresses = EndpointAddresses(try #require(IPNetwork("192.0.2.5/24")))
        place.gateways = HostAddresses(IPAddress(192, 0, 2, 1))
        record.endpoints = [place]
        return record
    }

    private func network() -> SwarmNetwork {
        var network = SwarmNetwork(id: "lan")
        network.spec.name = "lan"
        network.driverState = Driver(name: "macvlan")
        return network
    }

    private func facts() -> NetworkChangeSet {
        func place(_ last: UInt8, _ node: String, _ task: String) -> NetworkFact {
            .endpoint(
                network: "lan",
                .init(
                    addresses: HostAddresses(IPAddress(192, 0, 2, last)), nodeID: node, taskID: task,
                    vtep: IPAddress(203, 0, 113, last), containerID: "", names: ["web.\(last).\(task)"]))
        }
        return NetworkChangeSet(
            .network("lan"), sequence: 1,
            upserts: [
                .network(network()), place(5, "n1", "t1"), place(7, "n2", "t2"),
                .service(
                    network: "lan", .init(serviceID: "s", name: "web", aliases: ["www"], virtualAddresses: nil)),
                .backend(network: "lan", service: "s", Self.address),
                .backend(network: "lan", service: "s", IPAddress(192, 0, 2, 7)),
            ])
    }

    @Test func `names there are the swarm's facts, a service's leads to its tasks wherever they are`() throws {
        var facts = NetworkFacts()
        let changed = facts.apply(self.facts())
        let whole = NameTableComposer(containers: [try container()], networks: [try part()], facts: facts)
            .table(for: try container())
        var directory = NameDirectory()
        directory.take(changed, of: facts)
        directory.take("c1", try container(), ["lan": try part()])
        let own = directory.names(for: try container(), ["lan": try part()])
        for (text, expected) in [
            ("web", 2), ("www", 2), ("tasks.web", 2), ("tasks.www", 2), ("web.7.t2", 1), ("web.5.t1", 1),
            ("web.1.t1", 0), ("c1", 0),
        ] {
            let name = try #require(DomainName(text))
            #expect(own.addresses(of: name)?.count ?? 0 == expected, "\(text)")
            #expect(Set(whole.addresses(of: name) ?? []) == Set(own.addresses(of: name) ?? []), "\(text)")
        }
        #expect(own.forwards && whole.forwards)
        // The names of before go with their facts.
        directory.take(facts.apply(NetworkChangeSet(.network("lan"), sequence: 2, isEnd: true)), of: facts)
        #expect(own.addresses(of: try #require(DomainName("web")))?.isEmpty ?? true)
    }

    @Test func `who is elsewhere on such a network is nothing to the kernel, whether told as a whole or by change`()
        throws
    {
        var composer = NodeNetworkComposer(
            containers: [try container()], networks: [try part()], facts: NetworkFacts(), nodeID: "n1",
            underlayMTU: 1500)
        let changed = composer.apply([facts()])
        var wanted = composer.compose()
        wanted.apply(composer.changes(changed.parts, details: changed.facts))
        #expect(wanted.overlays.isEmpty && wanted.parents.map(\.id) == ["lan"])
        #expect(wanted.sandboxes.first?.endpoints.first?.network == .parent("lan"))
        #expect(wanted.sandboxes.first?.defaultRouteEndpointID == "ep")
    }

    @Test func `a task there has an endpoint of its node's choice, and the gateway bridge for what else needs it`()
        throws
    {
        var task = SwarmTask(id: "t1")
        task.nodeID = "n1"
        task.spec.containerSpec = ContainerSpec()
        task.networksAttachments = [NetworkAttachment(network: network(), addresses: [])]
        func names(_ open: Set<String>) throws -> [String]? {
            try TaskContainer(task: task, nodeID: "n1").endpoints(gatewayBridgeID: "gw", openNodeLocal: open)?
                .map(\.networkName)
        }
        let place = try #require(try TaskContainer(task: task, nodeID: "n1").endpoints(gatewayBridgeID: "gw")?.first)
        #expect(place.overlay == nil && place.driver == "macvlan" && place.addresses == nil)
        #expect(place.requested?.ipamConfig?.asksForAddress == false)
        #expect(try names(["lan"]) == ["lan"] && names([]) == ["lan"])
        var overlay = SwarmNetwork(id: "app")
        overlay.spec.name = "app"
        overlay.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4099"])
        let beside = NetworkAttachment(network: overlay, addresses: [try #require(IPNetwork("10.2.0.4/24"))])
        task.networksAttachments?.append(beside)
        #expect(try names(["lan"]) == ["app", "lan"])
        // One that leads nowhere is no way out.
        #expect(try names([]) == ["app", "lan", LocalNetwork.gatewayBridgeName])
    }
}
