import Addressing
import Model
import NameService
import Testing

@testable import Engine

/// What the resolvers of a node with a published task are told.
@Suite struct NodeNameTests {
    @Test func `names on an overlay lead to the VIP, to all tasks and to single containers, never to ingress`() throws {
        let composer = NameTableComposer(
            containers: [try NodeNetworkFixture.taskContainer()], networks: [try NodeNetworkFixture.gatewayBridge()],
            facts: NetworkFacts(try NodeNetworkFixture.swarmState()))
        let table = composer.table(for: try NodeNetworkFixture.taskContainer())
        let names = try #require(table.networks.first?.names)
        #expect(table.networks.map(\.name) == ["app"])
        #expect(names["web"]?.map(\.description) == ["10.1.0.2"])
        #expect(names["www"]?.map(\.description) == ["10.1.0.2"])
        #expect(names["tasks.web"]?.count == 2)
        #expect(names["tasks.www"] == names["tasks.web"])
        #expect(names["c2c2c2c2c2c2"]?.map(\.description) == ["10.1.0.7"])
        #expect(table.forwards)
        #expect(table.pointers[IPAddress(10, 1, 0, 2)] == "web.app")
        #expect(table.pointers[IPAddress(10, 1, 0, 7)] == "web.2.t2.app")
    }

    @Test func `no place on a network answers to a service's name, whatever it calls itself`() throws {
        var state = try NodeNetworkFixture.swarmState()
        state.networks[1].network.spec.name = "app"
        let requests = ["web", "WWW", "tasks.web", "Tasks.other", "web.app", "pal", "web.ingress"]
        state.networks[1].endpoints.append(
            .init(
                addresses: HostAddresses(IPAddress(10, 1, 0, 66)), nodeID: "n2", taskID: "t9",
                vtep: IPAddress(203, 0, 113, 12),
                containerID: "web", names: requests))
        let composer = NameTableComposer(
            containers: [try NodeNetworkFixture.taskContainer()], networks: [try NodeNetworkFixture.gatewayBridge()],
            facts: NetworkFacts(state))
        let table = composer.table(for: try NodeNetworkFixture.taskContainer())
        let names = try #require(table.networks.first?.names)
        #expect(names.filter { $0.value.contains(IPAddress(10, 1, 0, 66)) }.keys.sorted() == ["pal"])
        #expect(names["web"] == [IPAddress(10, 1, 0, 2)])
        #expect(names["tasks.web"]?.count == 2)
        #expect(table.pointers[IPAddress(10, 1, 0, 66)] == "pal.app")
    }
}
