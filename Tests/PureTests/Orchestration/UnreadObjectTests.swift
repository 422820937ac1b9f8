import Foundation
import Model
import Orchestration
import StateStore
import Testing

/// Objects of the store that this version cannot read: nothing stops for them, and nothing that belongs to them is touched.
@Suite struct UnreadObjectTests {
    private static let newer = Array(#"{"Kind":"service","Value":{"ID":"x"},"Version":99}"#.utf8)

    private func stored(_ key: StoreKey, _ value: [UInt8], at revision: Int64) -> StoredValue {
        StoredValue(key: key, value: value, createRevision: 1, modifyRevision: revision)
    }

    /// The objects of a settled swarm as the store has them; `broken` cannot be read.
    private func listing(_ state: SwarmState, broken: Set<StoreKey> = [], at revision: Int64 = 5) throws -> StoreListing
    {
        var values: [StoredValue] = []
        func add(_ key: StoreKey, _ object: some VersionedRecord) throws {
            let value = try broken.contains(key) ? Self.newer : Array(WireJSON.encode(record: object))
            values.append(stored(key, value, at: revision))
        }
        for node in state.nodes.values { try add(StoreKey(.nodes, id: node.id), node) }
        for service in state.services.values { try add(StoreKey(.services, id: service.id), service) }
        for task in state.tasks.values { try add(StoreKey(.tasks, id: task.id), task) }
        for network in state.networks.values { try add(StoreKey(.networks, id: network.id), network) }
        if let cluster = state.cluster { try add(StoreKey(.clusters, id: cluster.id), cluster) }
        return StoreListing(values: values.sorted { $0.key < $1.key }, revision: revision)
    }

    private func settled() -> SwarmState {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2"] { swarm.addNode(id) }
        swarm.addService("web", replicas: 4) { spec in
            var port = PortConfig()
            port.publishedPort = 8080
            port.targetPort = 80
            spec.endpointSpec = EndpointSpec()
            spec.endpointSpec?.ports = [port]
        }
        swarm.addService("agent", replicas: nil)
        swarm.settle()
        return swarm.state
    }

    private func planned(_ state: SwarmState) throws -> (state: SwarmState, written: Set<StoreKey>) {
        var planner = SwarmPlanner(makeID: { UUID().uuidString })
        var draft = SwarmDraft(state, now: .now)
        planner.plan(&draft)
        let written = try draft.transactions(under: LeaderFence(role: "test", revision: 1)).map(\.transaction).flatMap {
            $0.puts.map(\.key) + $0.deletes
        }
        return (draft.state, Set(written))
    }

    @Test func `one object that cannot be read hides no other, and is there again when it can be read`() throws {
        let whole = settled()
        let key = StoreKey(.services, id: "web")
        var state = SwarmState()
        state.take(.snapshot(try listing(whole, broken: [key])))
        #expect(state.services["web"] == nil && state.services["agent"] != nil)
        #expect(state.nodes.count == 2 && state.tasks.count == whole.tasks.count && state.revision == 5)
        #expect(state.unread.keys.map(\.self) == [key])
        #expect(state.unread[key]?.type == "service" && state.unread[key]?.reason.contains("newer version") == true)
        let told = SwarmEvents.newlyUnread(before: nil, now: state)
        #expect(told.map(\.id) == ["web"])
        #expect(SwarmEvents.newlyUnread(before: state, now: state).isEmpty)
        let good = try #require(listing(whole, at: 6).values.first { $0.key == key })
        state.take(.events([.put(good)]))
        #expect(state.services["web"] != nil && state.unread.isEmpty)
        // One that was known stays as it was; what is deleted is gone.
        state.take(.events([.put(stored(key, Array("rubbish".utf8), at: 7))]))
        #expect(state.services["web"]?.version.index == 6 && state.unread.count == 1)
        state.take(.snapshot(try listing(whole, broken: [key], at: 8)))
        #expect(state.services["web"]?.version.index == 6 && state.unread.count == 1)
        state.take(.events([.delete(key, revision: 9)]))
        #expect(state.services["web"] == nil && state.unread.isEmpty)
    }

    @Test func `the tasks of a service, a node and a network that cannot be read stay as they are`() throws {
        let whole = settled()
        var healthy = SwarmState()
        healthy.take(.snapshot(try listing(whole)))
        #expect(try planned(healthy).written == [])
        let broken: [StoreKey] = [
            StoreKey(.services, id: "web"), StoreKey(.nodes, id: "n1"), StoreKey(.networks, id: "ingress"),
        ]
        for key in broken {
            var state = SwarmState()
            state.take(.snapshot(try listing(whole, broken: [key])))
            #expect(state.unread.count == 1)
            let after = try planned(state)
            for task in whole.tasks.values {
                #expect(after.state.tasks[task.id]?.desiredState == task.desiredState, "\(key): \(task.id)")
                #expect(after.state.tasks[task.id]?.status.state == task.status.state, "\(key): \(task.id)")
            }
            if key == StoreKey(.networks, id: "ingress") {
                #expect(
                    after.state.services["web"]?.endpoint.virtualIPs == whole.services["web"]?.endpoint.virtualIPs)
                #expect(throws: (any Error).self) {
                    try NetworkAllocator(state: state).allocate(NetworkRequest(), id: "new", at: .now)
                }
            }
        }
    }

    @Test func `an object that cannot be read is not written, and takes no other change with it`() throws {
        var state = SwarmState()
        let whole = settled()
        state.take(.snapshot(try listing(whole)))
        state.take(.events([.put(stored(StoreKey(.nodes, id: "n1"), Array("rubbish".utf8), at: 6))]))
        var draft = SwarmDraft(state, now: .now)
        for id in ["n1", "n2"] {
            var node = try #require(state.nodes[id])
            node.spec.labels["new"] = "yes"
            draft.put(node)
        }
        let written = try draft.transactions(under: LeaderFence(role: "test", revision: 1)).map(\.transaction).flatMap(
            \.puts)
        #expect(written.map(\.key) == [StoreKey(.nodes, id: "n2")])
    }
}
