import Addressing
import DataPlane
import EngineInterface
import Faults
import Model
import NameService
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
        func overlay(isInternal: Bool) throws -> EndpointRecord {
            var network = SwarmNetwork(id: "att")
            network.spec.name = "att"
            network.spec.internal = isInternal
            network.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4100"])
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
            for _ in 0..<2 { record.setWayOut(gateway: "gw", openBridges: ["bridge", "open"]) }
            return record.endpoints.map(\.networkName)
        }
        let gateway = LocalNetwork.gatewayBridgeName
        #expect(names([try overlay(isInternal: false)]) == ["att", gateway])
        #expect(names([try overlay(isInternal: true)]) == ["att"])
        #expect(names([try overlay(isInternal: true)], publishing: true) == ["att", gateway])
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

    // MARK: What the data plane and the resolvers are told

    private let gateway = IPAddress(172, 18, 0, 1)

    private func gatewayBridge() throws -> LocalNetwork {
        var bridge = LocalNetwork(id: "gw", name: LocalNetwork.gatewayBridgeName, driver: "bridge", created: .now)
        bridge.options = ["com.docker.network.bridge.name": LocalNetwork.gatewayBridgeName]
        bridge.ranges = [AddressRange(subnet: try network("172.18.0.0/16"))]
        bridge.gateways = HostAddresses(gateway)
        return bridge
    }

    private func taskContainer() throws -> ContainerRecord {
        var record = ContainerRecord(
            id: "c1", name: "web.1.t1", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: HostConfiguration(), commandLine: ["x"])
        var port = PortConfig()
        port.targetPort = 80
        port.publishedPort = 8080
        record.task = ContainerRecord.TaskReference(taskID: "t1", serviceID: "s1", serviceName: "web", ports: [port])
        func endpoint(_ id: String, _ name: String, _ address: String, _ vni: UInt32?, isIngress: Bool = false) throws
            -> EndpointRecord
        {
            var endpoint = EndpointRecord(networkID: id, networkName: name)
            endpoint.endpointID = "ep-\(id)"
            endpoint.interfaceName = "eth\(record.endpoints.count)"
            endpoint.addresses = EndpointAddresses(try network(address))
            endpoint.overlay = vni.map { EndpointRecord.Overlay(vni: $0, isInternal: !isIngress, isIngress: isIngress) }
            if vni == nil { endpoint.gateways = HostAddresses(gateway) }
            return endpoint
        }
        record.endpoints.append(try endpoint("app", "app", "10.1.0.5/24", 4097))
        record.endpoints.append(try endpoint("ing", "ingress", "10.255.0.9/16", 4096, isIngress: true))
        record.endpoints.append(try endpoint("gw", LocalNetwork.gatewayBridgeName, "172.18.0.3/16", nil))
        return record
    }

    private func swarmState() throws -> SwarmNetworkState {
        var state = SwarmNetworkState()
        state.peers = [
            .init(
                nodeID: "n1", hostname: "node-1", address: IPAddress(203, 0, 113, 11),
                ingressAddresses: EndpointAddresses(try network("10.255.0.2/16"))),
            .init(
                nodeID: "n2", hostname: "node-2", address: IPAddress(203, 0, 113, 12),
                ingressAddresses: EndpointAddresses(try network("10.255.0.3/16"))),
        ]
        var ingress = SwarmNetwork(id: "ing")
        ingress.spec.ingress = true
        ingress.spec.name = "ingress"
        ingress.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4096"])
        let far = SwarmNetworkState.Endpoint(
            addresses: HostAddresses(IPAddress(10, 1, 0, 7)), nodeID: "n2", taskID: "t2",
            vtep: IPAddress(203, 0, 113, 12),
            containerID: "c2c2c2c2c2c2c2",
            names: ["web.2.t2"])
        let near = SwarmNetworkState.Endpoint(
            addresses: HostAddresses(IPAddress(10, 1, 0, 5)), nodeID: "n1", taskID: "t1",
            vtep: IPAddress(203, 0, 113, 11),
            containerID: "c1", names: ["web.1.t1"])
        let service = SwarmNetworkState.ServiceAddress(
            serviceID: "s1", name: "web", aliases: ["www"], virtualAddresses: HostAddresses(IPAddress(10, 1, 0, 2)),
            backends: near.addresses.all + far.addresses.all, tasks: near.addresses.all + far.addresses.all)
        // For who inspects the network: nothing is looked up or balanced there.
        var published = service
        published.virtualAddresses = HostAddresses(IPAddress(10, 255, 0, 4))
        state.networks = [
            .init(network: ingress, endpoints: [], services: [published]),
            .init(network: SwarmNetwork(id: "app"), endpoints: [near, far], services: [service]),
        ]
        state.ports = [
            .init(
                transport: .tcp, publishedPort: 8080, targetPort: 80, serviceID: "s1",
                backends: [IPAddress(10, 255, 0, 9)])
        ]
        return state
    }

    @Test func `a published task's node is told everything, and only what is elsewhere is remote`() throws {
        let composer = NodeNetworkComposer(
            containers: [try taskContainer()], networks: [try gatewayBridge()], facts: NetworkFacts(try swarmState()),
            nodeID: "n1",
            underlayMTU: 1400,
            resolvers: [:])
        let wanted = composer.compose()
        #expect(wanted.underlay?.peers.count == 2)
        #expect(wanted.overlays.map(\.vni).sorted() == [4096, 4097])
        #expect(wanted.overlays.allSatisfy { $0.mtu == 1350 })
        #expect(
            wanted.overlays.first { $0.id == "app" }?.remoteEndpoints.flatMap(\.addresses.all).map(\.description) == [
                "10.1.0.7"
            ])
        #expect(
            wanted.overlays.first { $0.id == "ing" }?.remoteEndpoints.flatMap(\.addresses.all).map(\.description) == [
                "10.255.0.3"
            ])
        #expect(wanted.ingress?.gatewayAddresses.primary?.description == "172.18.0.2/16")
        #expect(wanted.ingress?.ports.first?.backends.first?.port == 80)
        let sandbox = try #require(wanted.sandboxes.first)
        #expect(sandbox.defaultRouteEndpointID == "ep-gw")
        #expect(sandbox.mesh?.endpointID == "ep-ing")
        #expect(sandbox.mesh?.gateways.primary?.description == "10.255.0.1")
        #expect(sandbox.services.isEmpty)
        let callable = wanted.overlays.map { [$0.id] + $0.services.map(\.address.description) }
        #expect(callable.sorted { $0[0] < $1[0] } == [["app", "10.1.0.2"], ["ing"]])
    }

    @Test func `the mesh is in the families that the network, the bridge and the container have`() throws {
        var (container, bridge, state) = (try taskContainer(), try gatewayBridge(), try swarmState())
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
        #expect(
            wanted.overlays.first { $0.id == "ing" }?.remoteEndpoints.flatMap(\.addresses.all).map(\.description)
                == ["10.255.0.3", "fd00:255::3"])
        #expect(
            wanted.sandboxes.first?.endpoints.last?.gateways.all.map(\.description) == ["172.18.0.1", "fd00:18::1"])
        container.hostConfig.sysctls = ["net.ipv6.conf.all.disable_ipv6": "1"]
        let sandbox = try #require(composed().sandboxes.first)
        #expect(sandbox.mesh?.gateways.v6 == nil && sandbox.endpoints.allSatisfy { $0.addresses.v6 == nil })
        // Of a swarm of before, a node that could do more does not.
        for index in state.peers.indices { state.peers[index].ingressAddresses?.v6 = nil }
        #expect(composed().ingress?.gatewayAddresses.all.map(\.description) == ["172.18.0.2/16"])
    }

    @Test func `a port of the node is published at addresses of the families that lead to the task`() throws {
        func hosts(_ places: [String], _ families: Set<IPFamily> = [.v4, .v6]) throws -> [String] {
            var port = PortConfig()
            port.targetPort = 80
            port.publishedPort = 8080
            port.publishMode = "host"
            port.publishedOn = places
            var task = SwarmTask(id: "t1")
            task.spec.containerSpec = ContainerSpec()
            task.assignment = SwarmTask.Assignment()
            task.assignment?.ports = [port]
            var plan = TaskContainer(task: task, nodeID: "n1")
            plan.families = families
            plan.nodeAddresses = ["eth0": ["192.0.2.5", "2001:db8::5", "fe80::5"], "lo": ["127.0.0.1", "::1"]].mapValues
            {
                $0.compactMap { IPAddress($0) }
            }
            let bindings = try plan.request().hostConfig.portBindings ?? [:]
            return bindings.values.compactMap { $0 }.flatMap { $0 }.map(\.hostIp)
        }
        #expect(try hosts(["eth0"]) == ["192.0.2.5", "2001:db8::5"])
        #expect(try hosts(["eth0"], [.v4]) == ["192.0.2.5"])
        #expect(try hosts(["lo"]) == ["127.0.0.1"])
        #expect(try hosts(["127.0.0.1"]) == ["127.0.0.1"])
        #expect(try hosts(["::"]) == ["::"] && hosts(["0.0.0.0"]) == ["0.0.0.0"] && hosts(["0.0.0.0", "::"]) == [""])
        #expect(try hosts(["::", "192.0.2.0/24"]) == ["192.0.2.5", "::"])
        #expect(try hosts(["2001:db8::/32"]) == ["2001:db8::5"])
        #expect(throws: TaskError.addressMissing(["2001:db8::/32"])) { try hosts(["2001:db8::/32"], [.v4]) }
        #expect(throws: TaskError.addressMissing(["::1"])) { try hosts(["::1"]) }
    }

    @Test func `a bridge of IPv4 alone gets a subnet of IPv6, and keeps all else`() throws {
        var bridge = try gatewayBridge()
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

    @Test func `whose container administers the network, or whose network says so, may use what is nobody's`() throws {
        var plain = try taskContainer()
        func lax(
            _ containers: [ContainerRecord],
            _ change: (inout SwarmNetworkState, inout LocalNetwork) -> Void = { _, _ in }
        )
            throws -> [String: [String]]
        {
            var (state, bridge) = (try swarmState(), try gatewayBridge())
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

    @Test func `a place in a network that is gone keeps no other container from its own`() throws {
        let sound = try taskContainer()
        var stray = ContainerRecord(
            id: "c2", name: "stray", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: HostConfiguration(), commandLine: ["x"])
        stray.endpoints = [EndpointRecord(networkID: "gone", networkName: "gone")]
        stray.endpoints[0].endpointID = "e9"
        stray.endpoints[0].addresses = EndpointAddresses(try network("192.0.2.2/24"))
        var composer = NodeNetworkComposer(
            containers: [sound, stray], networks: [try gatewayBridge()], facts: NetworkFacts(try swarmState()),
            nodeID: "n1",
            underlayMTU: 1400, resolvers: [:])
        #expect(composer.compose().sandboxes.map(\.endpoints.isEmpty) == [false, true])
        // The node has left the swarm: only the bridge is there.
        composer.set(facts: nil)
        let left = composer.compose()
        #expect(left.overlays.isEmpty)
        #expect(left.sandboxes.flatMap(\.endpoints).allSatisfy { if case .bridge = $0.network { true } else { false } })
    }

    @Test func `names on an overlay lead to the VIP, to all tasks and to single containers, never to ingress`() throws {
        let composer = NameTableComposer(
            containers: [try taskContainer()], networks: [try gatewayBridge()], facts: NetworkFacts(try swarmState()))
        let table = composer.table(for: try taskContainer())
        let names = try #require(table.networks.first?.names)
        #expect(table.networks.map(\.name) == ["app"])
        #expect(names["web"]?.map(\.description) == ["10.1.0.2"])
        #expect(names["www"]?.map(\.description) == ["10.1.0.2"])
        #expect(names["tasks.web"]?.count == 2)
        #expect(names["c2c2c2c2c2c2"]?.map(\.description) == ["10.1.0.7"])
        #expect(table.forwards)
        #expect(table.pointers[IPAddress(10, 1, 0, 2)] == "web.app")
        #expect(table.pointers[IPAddress(10, 1, 0, 7)] == "web.2.t2.app")
    }

    @Test func `no place on a network answers to a service's name, whatever it calls itself`() throws {
        var state = try swarmState()
        state.networks[1].network.spec.name = "app"
        let requests = ["web", "WWW", "tasks.web", "Tasks.other", "web.app", "pal", "web.ingress"]
        state.networks[1].endpoints.append(
            .init(
                addresses: HostAddresses(IPAddress(10, 1, 0, 66)), nodeID: "n2", taskID: "t9",
                vtep: IPAddress(203, 0, 113, 12),
                containerID: "web", names: requests))
        let composer = NameTableComposer(
            containers: [try taskContainer()], networks: [try gatewayBridge()], facts: NetworkFacts(state))
        let table = composer.table(for: try taskContainer())
        let names = try #require(table.networks.first?.names)
        #expect(names.filter { $0.value.contains(IPAddress(10, 1, 0, 66)) }.keys.sorted() == ["pal"])
        #expect(names["web"] == [IPAddress(10, 1, 0, 2)])
        #expect(names["tasks.web"]?.count == 2)
        #expect(table.pointers[IPAddress(10, 1, 0, 66)] == "pal.app")
    }

    @Test func `a container on internal networks only forwards no name and has no way out`() throws {
        var record = try taskContainer()
        record.endpoints.removeAll { $0.networkID != "app" }
        let table = NameTableComposer(
            containers: [record], networks: [try gatewayBridge()], facts: NetworkFacts(try swarmState())
        )
        .table(for: record)
        #expect(!table.forwards)
        let composer = NodeNetworkComposer(
            containers: [record], networks: [try gatewayBridge()], facts: NetworkFacts(try swarmState()), nodeID: "n1",
            underlayMTU: 1500, resolvers: [:])
        #expect(composer.compose().sandboxes.first?.defaultRouteEndpointID == nil)
    }

    @Test
    func `a task's container has application networks before ingress, and the gateway bridge unless all are internal`()
        throws
    {
        var task = SwarmTask(id: "t1")
        task.nodeID = "n1"
        task.slot = 1
        task.spec.containerSpec = ContainerSpec()
        func attach(_ id: String, isInternal: Bool, isIngress: Bool = false) throws {
            var network = SwarmNetwork(id: id)
            network.spec.name = id
            network.spec.internal = isInternal
            network.spec.ingress = isIngress
            network.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4099"])
            task.networksAttachments =
                (task.networksAttachments ?? []) + [
                    NetworkAttachment(network: network, addresses: [try self.network("10.2.0.4/24")])
                ]
        }
        try attach("inner", isInternal: true)
        #expect(
            try TaskContainer(task: task, nodeID: "n1").endpoints(gatewayBridgeID: "gw")?.map(\.networkName) == [
                "inner"
            ])
        try attach("ingress", isInternal: false, isIngress: true)
        #expect(
            try TaskContainer(task: task, nodeID: "n1").endpoints(gatewayBridgeID: "gw")?.map(\.networkName)
                == ["inner", "ingress", LocalNetwork.gatewayBridgeName])
        task.networksAttachments = nil
        #expect(try TaskContainer(task: task, nodeID: "n1").endpoints(gatewayBridgeID: "gw") == nil)
    }
}
