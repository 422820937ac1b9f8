import Addressing
import EngineInterface
import Model

extension LocalNetworkPlanner {
    /// Docker's own bridge as it is to be: what it has of IPv4, its id and its options stay what they are, IPv6 comes and goes.
    ///
    /// - Parameters:
    ///   - present: What is on record; `nil` where there is none yet.
    ///   - address: Of one that is new, with its subnet's prefix length; `nil` for one that is chosen.
    ///   - newID: For one that is new.
    /// - Throws: ``PoolError`` for a subnet that cannot be.
    func defaultBridge(
        like present: LocalNetwork?, _ six: DefaultBridgeIPv6, address: IPNetwork? = nil, newID: String,
        at now: Timestamp
    ) throws -> LocalNetwork {
        let own = present?.ranges.map(\.subnet).first { $0.family == .v6 }
        if let present {
            let stays =
                switch six {
                case .nothing: own == nil
                case .chosen: present.hasChosenSubnet6 == true
                case .subnet(let subnet): own == subnet.masked && present.hasChosenSubnet6 != true
                }
            if stays { return present }
        }
        var request = NetworkRequest()
        request.name = "bridge"
        request.options = present?.options ?? Self.defaultBridgeOptions
        request.labels = present?.labels
        request.enableIPv6 = six != .nothing
        var pools = (present?.ipam.config ?? []).filter { $0.subnet.flatMap { IPNetwork($0) }?.family == .v4 }
        if present == nil, let address { pools.append(Self.pool(address)) }
        if case .subnet(let subnet) = six { pools.append(AddressPool(subnet: subnet.masked.description)) }
        request.ipam = AddressManagement(driver: "default", config: pools)
        let id = present?.id ?? newID
        var planner = self
        planner.uniqueLocal = UniqueLocalPrefix(random: id)
        var bridge = try planner.plan(request, id: id, at: present?.created ?? now)
        guard let present else { return bridge }
        bridge.hasChosenSubnet = present.hasChosenSubnet
        bridge.mac = present.mac
        return bridge
    }

    /// A bridge with another address of IPv4, and the subnet that goes with it; all else of it stays, its MAC among it.
    func move(_ present: LocalNetwork, to address: IPNetwork) throws(PoolError) -> LocalNetwork {
        let pool = Self.pool(address)
        guard let parsed = try AddressPoolRules.parse([pool], avoiding: taken).first else { return present }
        let others = (present.gateways?.all ?? []).filter { $0.family != .v4 }
        var bridge = present
        bridge.mac = present.bridgeMAC
        bridge.hasChosenSubnet = false
        bridge.ranges = [parsed.range] + present.ranges.filter { $0.subnet.family != .v4 }
        bridge.gateways = HostAddresses([parsed.gateway] + others)
        bridge.ipam.config =
            [pool] + (present.ipam.config ?? []).filter { $0.subnet.flatMap { IPNetwork($0) }?.family != .v4 }
        return bridge
    }

    private static func pool(_ address: IPNetwork) -> AddressPool {
        AddressPool(subnet: address.masked.description, gateway: address.address.description)
    }

    private static let defaultBridgeOptions = [
        "com.docker.network.bridge.default_bridge": "true", "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0", "com.docker.network.bridge.name": "docker0",
        "com.docker.network.driver.mtu": "1500",
    ]
}
