package import Addressing

/// Where a node serves its metrics over TCP, as it tells managers: `10.0.0.1:9323`, `[fd00::1]:9323`. The unspecified address stands for every
/// address of the node.
package struct NodeMetricsAddress: Sendable, Equatable, TextCodable {
    package static let textName = "address of metrics"

    package let host: IPAddress
    package let port: Int

    /// - Parameter host: Without brackets.
    /// - Returns: `nil` for a name, and for what no host serves at.
    package init?(host: String, port: Int) {
        guard let address = IPAddress(host), (1...65_535).contains(port),
            address.isOfAHost || address.isUnspecified || address.isLoopback
        else { return nil }
        self.host = address
        self.port = port
    }

    /// - Returns: `nil` for what ``description`` does not give.
    package init?(_ text: some StringProtocol) {
        let text = String(text)
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.init(host: host, port: port)
        guard description == text else { return nil }
    }

    package var description: String { host.family == .v6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Where others reach it.
    /// - Parameter node: The node's address as managers know it.
    /// - Returns: `nil` for one that serves on loopback alone, or of which no address is known.
    package func reached(at node: IPAddress?) -> String? {
        if host.isLoopback { return nil }
        guard host.isUnspecified else { return description }
        guard let node, node.isOfAHost else { return nil }
        return HostText.join(node, port)
    }
}
