import Addressing
import EngineInterface
import Model

/// How a bridge's containers and the outside reach each other in one family. Source: Docker's bridge driver, "Gateway modes".
enum GatewayMode: String {
    /// Ports of the node lead to containers, and what leaves them has the node's address.
    case nat
    /// The same, and what is routed to a container's address from outside the node is not kept from it, whatever its port.
    case unprotected = "nat-unprotected"
    /// No port of the node leads to containers, and what leaves them has their own address. Who has a way to that reaches the ports that are published.
    case routed
    /// The bridge has no address, so that the node and its containers are none of each other's neighbours. Of internal networks alone.
    case isolated
}

/// Options of bridges whose values are looked at when a network is made. Pure.
enum BridgeOptionRules {
    /// A link's name has 15 bytes, of which some are its number.
    private static let longestPrefix = 12
    private static let prefix = "com.docker.network.bridge."
    static let bindingOption = prefix + "host_binding_ipv4"
    static let inhibitOption = prefix + "inhibit_ipv4"
    static let trustedOption = prefix + "trusted_host_interfaces"
    private static let switches =
        [inhibitOption] + ["enable_icc", "enable_ip_masquerade", "default_bridge"].map { prefix + $0 }

    static func gatewayModeOption(_ family: IPFamily) -> String {
        prefix + "gateway_mode_" + (family == .v4 ? "ipv4" : "ipv6")
    }

    /// Names the address that what leaves the network has instead of the node's.
    static func sourceOption(_ family: IPFamily) -> String {
        "com.docker.network.host_" + (family == .v4 ? "ipv4" : "ipv6")
    }

    /// Says whether there is the family, where the request itself does not.
    static func familyOption(_ family: IPFamily) -> String {
        "com.docker.network.enable_" + (family == .v4 ? "ipv4" : "ipv6")
    }

    /// The request with the families that its options ask for. What it says itself counts more, and its options are not looked at then. Source: moby,
    /// `daemon/network.go`.
    /// - Throws: ``NetworkOptionError/notTruth(option:)``.
    static func settleFamilies(of request: NetworkRequest) throws(NetworkOptionError) -> NetworkRequest {
        var request = request
        if request.enableIPv4 == nil { request.enableIPv4 = try asked(.v4, request.options) }
        if request.enableIPv6 == nil { request.enableIPv6 = try asked(.v6, request.options) }
        return request
    }

    private static func asked(
        _ family: IPFamily, _ options: [String: String]?
    ) throws(NetworkOptionError) -> Bool? {
        let option = familyOption(family)
        guard let text = options?[option] else { return nil }
        guard let answer = truth(text) else { throw .notTruth(option: option) }
        return answer
    }

    /// - Throws: ``NetworkOptionError`` for a value that means nothing, or that the engine does not act upon.
    static func check(_ options: [String: String], isInternal: Bool = false) throws(NetworkOptionError) {
        for family in IPFamily.allCases {
            try check(modeOf: family, options, isInternal)
            let option = sourceOption(family)
            guard let text = options[option] else { continue }
            guard let address = IPAddress(text) else {
                throw .unreadable(option: option, value: text, reason: "nil ip")
            }
            if address.family != family || address.isUnspecified { throw .unsupported("\(option)=\(text)") }
        }
        for option in switches.sorted() {
            guard let text = options[option], truth(text) == nil else { continue }
            throw .unreadable(
                option: option, value: text, reason: "strconv.ParseBool: parsing \"\(text)\": invalid syntax")
        }
        if let text = options[bindingOption] {
            guard let address = IPAddress(text) else {
                throw .unreadable(option: bindingOption, value: text, reason: "nil ip")
            }
            if address.family != .v4 { throw .unsupported("\(bindingOption)=\(text)") }
        }
        if let text = options[trustedOption], !links(text).allSatisfy(isTrustable) {
            throw .unsupported("\(trustedOption)=\(text)")
        }
        // Of a longer one Docker has words of its own.
        if let name = options[LocalNetwork.bridgeNameOption], (1...15).contains(name.utf8.count),
            !LinkOptions.isLinkName(name)
        {
            throw .unsupported("\(LocalNetwork.bridgeNameOption)=\(name)")
        }
        guard let prefix = options[LocalNetwork.interfacePrefixOption] else { return }
        guard (1...longestPrefix).contains(prefix.utf8.count), LinkOptions.isLinkName(prefix) else {
            throw .unsupported("\(LocalNetwork.interfacePrefixOption)=\(prefix)")
        }
    }

    private static func check(
        modeOf family: IPFamily, _ options: [String: String], _ isInternal: Bool
    ) throws(NetworkOptionError) {
        let option = gatewayModeOption(family)
        guard let text = options[option] else { return }
        guard let mode = GatewayMode(rawValue: text) else {
            throw .unreadable(option: option, value: text, reason: "unknown gateway mode \(text)")
        }
        if mode == .isolated, !isInternal { throw .isolatedOutside }
    }

    /// As Go's `strconv.ParseBool` reads it; `nil` for what is neither.
    static func truth(_ text: String) -> Bool? { GoFlag.parse(text) }

    static func isTrustable(_ link: String) -> Bool { LinkOptions.isLinkName(link) || link == "lo" }

    /// The links of a list with colons between them.
    static func links(_ text: String) -> [String] { text.split(separator: ":").map(String.init) }
}

extension LocalNetwork {
    static let interfacePrefixOption = "com.docker.network.container_iface_prefix"

    /// What the network was made with; a text of before its values were looked at is the usual mode.
    func gatewayMode(_ family: IPFamily) -> GatewayMode {
        options[BridgeOptionRules.gatewayModeOption(family)].flatMap(GatewayMode.init(rawValue:)) ?? .nat
    }

    func familiesGoing(by mode: GatewayMode) -> Set<IPFamily> {
        Set(families.filter { gatewayMode($0) == mode })
    }

    /// Whether a container's address is reached from outside the node at any port.
    func isUnprotected(_ family: IPFamily) -> Bool { gatewayMode(family) == .unprotected }

    /// Families in which no port of the node leads to containers.
    var routedFamilies: Set<IPFamily> { familiesGoing(by: .routed) }

    /// Families in which the bridge has no address: they are isolated, or somebody else in the network is the gateway (`inhibit_ipv4`).
    var unaddressedFamilies: Set<IPFamily> {
        let isolated = familiesGoing(by: .isolated)
        return inhibitsIPv4 && families.contains(.v4) ? isolated.union([.v4]) : isolated
    }

    /// Families in which no address is kept for a gateway, as none would be used.
    var familiesWithoutGateway: Set<IPFamily> {
        let isolated = Set(IPFamily.allCases.filter { gatewayMode($0) == .isolated })
        return inhibitsIPv4 && isInternal ? isolated.union([.v4]) : isolated
    }

    private var inhibitsIPv4: Bool { options[BridgeOptionRules.inhibitOption].flatMap(BridgeOptionRules.truth) == true }

    /// Links by which the ports that its containers publish are reached at the containers' own addresses.
    /// One that rules would take for something else, on record from before they were looked at, is trusted no more.
    var trustedLinks: Set<String> {
        let named = BridgeOptionRules.links(options[BridgeOptionRules.trustedOption] ?? "")
        return Set(named.filter(BridgeOptionRules.isTrustable))
    }

    /// What leaves the network has one of these instead of the node's address.
    var sources: HostAddresses {
        HostAddresses(
            IPFamily.allCases.compactMap { options[BridgeOptionRules.sourceOption($0)] }.compactMap { IPAddress($0) })
    }

    /// What a container's links in the network are called, with a number behind it.
    var interfacePrefix: String { options[Self.interfacePrefixOption] ?? "eth" }
}
