import Addressing
import EngineInterface
import Model
import Testing

@testable import Engine

/// The container that a task asks for.
@Suite struct TaskContainerTests {
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
                    NetworkAttachment(network: network, addresses: [try #require(IPNetwork("10.2.0.4/24"))])
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

    @Test func `D7: a sealed network's task has no way out, published or not, unless another network leads outside`()
        throws
    {
        func networks(_ named: [String], publishesOnNode: Bool = false) throws -> [String] {
            var task = SwarmTask(id: "t1")
            task.spec.containerSpec = ContainerSpec()
            if publishesOnNode {
                var port = PortConfig()
                (port.targetPort, port.publishedPort, port.publishMode) = (80, 8080, "host")
                task.assignment = SwarmTask.Assignment()
                task.assignment?.ports = [port]
            }
            task.networksAttachments = try named.map { name in
                var network = SwarmNetwork(id: name)
                network.spec.name = name
                network.spec.internal = name != "open" && name != "ingress"
                network.spec.ingress = name == "ingress"
                var options = [SwarmNetwork.identifierOption: "4099"]
                if name == "sealed" { options[Sealing.option] = "true" }
                network.driverState = Driver(name: "overlay", options: options)
                return NetworkAttachment(network: network, addresses: [try #require(IPNetwork("10.2.0.4/24"))])
            }
            let places = try TaskContainer(task: task, nodeID: "n1").endpoints(gatewayBridgeID: "gw")
            return (places ?? []).map(\.networkName)
        }
        let gateway = LocalNetwork.gatewayBridgeName
        #expect(try networks(["inner", "ingress"]) == ["inner", "ingress", gateway])
        #expect(try networks(["inner"], publishesOnNode: true) == ["inner", gateway])
        #expect(try networks(["sealed", "ingress"]) == ["sealed", "ingress"])
        #expect(try networks(["sealed", "inner", "ingress"]) == ["inner", "sealed", "ingress"])
        #expect(try networks(["sealed"], publishesOnNode: true) == ["sealed"])
        #expect(try networks(["sealed", "open", "ingress"]) == ["open", "sealed", "ingress", gateway])
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

    @Test func `a task's link has the name and the parameters that its service asks for, as a container's has`() throws
    {
        let options = [
            "com.docker.network.endpoint.ifname": "lan0",
            "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1",
        ]
        var task = SwarmTask(id: "t1")
        task.nodeID = "n1"
        task.spec.containerSpec = ContainerSpec()
        var (app, lan) = (SwarmNetwork(id: "app"), SwarmNetwork(id: "lan"))
        (app.spec.name, lan.spec.name) = ("app", "lan")
        app.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4099"])
        lan.spec.scope = "swarm"
        lan.driverState = Driver(name: "macvlan")
        task.networksAttachments = [
            NetworkAttachment(network: app, addresses: [try #require(IPNetwork("10.2.0.4/24"))]),
            NetworkAttachment(network: lan, addresses: []),
        ]
        for place in 0..<2 { task.networksAttachments?[place].driverOpts = options }
        let endpoints = try #require(try TaskContainer(task: task, nodeID: "n1").endpoints(gatewayBridgeID: "gw"))
        #expect(endpoints.map(\.networkName) == ["app", "lan", LocalNetwork.gatewayBridgeName])
        for endpoint in endpoints.prefix(2) {
            #expect(endpoint.requested?.driverOpts == options)
            let read = try EndpointOptions(endpoint.requested)
            #expect(read.interfaceName == "lan0")
            #expect(read.writes(for: "lan0").map(\.path) == ["net/ipv4/conf/lan0/log_martians"])
        }
        #expect(try EndpointOptions(endpoints[2].requested).interfaceName == nil)

        // On the node's own bridge the container asks for it by itself.
        var place = NetworkAttachmentConfig()
        (place.target, place.driverOpts) = ("bridge", options)
        task.networksAttachments = nil
        task.spec.networks = [place]
        let request = try TaskContainer(task: task, nodeID: "n1").request()
        #expect(request.hostConfig.networkMode == "bridge")
        #expect(request.networkingConfig?.endpointsConfig?["bridge"]??.driverOpts == options)
        place.driverOpts = nil
        task.spec.networks = [place]
        #expect(try TaskContainer(task: task, nodeID: "n1").request().networkingConfig == nil)
    }
}
