/// The body of `POST /networks/create`.
package struct NetworkRequest: Codable, Sendable, Equatable {
    @Zero package var name: String
    @Zero package var checkDuplicate: Bool
    @Zero package var driver: String
    @Zero package var scope: String
    package var enableIPv4: Bool?
    package var enableIPv6: Bool?
    @Zero package var `internal`: Bool
    @Zero package var attachable: Bool
    @Zero package var ingress: Bool
    @Zero package var configOnly: Bool
    package var configFrom: ConfigurationSource?
    package var ipam: AddressManagement?
    /// The driver's options by their names, `com.docker.network.…` and `apus.…`.
    package var options: [String: String]?
    package var labels: [String: String]?

    package init() {}

    /// A network whose settings are taken: one that was made with `configOnly`.
    package struct ConfigurationSource: Codable, Sendable, Equatable {
        @Zero package var network: String
        package init() {}
        package init(network: String) { self.network = network }
    }
}

/// How a network's addresses are managed: the `IPAM` of a local network.
package struct AddressManagement: Codable, Sendable, Equatable {
    @Zero package var driver: String
    /// The address driver's; the default one has none.
    @Nullable package var options: [String: String]?
    @Nullable package var config: [AddressPool]?

    package init() {}
    package init(driver: String, config: [AddressPool]) {
        self.driver = driver
        self.config = config
    }
}

/// One subnet of a network. Texts are CIDR (`subnet`, `ipRange`) or addresses.
package struct AddressPool: Codable, Sendable, Equatable {
    package var subnet: String?
    package var ipRange: String?
    package var gateway: String?
    /// Names, which mean nothing to the engine, and addresses that are given to nobody.
    package var auxiliaryAddresses: [String: String]?

    package init(subnet: String? = nil, ipRange: String? = nil, gateway: String? = nil) {
        self.subnet = subnet
        self.ipRange = ipRange
        self.gateway = gateway
    }

}

/// How a container takes part in a network: `EndpointSettings` of create and connect requests and of inspect answers.
package struct EndpointSettings: Codable, Sendable, Equatable {
    @Nullable package var ipamConfig: AddressRequest?
    @Nullable package var links: [String]?
    @Nullable package var aliases: [String]?
    /// Options of this endpoint by their names, as in `com.docker.network.endpoint.ifname`.
    @Nullable package var driverOpts: [String: String]?
    /// The endpoint with the highest is the way out; 0 unless given.
    @Zero package var gwPriority: Int
    @Zero package var networkID: String
    @Zero package var endpointID: String
    @Zero package var gateway: String
    @Zero package var ipAddress: String
    @Zero package var macAddress: String
    /// Bits of the subnet's prefix; 0 without an address.
    @Zero package var ipPrefixLen: Int
    @Zero package var iPv6Gateway: String
    @Zero package var globalIPv6Address: String
    /// The same of IPv6.
    @Zero package var globalIPv6PrefixLen: Int
    @Nullable package var dnsNames: [String]?

    package init() {}

    /// Addresses that the user asks for.
    package struct AddressRequest: Codable, Sendable, Equatable {
        package var iPv4Address: String?
        package var iPv6Address: String?
        package var linkLocalIPs: [String]?
        package init() {}
    }
}

/// The `NetworkingConfig` of a create request: network name or id → how to join it.
package struct NetworkingConfiguration: Codable, Sendable, Equatable {
    /// By network name or id; `null` joins with what is usual.
    package var endpointsConfig: [String: EndpointSettings?]?

    package init() {}
}

/// A network as list and inspect answer it.
package struct NetworkResource: Codable, Sendable, Equatable {
    @Zero package var name: String
    @Zero package var identifier: String
    @Zero package var created: Timestamp
    @Zero package var scope: String
    @Zero package var driver: String
    @Zero package var enableIPv4: Bool
    @Zero package var enableIPv6: Bool
    @Zero package var ipam: AddressManagement
    @Zero package var `internal`: Bool
    @Zero package var attachable: Bool
    @Zero package var ingress: Bool
    @Zero package var configFrom: NetworkRequest.ConfigurationSource
    @Zero package var configOnly: Bool
    /// Container id, or `ep-<id>`/`lb-<name>`/`ingress-sbox` for endpoints without one. `nil` where the network is not in use here.
    @Nullable package var containers: [String: NetworkContainer]?
    /// The driver's options by their names.
    @Nullable package var options: [String: String]?
    @Nullable package var labels: [String: String]?
    package var peers: [NetworkPeer]?
    /// In answers to inspect alone, and of the swarm's networks on managers alone.
    package var status: NetworkStatus?
    /// With `verbose`: service name → its tasks.
    package var services: [String: NetworkService]?

    package init() {}
}

/// An endpoint in a network as inspect shows it.
package struct NetworkContainer: Codable, Sendable, Equatable {
    @Zero package var name: String
    @Zero package var endpointID: String
    @Zero package var macAddress: String
    @Zero package var iPv4Address: String
    @Zero package var iPv6Address: String
    package init() {}
}

/// A node that takes part in an overlay.
package struct NetworkPeer: Codable, Sendable, Equatable {
    @Zero package var name: String
    package var ip: String
    package init(name: String, ip: String) {
        self.ip = ip
        self.name = name
    }
}

/// A service in a network, as `network inspect --verbose` shows it.
package struct NetworkService: Codable, Sendable, Equatable {
    package var vip: String
    @Zero package var ports: [String]
    /// A number of Docker's own load balancer; 0 here.
    @Zero package var localLBIndex: Int
    package var tasks: [NetworkServiceTask]

    package init(vip: String, tasks: [NetworkServiceTask]) {
        self.vip = vip
        self.tasks = tasks
    }
}

/// A running task of a service in `docker network inspect --verbose`.
package struct NetworkServiceTask: Codable, Sendable, Equatable {
    @Zero package var name: String
    @Zero package var endpointID: String
    @Zero package var endpointIP: String
    /// `Host IP`: the node's address.
    package var info: [String: String]?
    package init() {}
}
