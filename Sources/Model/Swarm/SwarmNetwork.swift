package import Addressing

/// A network of the whole swarm. In the API's task objects this form appears; list and inspect show a `NetworkResource`.
package struct SwarmNetwork: Codable, Sendable, Equatable, Identifiable {
    @Zero package var id: String
    @Zero package var version: ObjectVersion
    @Zero package var createdAt: Timestamp
    @Zero package var updatedAt: Timestamp
    @Zero package var spec: SwarmNetworkSpec
    /// What the allocator gave it: the driver and its options, the VNI among them.
    package var driverState: Driver?
    /// The pools in force.
    package var ipamOptions: AllocatedPools?

    package init(id: String) { self.id = id }

    /// The driver option under which the VXLAN network identifier is kept, as decimal text.
    package static let identifierOption = "com.docker.network.driver.overlay.vxlanid_list"

    private static let overlayDriver = "overlay"
    /// As the API names it: `overlay` where nothing is said.
    package var driverName: String { driverState?.name ?? spec.driverConfiguration?.name ?? Self.overlayDriver }
    /// Whether each node makes it by itself of settings that it has under a name (``SwarmNetworkSpec/configFrom``), and chooses addresses in it: the
    /// swarm gives none, neither to tasks nor to services.
    package var isNodeLocal: Bool { driverName != Self.overlayDriver }
    /// Whether there is all of it that nodes need to take part.
    package var isAllocated: Bool { vni != nil || isNodeLocal }

    /// Whether its endpoints get no IPv4 addresses.
    package var isIPv6Alone: Bool {
        !isNodeLocal && spec.iPv6Enabled == true && (ipamOptions?.configs ?? []).allSatisfy { $0.subnet?.family == .v6 }
    }

    /// The VXLAN network identifier; `nil` until allocated.
    package var vni: UInt32? { driverState?.options?[Self.identifierOption].flatMap(UInt32.init) }
}

/// What was asked for when the network was made; networks of a swarm do not change, but that `ingress` of a swarm of before gets IPv6.
package struct SwarmNetworkSpec: Codable, Sendable, Equatable {
    @Zero package var name: String
    @Zero package var labels: [String: String]
    package var driverConfiguration: Driver?
    package var iPv6Enabled: Bool?
    package var `internal`: Bool?
    package var attachable: Bool?
    package var ingress: Bool?
    package var ipamOptions: AllocatedPools?
    /// The settings that each node takes from its own network of this name.
    package var configFrom: NetworkRequest.ConfigurationSource?
    @Zero package var scope: String
    package init() {}
}

/// Subnets of a swarm network.
package struct AllocatedPools: Codable, Sendable, Equatable {
    package var driver: Driver?
    package var configs: [Pool]?
    package init() {}

    /// One subnet.
    package struct Pool: Codable, Sendable, Equatable {
        package var subnet: IPNetwork?
        package var gateway: IPAddress?
        package var range: IPNetwork?
        /// By what they are for.
        package var auxiliaryAddresses: [String: IPAddress]?
        package init(subnet: IPNetwork? = nil, gateway: IPAddress? = nil, range: IPNetwork? = nil) {
            self.gateway = gateway
            self.range = range
            self.subnet = subnet
        }
    }
}
