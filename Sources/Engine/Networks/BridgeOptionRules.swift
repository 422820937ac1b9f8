import Addressing
import EngineInterface
import Model

/// Options of bridges whose values are looked at when a network is made. Pure.
enum BridgeOptionRules {
    /// Ports of the node lead to containers, and what leaves them has the node's address.
    private static let usualGatewayMode = "nat"
    /// The same, and what is routed to a container's address from outside the node is not kept from it, whatever its port.
    static let unprotectedGatewayMode = "nat-unprotected"
    /// A link's name has 15 bytes, of which some are its number.
    private static let longestPrefix = 12

    static func gatewayModeOption(_ family: IPFamily) -> String {
        "com.docker.network.bridge.gateway_mode_" + (family == .v4 ? "ipv4" : "ipv6")
    }

    /// - Throws: ``NetworkOptionError`` for a value that the engine does not act upon.
    static func check(_ options: [String: String]) throws(NetworkOptionError) {
        for option in IPFamily.allCases.map(gatewayModeOption) {
            if let mode = options[option], !["", usualGatewayMode, unprotectedGatewayMode].contains(mode) {
                throw .unsupported("\(option)=\(mode)")
            }
        }
        guard let prefix = options[LocalNetwork.interfacePrefixOption] else { return }
        guard (1...longestPrefix).contains(prefix.utf8.count), EndpointOptions.isLinkName(prefix) else {
            throw .unsupported("\(LocalNetwork.interfacePrefixOption)=\(prefix)")
        }
    }
}

extension LocalNetwork {
    static let interfacePrefixOption = "com.docker.network.container_iface_prefix"

    /// Whether a container's address is reached from outside the node at any port.
    func isUnprotected(_ family: IPFamily) -> Bool {
        options[BridgeOptionRules.gatewayModeOption(family)] == BridgeOptionRules.unprotectedGatewayMode
    }

    /// What a container's links in the network are called, with a number behind it.
    var interfacePrefix: String { options[Self.interfacePrefixOption] ?? "eth" }
}
