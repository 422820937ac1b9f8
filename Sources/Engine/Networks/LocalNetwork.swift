import Addressing
import EngineInterface
import Faults
import Model

/// A network of this node alone: bridges, what hangs on a link of the node, and the two that are none.
struct LocalNetwork: VersionedRecord, Identifiable, Equatable {
    static let recordKind = "local-network"
    static let recordVersion = 1

    let id: String
    var name: String
    /// `bridge`, `macvlan`, `ipvlan`, `host` or `null`.
    var driver: String
    var created: Timestamp
    var isInternal = false
    var isAttachable = false
    var options: [String: String] = [:]
    var labels: [String: String] = [:]
    /// Where addresses come from; empty for `host` and `null`.
    var ranges: [AddressRange] = []
    /// The bridge's own addresses.
    var gateways: HostAddresses?
    /// The bridge's MAC; `nil` in records of before it was given with the addresses, see ``bridgeMAC``.
    var mac: MACAddress?
    /// Whether the subnet is the engine's choice: then users may not ask for addresses of it.
    var hasChosenSubnet: Bool?
    /// The same of IPv6's subnet; `nil` where there is none.
    var hasChosenSubnet6: Bool?
    /// Whether its containers get no IPv4 addresses; `nil`: they do.
    var lacksIPv4: Bool?
    /// As the user gave it or as it was chosen: what inspect shows.
    var ipam = AddressManagement(driver: "default", config: [])
    /// Of the drivers `macvlan` and `ipvlan` alone.
    var parent: ParentLink?
    /// Made to be taken by others: there is nothing of it but its settings.
    var isConfiguration: Bool?
    /// Whether networks that take its settings have IPv6, where it is a configuration.
    var configuresIPv6: Bool?
    /// Whose settings it has, by name.
    var configFrom: String?
    /// This node's part of a network of the swarm, under the same id: it is made when something joins it, and goes with the swarm's.
    var isOfSwarm: Bool?
    /// `docker_gwbridge` of a user's making: it stays when the node leaves its swarm.
    var isMadeByHand: Bool?

    private enum CodingKeys: String, CodingKey {
        case id, name, driver, created, isInternal, isAttachable, options, labels, ranges, mac, hasChosenSubnet, ipam
        case hasChosenSubnet6, lacksIPv4, parent, isConfiguration, configuresIPv6, configFrom, isMadeByHand, isOfSwarm
        case gateways = "gateway"
    }

    /// The network that is none: who is on it is on no other.
    static let noneName = "none"
    /// The node's own network, which containers are in without a sandbox.
    static let hostName = "host"

    /// Docker's own, which cannot be removed by hand.
    var isPredefined: Bool { ["bridge", "host", "none"].contains(name) }
    /// Names that nobody may give to a network: Docker's own, and what stands for the default one.
    static let reservedNames: Set<String> = ["bridge", "default", "host", "none"]
    var isGatewayBridge: Bool { name == LocalNetwork.gatewayBridgeName }
    static let gatewayBridgeName = "docker_gwbridge"

    static let bridgeNameOption = "com.docker.network.bridge.name"
    /// The bridge's link name.
    var bridgeName: String {
        let asked = isMisnamed ? "" : options[Self.bridgeNameOption] ?? ""
        return asked.isEmpty ? "br-\(id.prefix(12))" : asked
    }
    /// Whether its bridge was given a name that rules would take for something else, as could be asked for before names were looked at. Rules are
    /// made for all networks together, so that one would stop the others: it has the name of one that names none.
    var isMisnamed: Bool {
        options[Self.bridgeNameOption].map { !$0.isEmpty && !LinkOptions.isLinkName($0) } ?? false
    }
    var mtu: Int { SwarmNetwork.mtu(options) ?? 1500 }
    var allowsTrafficBetweenContainers: Bool {
        flag("com.docker.network.bridge.enable_icc", default: !isGatewayBridge)
    }
    /// Internal, and made with ``Sealing``.
    var isSealed: Bool { isInternal && Sealing.isOn(options) }
    var masquerades: Bool { flag("com.docker.network.bridge.enable_ip_masquerade", default: true) }
    /// Where ports are published that name no address; `nil` for everywhere.
    var defaultBinding: IPAddress? {
        options["com.docker.network.bridge.host_binding_ipv4"].flatMap { IPAddress(ipv4: $0) }.flatMap {
            $0.isUnspecified ? nil : $0
        }
    }
    var gateway: IPAddress? { gateways?.primary }
    /// The bridge's own addresses with their subnets' prefix lengths; of a subnet without a gateway its first, which is nobody's. `nil` for a network
    /// without a bridge. Which of them the bridge really has ``unaddressedFamilies`` says.
    var bridgeAddresses: EndpointAddresses? {
        let found = ranges.map { range in
            let own = gateways?.all.first { range.subnet.contains($0) }
            return IPNetwork(address: own ?? range.subnet.first, prefixLength: range.subnet.prefixLength)
        }
        return found.isEmpty ? nil : EndpointAddresses(found)
    }
    /// Of the ingress sandbox, on `docker_gwbridge` of every node: the second address of each subnet, or the first where the bridge has that.
    var ingressAddresses: [IPNetwork] {
        ranges.map { range in
            let (first, second) = (range.subnet.first.advanced(by: 1), range.subnet.first.advanced(by: 2))
            return IPNetwork(
                address: gateways?.contains(second) == true ? first : second,
                prefixLength: range.subnet.prefixLength)
        }
    }
    var bridgeMAC: MACAddress { mac ?? MACAddress(defaultFor: gateways ?? HostAddresses()) }

    private func flag(_ option: String, default value: Bool) -> Bool {
        options[option].map { ["1", "t", "true"].contains($0.lowercased()) } ?? value
    }
}

/// Checks a request for a local network and turns it into one.
struct LocalNetworkPlanner {
    /// Subnets that a new network must not overlap: those of other local networks and of the swarm.
    var taken: [IPNetwork]
    /// Subnets that a chosen one must avoid besides: the host's routes, and what is kept out.
    var routed: [IPNetwork]
    /// What IPv6 subnets are cut from that nobody names where `chooser` has none of that family, see ``UniqueLocalPrefix``.
    var uniqueLocal: UniqueLocalPrefix?
    /// Where subnets come from that nobody names.
    var chooser = SubnetChooser.bridges

    /// Options of the bridge driver that Apus knows. Source: Docker's bridge driver documentation.
    static let knownOptions: Set<String> = [
        LocalNetwork.bridgeNameOption, "com.docker.network.bridge.enable_icc",
        "com.docker.network.bridge.enable_ip_masquerade", "com.docker.network.bridge.host_binding_ipv4",
        "com.docker.network.bridge.default_bridge", "com.docker.network.driver.mtu",
        BridgeOptionRules.gatewayModeOption(.v4), BridgeOptionRules.gatewayModeOption(.v6),
        BridgeOptionRules.inhibitOption, BridgeOptionRules.trustedOption, BridgeOptionRules.sourceOption(.v4),
        BridgeOptionRules.sourceOption(.v6), LocalNetwork.interfacePrefixOption,
        BridgeOptionRules.familyOption(.v4), BridgeOptionRules.familyOption(.v6),
    ]

    /// - Throws: ``NetworkError``, ``PoolError``, ``NetworkOptionError``; ``UnsupportedError`` for what Apus does not do.
    func plan(_ request: NetworkRequest, id: String, at timestamp: Timestamp) throws -> LocalNetwork {
        var request = try BridgeOptionRules.settleFamilies(of: request)
        try checkFeatures(request)
        let (used, unused) = AddressPoolRules.split(request.ipam?.config ?? [], by: request.families)
        request.ipam?.config = used
        var network = LocalNetwork(id: id, name: request.name, driver: "bridge", created: timestamp)
        network.isInternal = request.internal
        network.isAttachable = request.attachable
        network.options = request.options ?? [:]
        network.labels = request.labels ?? [:]
        if let name = network.options[LocalNetwork.bridgeNameOption], name.utf8.count > 15 {
            throw NetworkError.longBridgeName(name)
        }
        var pools = try pools(request, &network)
        let open = network.familiesWithoutGateway
        let parsed = try AddressPoolRules.parse(
            pools, avoiding: taken, families: request.families, withoutGateway: open, mayBeLinks: true)
        network.ranges = parsed.map(\.range)
        // One that is given stays nobody else's; the bridge of an isolated family has it no more than others.
        let gateways = parsed.map(\.gateway).filter { !open.contains($0.family) }
        network.gateways = gateways.isEmpty ? nil : HostAddresses(gateways)
        if network.isGatewayBridge {
            // The node's own way into its containers.
            for subnet in network.ranges.map(\.subnet) where subnet.prefixLength > subnet.family.width - 2 {
                throw PoolError.smallSubnet("\(subnet)")
            }
            if !network.unaddressedFamilies.isEmpty {
                throw UnsupportedError.feature("a \(LocalNetwork.gatewayBridgeName) without an address")
            }
            network.reserveIngress()
        }
        network.mac = network.gateways?.v4 == nil ? MACAddress(random: id) : network.bridgeMAC
        for (index, pool) in parsed.enumerated() where !open.contains(pool.gateway.family) {
            pools[index].gateway = pool.gateway.description
        }
        // What was written is shown again, used or not.
        network.ipam = AddressManagement(driver: "default", config: pools + unused)
        network.ipam.options = request.ipam?.options
        return network
    }

    private func checkFeatures(_ request: NetworkRequest) throws {
        if request.families.isEmpty { throw NetworkError.noFamily }
        if request.configOnly || !(request.configFrom?.network ?? "").isEmpty {
            throw UnsupportedError.features("configuration-only networks")
        }
        if request.ingress { throw NetworkError.ingressNotOverlay }
        if let driver = request.ipam?.driver, !driver.isEmpty, driver != "default" {
            throw NetworkError.unknownDriver(driver)
        }
        try SwarmNetwork.checkMTU(request.options)
        try SpoofCheck.check(request.options)
        try Sealing.check(request.options, isInternal: request.internal)
        try BridgeOptionRules.check(request.options ?? [:], isInternal: request.internal)
        for option in (request.options ?? [:]).keys.sorted() where !Self.knownOptions.contains(option) {
            if option.hasPrefix("com.docker.network.") {
                throw NetworkOptionError.unsupported(option)
            }
        }
    }
}
