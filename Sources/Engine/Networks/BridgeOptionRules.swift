import EngineInterface
import Model

/// Options of bridges whose values are looked at when a network is made. Pure.
enum BridgeOptionRules {
    /// Ports of the node lead to containers, and what leaves them has the node's address.
    private static let usualGatewayMode = "nat"
    private static let gatewayModeOption = "com.docker.network.bridge.gateway_mode_ipv4"
    /// A link's name has 15 bytes, of which some are its number.
    private static let longestPrefix = 12

    /// - Throws: ``NetworkOptionError`` for a value that the engine does not act upon.
    static func check(_ options: [String: String]) throws(NetworkOptionError) {
        if let mode = options[gatewayModeOption], !mode.isEmpty, mode != usualGatewayMode {
            throw .unsupported("\(gatewayModeOption)=\(mode)")
        }
        guard let prefix = options[LocalNetwork.interfacePrefixOption] else { return }
        guard (1...longestPrefix).contains(prefix.utf8.count), EndpointOptions.isLinkName(prefix) else {
            throw .unsupported("\(LocalNetwork.interfacePrefixOption)=\(prefix)")
        }
    }
}

extension LocalNetwork {
    static let interfacePrefixOption = "com.docker.network.container_iface_prefix"

    /// What a container's links in the network are called, with a number behind it.
    var interfacePrefix: String { options[Self.interfacePrefixOption] ?? "eth" }
}
