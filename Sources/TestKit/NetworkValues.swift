package import Addressing
package import DataPlane
package import Model

// Short forms of the data plane's values for tests, which know IPv4 alone: one address each, and MACs and tags as they follow from it.

extension MACAddress {
    /// The one that an endpoint with this address has unless it was given another.
    package init(for address: IPAddress) { self.init(defaultFor: HostAddresses(address)) }
}

extension Sandbox.Endpoint {
    package init(
        id: String, network: Sandbox.NetworkReference, interfaceName: String, address: IPNetwork,
        mac: MACAddress? = nil,
        gateway: IPAddress? = nil, isLax: Bool = false
    ) {
        self.init(
            id: id, network: network, interfaceName: interfaceName, addresses: EndpointAddresses(address),
            mac: mac ?? MACAddress(for: address.address),
            gateways: gateway.map { HostAddresses($0) } ?? HostAddresses(),
            isLax: isLax)
    }

    package var gateway: IPAddress? {
        get { gateways.primary }
        set { gateways = newValue.map { HostAddresses($0) } ?? HostAddresses() }
    }
}

extension BridgeNetwork {
    package init(
        id: String, linkName: String, gateway: IPNetwork, mtu: Int = 1500, isInternal: Bool = false,
        allowsInterContainer: Bool = true, masquerades: Bool = true
    ) {
        self.init(
            id: id, linkName: linkName, addresses: EndpointAddresses(gateway), mac: MACAddress(for: gateway.address),
            mtu: mtu, isInternal: isInternal, allowsInterContainer: allowsInterContainer, masquerades: masquerades)
    }

    /// Gives the bridge another address, and the MAC that goes with it.
    package mutating func setGateway(_ gateway: IPNetwork) {
        addresses = EndpointAddresses(gateway)
        mac = MACAddress(for: gateway.address)
    }
}

extension RemoteEndpoint {
    package init(address: IPAddress, vtep: IPAddress) {
        self.init(addresses: HostAddresses(address), mac: MACAddress(for: address), vtep: vtep)
    }
}

extension IngressSandbox {
    package init(
        address: IPNetwork, overlayID: String, bridgeID: String, gatewayAddresses: IPNetwork, ports: [MeshPort] = []
    ) {
        self.init(
            addresses: EndpointAddresses(address), tag: EndpointTag(defaultFor: HostAddresses(address.address)),
            overlayID: overlayID, bridgeID: bridgeID, gatewayAddresses: EndpointAddresses(gatewayAddresses),
            gatewayMAC: MACAddress(for: gatewayAddresses.address),
            ports: ports)
    }
}

extension MeshMembership {
    /// In an ingress network whose subnet is 16 bits long.
    package init(endpointID: String, gateway: IPAddress, targetPorts: [TargetPort]) {
        let subnet = IPNetwork(address: gateway, prefixLength: 16)
        self.init(
            endpointID: endpointID, gateways: HostAddresses(gateway), gatewayMAC: MACAddress(for: gateway),
            tags: EndpointTagBlock(defaultFor: subnet.v4), targetPorts: targetPorts)
    }
}

extension HostPort {
    package init(
        transport: TransportProtocol, hostAddress: IPAddress? = nil, hostPort: UInt16, targetAddress: IPAddress,
        targetPort: UInt16
    ) {
        self.init(
            PublishedPort(
                transport: transport, hostAddress: hostAddress, hostPort: hostPort, containerPort: targetPort),
            to: targetAddress)
    }
}
