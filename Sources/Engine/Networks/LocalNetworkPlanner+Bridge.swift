import Addressing
import EngineInterface
import Model

extension LocalNetworkPlanner {
    /// Docker's own bridge as it is to be: what it has of IPv4, its id and its options stay what they are, IPv6 comes and goes.
    ///
    /// - Parameters:
    ///   - present: What is on record; `nil` where there is none yet.
    ///   - newID: For one that is new.
    /// - Throws: ``PoolError`` for a subnet of IPv6 that cannot be.
    func defaultBridge(
        like present: LocalNetwork?, _ six: DefaultBridgeIPv6, newID: String, at now: Timestamp
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

    private static let defaultBridgeOptions = [
        "com.docker.network.bridge.default_bridge": "true", "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0", "com.docker.network.bridge.name": "docker0",
        "com.docker.network.driver.mtu": "1500",
    ]
}
