import Addressing
import DataPlane
import Faults
import Model
import TestKit
import Testing

@testable import Engine

/// What the data plane of a node with a published task is told.
@Suite struct NodeNetworkTests {
    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    /// Addresses of what is elsewhere in an overlay; nil where there is no such overlay.
    private func remotes(_ network: NodeNetwork, in overlay: String) -> [String]? {
        guard let overlay = network.overlays.first(where: { $0.id == overlay }) else { return nil }
        return overlay.remoteEndpoints.flatMap(\.addresses.all).map(\.description)
    }

    @Test func `a published task's node is told everything, and only what is elsewhere is remote`() throws {
        let composer = NodeNetworkComposer(
            containers: [try NodeNetworkFixture.taskContainer()], networks: [try NodeNetworkFixture.gatewayBridge()],
            facts: NetworkFacts(try NodeNetworkFixture.swarmState()),
            nodeID: "n1",
            underlayMTU: 1400,
            resolvers: [:])
        let wanted = composer.compose()
        #expect(wanted.underlay?.peers.count == 2)
        #expect(wanted.overlays.map(\.vni).sorted() == [4096, 4097])
        #expect(wanted.overlays.allSatisfy { $0.mtu == 1350 })
        #expect(remotes(wanted, in: "app") == ["10.1.0.7"])
        #expect(remotes(wanted, in: "ing") == ["10.255.0.3"])
        #expect(wanted.ingress?.gatewayAddresses.primary?.description == "172.18.0.2/16")
        #expect(wanted.ingress?.ports.first?.backends.first?.port == 80)
        let sandbox = try #require(wanted.sandboxes.first)
        #expect(sandbox.defaultRouteEndpointID == "ep-gw")
        #expect(sandbox.mesh?.endpointID == "ep-ing")
        #expect(sandbox.mesh?.gateways.primary?.description == "10.255.0.1")
        #expect(sandbox.services.isEmpty)
        var callable: [String: [String]] = [:]
        for overlay in wanted.overlays {
            callable[overlay.id, default: []] += overlay.services.map(\.address.description)
        }
        #expect(callable == ["app": ["10.1.0.2"], "ing": []])
    }

    @Test func `the mesh is in the families that the network, the bridge and the container have`() throws {
        var (container, bridge, state) = (
            try NodeNetworkFixture.taskContainer(), try NodeNetworkFixture.gatewayBridge(),
            try NodeNetworkFixture.swarmState()
        )
        func composed() -> NodeNetwork {
            NodeNetworkComposer(
                containers: [container], networks: [bridge], facts: NetworkFacts(state), nodeID: "n1", underlayMTU: 1400
            ).compose()
        }
        for index in state.peers.indices {
            state.peers[index].ingressAddresses?.v6 = IPNetwork("fd00:255::\(2 + index)/64")?.v6
        }
        state.ports[0].backends.append(try #require(IPAddress("fd00:255::9")))
        container.endpoints[1].addresses?.v6 = IPNetwork("fd00:255::9/64")?.v6
        // A bridge that a user has made without it: the node's own place is of IPv4, other nodes reach the task by both.
        var wanted = composed()
        #expect(wanted.ingress?.addresses.v6 == nil && wanted.ingress?.gatewayAddresses.v6 == nil)
        #expect(wanted.sandboxes.first?.mesh?.gateways.v6?.description == "fd00:255::1")
        #expect(wanted.sandboxes.first?.defaultRoute6EndpointID == nil)
        let six = try network("fd00:18::/64")
        bridge.ranges.append(AddressRange(subnet: six))
        bridge.gateways?.v6 = IPv6Address("fd00:18::1")
        container.endpoints[2].addresses?.v6 = IPNetwork("fd00:18::3/64")?.v6
        container.endpoints[2].gateways?.v6 = IPv6Address("fd00:18::1")
        wanted = composed()
        #expect(wanted.ingress?.addresses.all.map(\.description) == ["10.255.0.2/16", "fd00:255::2/64"])
        #expect(wanted.ingress?.gatewayAddresses.all.map(\.description) == ["172.18.0.2/16", "fd00:18::2/64"])
        #expect(remotes(wanted, in: "ing") == ["10.255.0.3", "fd00:255::3"])
        #expect(
            wanted.sandboxes.first?.endpoints.last?.gateways.all.map(\.description) == ["172.18.0.1", "fd00:18::1"])
        container.hostConfig.sysctls = ["net.ipv6.conf.all.disable_ipv6": "1"]
        let sandbox = try #require(composed().sandboxes.first)
        #expect(sandbox.mesh?.gateways.v6 == nil && sandbox.endpoints.allSatisfy { $0.addresses.v6 == nil })
        // Of a swarm of before, a node that could do more does not.
        for index in state.peers.indices { state.peers[index].ingressAddresses?.v6 = nil }
        #expect(composed().ingress?.gatewayAddresses.all.map(\.description) == ["172.18.0.2/16"])
    }

    @Test func `whose container administers the network, or whose network says so, may use what is nobody's`() throws {
        var plain = try NodeNetworkFixture.taskContainer()
        func lax(
            _ containers: [ContainerRecord],
            _ change: (inout SwarmNetworkState, inout LocalNetwork) -> Void = { _, _ in }
        )
            throws -> [String: [String]]
        {
            var (state, bridge) = (try NodeNetworkFixture.swarmState(), try NodeNetworkFixture.gatewayBridge())
            change(&state, &bridge)
            let wanted = NodeNetworkComposer(
                containers: containers, networks: [bridge], facts: NetworkFacts(state), nodeID: "n1", underlayMTU: 1400
            ).compose()
            var found = Dictionary(
                uniqueKeysWithValues: wanted.sandboxes.map { box in
                    (box.id, box.endpoints.filter(\.isLax).map(\.id))
                })
            found["reserved"] = wanted.overlays.flatMap(\.reserved).map(\.description).sorted()
            return found
        }
        let all = ["ep-app", "ep-ing", "ep-gw"]
        plain.phase = .running(.init(pid: 1, startedAt: .now))
        #expect(try lax([plain]) == [plain.id: [], "reserved": []])
        var able = plain
        able.hostConfig.capAdd = StringList(["net_admin"])
        #expect(try lax([able])[plain.id] == all)
        // Services' addresses are somebody's, too.
        #expect(try lax([able])["reserved"] == ["10.1.0.2", "10.255.0.4"])
        able.hostConfig.capDrop = StringList(["ALL"])
        #expect(try lax([able])[plain.id] == all)
        able.hostConfig.capDrop = StringList(["CAP_NET_ADMIN"])
        #expect(try lax([able])[plain.id] == [])
        able.hostConfig.capDrop = nil
        able.hostConfig.capAdd = nil
        able.hostConfig.privileged = true
        #expect(try lax([able])[plain.id] == all)
        // One that shares the network of another, as long as it runs.
        var guest = ContainerRecord(
            id: "g1", name: "guest", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: HostConfiguration(), commandLine: ["x"])
        guest.hostConfig.networkMode = "container:" + plain.id
        guest.hostConfig.privileged = true
        #expect(try lax([plain, guest])[plain.id] == [])
        guest.phase = .running(.init(pid: 2, startedAt: .now))
        #expect(try lax([plain, guest])[plain.id] == all)
        let off = [SpoofCheck.option: "off"]
        #expect(try lax([plain]) { _, bridge in bridge.options = off }[plain.id] == ["ep-gw"])
        #expect(
            try lax([plain]) { state, _ in
                state.networks[1].network.driverState = Driver(name: "overlay", options: off)
            }[plain.id] == ["ep-app"])
        #expect(throws: APIError.self) { try told { try SpoofCheck.check([SpoofCheck.option: "of"]) } }
        try SpoofCheck.check(off)
    }

    @Test func `D7: an overlay's tasks are kept apart where the swarm or a record says so, never those of ingress`()
        throws
    {
        func apart(_ options: [String: String], _ isRecorded: Bool) throws -> [String] {
            var record = try NodeNetworkFixture.taskContainer()
            if isRecorded { for index in 0...1 { record.endpoints[index].overlay?.keepsApart = true } }
            var state = try NodeNetworkFixture.swarmState()
            for index in state.networks.indices {
                let own = state.networks[index].network.driverState?.options ?? [:]
                state.networks[index].network.driverState = Driver(
                    name: "overlay", options: own.merging(options) { _, new in new })
            }
            let composer = NodeNetworkComposer(
                containers: [record], networks: [try NodeNetworkFixture.gatewayBridge()], facts: NetworkFacts(state),
                nodeID: "n1", underlayMTU: 1500)
            return composer.compose().overlays.filter(\.keepsEndpointsApart).map(\.id)
        }
        #expect(try apart([:], false) == [])
        #expect(try apart([InterContainer.option: "true"], false) == [])
        #expect(try apart([InterContainer.option: "false"], false) == ["app"])
        #expect(try apart([:], true) == ["app"])
    }

    @Test func `D7: without a way out a published task's resolver asks nobody beyond its networks`() throws {
        var record = try NodeNetworkFixture.taskContainer()
        let composer = NameTableComposer(containers: [record], networks: [try NodeNetworkFixture.gatewayBridge()])
        #expect(composer.table(for: record).forwards)
        record.endpoints.removeAll { $0.networkName == LocalNetwork.gatewayBridgeName }
        #expect(!composer.table(for: record).forwards)
    }

    @Test func `a place in a network that is gone keeps no other container from its own`() throws {
        let sound = try NodeNetworkFixture.taskContainer()
        var stray = ContainerRecord(
            id: "c2", name: "stray", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: HostConfiguration(), commandLine: ["x"])
        stray.endpoints = [EndpointRecord(networkID: "gone", networkName: "gone")]
        stray.endpoints[0].endpointID = "e9"
        stray.endpoints[0].addresses = EndpointAddresses(try network("192.0.2.2/24"))
        var composer = NodeNetworkComposer(
            containers: [sound, stray], networks: [try NodeNetworkFixture.gatewayBridge()],
            facts: NetworkFacts(try NodeNetworkFixture.swarmState()),
            nodeID: "n1",
            underlayMTU: 1400, resolvers: [:])
        #expect(composer.compose().sandboxes.map(\.endpoints.isEmpty) == [false, true])
        // The node has left the swarm: only the bridge is there.
        composer.set(facts: nil)
        let left = composer.compose()
        #expect(left.overlays.isEmpty)
        #expect(left.sandboxes.flatMap(\.endpoints).allSatisfy { if case .bridge = $0.network { true } else { false } })
    }

    @Test func `a container on internal networks only forwards no name and has no way out`() throws {
        var record = try NodeNetworkFixture.taskContainer()
        record.endpoints.removeAll { $0.networkID != "app" }
        let table = NameTableComposer(
            containers: [record], networks: [try NodeNetworkFixture.gatewayBridge()],
            facts: NetworkFacts(try NodeNetworkFixture.swarmState())
        )
        .table(for: record)
        #expect(!table.forwards)
        // Whom it was told to ask may be on the same network, and is asked from there alone.
        record.hostConfig.nameServers = ["10.1.0.53"]
        let told = record
        var directory = NameDirectory()
        let found = directory.names(for: told, [:])
        #expect(found.forwards)
        #expect(NameTableComposer(containers: [told], networks: []).table(for: told).forwards)
        // What is no address is nobody to ask, and the node's servers are not asked in its place.
        record.hostConfig.nameServers = ["one.example"]
        let unfit = record
        #expect(!NameTableComposer(containers: [unfit], networks: []).table(for: unfit).forwards)
        record.hostConfig.nameServers = nil
        let composer = NodeNetworkComposer(
            containers: [record], networks: [try NodeNetworkFixture.gatewayBridge()],
            facts: NetworkFacts(try NodeNetworkFixture.swarmState()), nodeID: "n1",
            underlayMTU: 1500, resolvers: [:])
        #expect(composer.compose().sandboxes.first?.defaultRouteEndpointID == nil)
    }
}
