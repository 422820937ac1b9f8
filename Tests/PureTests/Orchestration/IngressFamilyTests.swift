import Addressing
import Model
import TestKit
import Testing

@testable import Orchestration

/// The ingress network in both families: in a new swarm from the beginning, in one of before once every manager knows of it.
@Suite struct IngressFamilyTests {
    /// A swarm as an earlier version has made it.
    private func earlier(nodes: Int = 2) throws -> SwarmSimulation {
        var swarm = SwarmSimulation()
        var ingress = try #require(swarm.state.networks["ingress"])
        ingress.ipamOptions?.configs?.removeAll { $0.subnet?.family == .v6 }
        ingress.spec.iPv6Enabled = nil
        swarm.state.networks["ingress"] = ingress
        for number in 1...nodes { swarm.addNode("n\(number)") }
        swarm.state.nodes["n1"]?.spec.role = .manager
        return swarm
    }

    private func publish(
        _ name: String, in swarm: inout SwarmSimulation, _ change: (inout ServiceSpec) -> Void = { _ in }
    ) {
        swarm.addService(name, replicas: 2) { spec in
            var port = PortConfig()
            port.targetPort = 80
            spec.endpointSpec = EndpointSpec()
            spec.endpointSpec?.ports = [port]
            change(&spec)
        }
    }

    private func addresses(_ name: String, _ swarm: SwarmSimulation) -> [[IPFamily]] {
        swarm.running(name).map { task in
            (task.networksAttachments ?? []).flatMap(\.addresses).map(\.family)
        }
    }

    private func families(_ node: String, _ swarm: SwarmSimulation) -> [IPFamily] {
        (swarm.state.nodes[node]?.membership?.ingressAddresses?.all ?? []).map(\.family)
    }

    private func upgrade(_ node: String, _ swarm: inout SwarmSimulation, _ isDual: Bool? = true) {
        var membership = swarm.state.nodes[node]?.membership ?? Node.Membership()
        membership.hasDualMesh = isDual
        swarm.state.nodes[node]?.membership = membership
    }

    @Test func `a new swarm's ingress network has a subnet of the swarm's own prefix beside IPv4's`() throws {
        var state = SwarmState()
        state.cluster = ClusterObject(id: "some-swarm")
        let ingress = NetworkAllocator(state: state).ingress(id: "ing", at: .zero)
        let subnets = ingress.addressRanges.map(\.subnet)
        #expect(subnets.map(\.family) == [.v4, .v6] && subnets[0].description == "240.255.0.0/16")
        #expect(subnets[1].prefixLength == 64 && ingress.spec.iPv6Enabled == true && !ingress.isIPv6Alone)
        #expect(UniqueLocalPrefix(hashing: "some-swarm").network.contains(try #require(subnets[1].v6)))
        // Another network's is another.
        state.networks["ing"] = ingress
        var request = NetworkRequest()
        request.name = "app"
        request.enableIPv6 = true
        let other = try NetworkAllocator(state: state).allocate(request, id: "app", at: .zero)
        #expect(!other.addressRanges.contains { $0.subnet.overlaps(subnets[1]) })
    }

    @Test func `a swarm of before keeps what it has until every manager knows of the second family`() throws {
        var swarm = try earlier(nodes: 3)
        swarm.state.nodes["n2"]?.spec.role = .manager
        publish("web", in: &swarm)
        swarm.settle()
        let before = swarm.state.networks["ingress"]
        let (held, tasks) = (swarm.state.nodes["n1"]?.membership?.ingressAddresses, swarm.running("web"))
        #expect(families("n1", swarm) == [.v4] && addresses("web", swarm) == [[.v4], [.v4]])
        upgrade("n1", &swarm)
        upgrade("n3", &swarm)
        swarm.settle()
        #expect(swarm.state.networks["ingress"] == before && families("n1", swarm) == [.v4])
        upgrade("n2", &swarm)
        swarm.settle()
        let after = try #require(swarm.state.networks["ingress"])
        #expect(after.addressRanges.first == before?.addressRanges.first)
        #expect(after.addressRanges.map(\.subnet.family) == [.v4, .v6] && after.spec.iPv6Enabled == true)
        #expect(families("n1", swarm) == [.v4, .v6] && families("n3", swarm) == [.v4, .v6])
        #expect(swarm.state.nodes["n1"]?.membership?.ingressAddresses?.v4 == held?.v4)
        // Tasks that run go on as they are; the service has an address of each family, and its next tasks have, too.
        #expect(swarm.running("web").map(\.id) == tasks.map(\.id) && addresses("web", swarm) == [[.v4], [.v4]])
        #expect(swarm.state.services["web"]?.endpoint.virtualIPs?.compactMap(\.addr?.family) == [.v4, .v6])
        swarm.updateService("web") { $0.taskTemplate.forceUpdate = 1 }
        swarm.settle(rounds: 40)
        #expect(addresses("web", swarm) == [[.v4, .v6], [.v4, .v6]])
        // It is done once.
        swarm.settle()
        #expect(swarm.state.networks["ingress"] == after)
    }

    @Test func `a node has a place of IPv6 in the mesh for as long as its program knows of it`() throws {
        var swarm = SwarmSimulation()
        swarm.addNode("old")
        swarm.addNode("new")
        upgrade("new", &swarm)
        swarm.settle()
        #expect(families("old", swarm) == [.v4] && families("new", swarm) == [.v4, .v6])
        let four = swarm.state.nodes["new"]?.membership?.ingressAddresses?.v4
        upgrade("new", &swarm, nil)
        upgrade("old", &swarm)
        swarm.settle()
        #expect(families("old", swarm) == [.v4, .v6] && families("new", swarm) == [.v4])
        #expect(swarm.state.nodes["new"]?.membership?.ingressAddresses?.v4 == four)
    }

    @Test func `a task that switches IPv6 off has no address of it in the mesh`() throws {
        var swarm = SwarmSimulation()
        swarm.addNode("n1")
        upgrade("n1", &swarm)
        publish("web", in: &swarm) {
            $0.taskTemplate.containerSpec?.sysctls = ["net.ipv6.conf.all.disable_ipv6": "1"]
        }
        publish("api", in: &swarm)
        swarm.settle()
        #expect(addresses("web", swarm) == [[.v4], [.v4]] && addresses("api", swarm) == [[.v4, .v6], [.v4, .v6]])
    }
}
