/// What a network has at the moment, as inspect shows it. Source: Engine API 1.52, `NetworkStatus`; earlier clients pass over it.
package struct NetworkStatus: Codable, Sendable, Equatable {
    @Zero package var ipam: Addresses

    package init(_ subnets: [String: Subnet]) {
        ipam = Addresses()
        ipam.subnets = subnets
    }

    /// Of the network's addresses.
    package struct Addresses: Codable, Sendable, Equatable {
        /// By CIDR text.
        @Zero package var subnets: [String: Subnet]
        package init() {}
    }

    /// Addresses of one subnet.
    package struct Subnet: Codable, Sendable, Equatable {
        /// Those that are not to be had: in use, or kept back.
        @Zero package var iPsInUse: UInt64
        /// Those that can be given to whoever comes.
        @Zero package var dynamicIPsAvailable: UInt64
        /// Apus' own: how many of the available ones somebody had a moment ago; absent where nothing rests.
        package var iPsResting: UInt64?

        package init(inUse: UInt64, available: UInt64, resting: UInt64? = nil) {
            iPsInUse = inUse
            dynamicIPsAvailable = available
            iPsResting = resting
        }
    }
}

/// How many addresses of a network's subnet there are in each state, for metrics.
package struct SubnetCount: Sendable, Equatable {
    /// The network's name.
    package var network: String
    /// The network's id.
    package var networkID: String
    /// In CIDR form.
    package var subnet: String
    /// Held by tasks, services and nodes.
    package var used: Int
    /// Of those that can be had; ``resting`` ones among them.
    package var free: Int
    /// Given up within the last minute.
    package var resting: Int

    package init(network: String, networkID: String, subnet: String, used: Int, free: Int, resting: Int) {
        self.free = free
        self.network = network
        self.networkID = networkID
        self.resting = resting
        self.subnet = subnet
        self.used = used
    }
}
