import Model
import Testing

@testable import Engine

/// Services of a network as a node tells of them, with the places of their tasks on all nodes.
@Suite struct VerboseNetworkTests {
    private func services(on network: String) throws -> [String: NetworkService] {
        let facts = NetworkFacts(try NodeNetworkFixture.swarmState())
        let members = [try NodeNetworkFixture.taskContainer()]
        let shown = NodeNetworkService.services(on: network, facts, members: members)
        return try #require(shown)
    }

    @Test func `a task's place is told with its id, whichever node it is on`() throws {
        let tasks = try #require(try services(on: "app")["web"]).tasks
        #expect(tasks.map(\.endpointIP) == ["10.1.0.5", "10.1.0.7"])
        let elsewhere = PlaceID.derived(from: "c2c2c2c2c2c2c2", on: "app")
        // What an earlier daemon of this node has chosen is as it was.
        #expect(tasks.map(\.endpointID) == ["ep-app", elsewhere])
        #expect(elsewhere.count == 64)
    }

    @Test func `nodes have places of their own on ingress, each another one`() throws {
        let nodes = try #require(try services(on: "ing")[""]).tasks
        #expect(nodes.map(\.name) == ["ingress-endpoint", "ingress-endpoint"])
        let expected = ["n1", "n2"].map { PlaceID.derived(from: $0, on: "ing") }
        #expect(nodes.map(\.endpointID) == expected)
        #expect(Set(expected).count == 2)
    }

    @Test func `a task takes its places on overlays with the ids that other nodes tell`() throws {
        let places = try NodeNetworkFixture.taskContainer().endpoints
        let ids = places.map { $0.newID(ofTask: "c1") }
        #expect(ids.prefix(2) == [PlaceID.derived(from: "c1", on: "app"), PlaceID.derived(from: "c1", on: "ing")])
        // Elsewhere, and of containers that may be started again, it is another one each time.
        #expect(ids[2].count == 64 && ids[2] != places[2].newID(ofTask: "c1"))
        #expect(places[0].newID(ofTask: nil) != places[0].newID(ofTask: nil))
    }
}
