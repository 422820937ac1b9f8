import Model
import Orchestration
import Testing

@Suite struct SwarmEventsTests {
    private func state(_ replicas: UInt64, image: String, node: NodeAvailability, version: UInt64) -> SwarmState {
        var service = Service(id: "s1")
        service.spec.name = "web"
        service.spec.mode.replicated = ServiceMode.Replicated(replicas: replicas)
        service.spec.taskTemplate.containerSpec = ContainerSpec()
        service.spec.taskTemplate.containerSpec?.image = image
        service.version = ObjectVersion(index: version)
        var member = Node(id: "n1")
        member.description = NodeDescription()
        member.description?.hostname = "node-1"
        member.spec.availability = node
        member.version = ObjectVersion(index: version)
        var state = SwarmState()
        state.services["s1"] = service
        state.nodes["n1"] = member
        return state
    }

    @Test func `what is new, changed and gone is told with Docker's attributes`() {
        let first = state(1, image: "a", node: .active, version: 1)
        let created = SwarmEvents(before: SwarmState(), now: first).events
        #expect(created.map(\.action) == ["create", "create"] && created.allSatisfy { $0.scope == "swarm" })
        let second = state(3, image: "b", node: .drain, version: 2)
        let changed = SwarmEvents(before: first, now: second).events
        #expect(changed.map(\.type) == ["node", "service"])
        #expect(
            changed[0].attributes == ["name": "node-1", "availability.old": "active", "availability.new": "drain"])
        #expect(
            changed[1].attributes == [
                "name": "web", "image.old": "a", "image.new": "b", "replicas.old": "1", "replicas.new": "3",
            ])
        #expect(SwarmEvents(before: second, now: second).events.isEmpty)
        var third = second
        third.services["s1"]?.pendingDelete = true
        let removed = SwarmEvents(before: second, now: third).events
        #expect(removed.map(\.action) == ["remove"] && removed[0].attributes == ["name": "web"])
        #expect(SwarmEvents(before: third, now: SwarmState()).events.map(\.type) == ["node"])
    }
}
