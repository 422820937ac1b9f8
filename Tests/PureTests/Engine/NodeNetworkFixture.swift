import Addressing
import Model
import Testing

@testable import Engine

/// A node, n1, whose only container is of a published service with a task on another node, n2.
enum NodeNetworkFixture {
    private static func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    private static let gateway = IPAddress(172, 18, 0, 1)

    static func gatewayBridge() throws -> LocalNetwork {
        var bridge = LocalNetwork(id: "gw", name: LocalNetwork.gatewayBridgeName, driver: "bridge", created: .now)
        bridge.options = ["com.docker.network.bridge.name": LocalNetwork.gatewayBridgeName]
        bridge.ranges = [AddressRange(subnet: try network("172.18.0.0/16"))]
        bridge.gateways = HostAddresses(gateway)
        return bridge
    }

    static func taskContainer() throws -> ContainerRecord {
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

    static func swarmState() throws -> SwarmNetworkState {
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
}
