import Addressing
import LinuxSystem
import NameService
import Netlink

/// What the node's own network uses of the address space: chosen subnets keep clear of it.
struct RoutedSubnets: Sendable, Equatable {
    /// What the host routes, its own addresses among it; bounded, see ``HostSubnets``.
    var subnets: [IPNetwork] = []
    /// The name servers that it asks.
    var resolvers: [IPAddress] = []

    /// More than resolv.conf(5) may name.
    private static let mostResolvers = 16
    /// Where systemd-resolved says whom it asks itself (systemd-resolved.service(8)).
    private static let resolvedFile = "/run/systemd/resolve/resolv.conf"

    /// All of it, for what is to be chosen on this node.
    var all: [IPNetwork] { subnets + resolvers.map { IPNetwork($0) } }

    /// Subnets and name servers of the node as they are now, which a chosen subnet must not hide.
    /// - Parameter namespace: Whose network is the node's; `nil` is this process' own.
    static func read(in namespace: NetworkNamespace? = nil) async throws -> [IPNetwork] {
        try await look(in: namespace).all
    }

    /// The same, told apart.
    /// - Parameter resolvConf: The host's resolv.conf(5).
    static func look(
        in namespace: NetworkNamespace? = nil, resolvConf: String = "/etc/resolv.conf"
    ) async throws -> RoutedSubnets {
        let socket = try await RouteSocket.open(in: namespace)
        return try await onThread {
            var found = HostSubnets()
            // Nothing is kept of the rows themselves: there may be a million of them.
            _ = try socket.routes(addedBy: 0) { route in
                found.add(route)
                return false
            }
            _ = try socket.addresses { address in
                found.add(address)
                return false
            }
            return RoutedSubnets(subnets: found.subnets, resolvers: try resolvers(resolvConf))
        }
    }

    private static func resolvers(_ resolvConf: String) throws -> [IPAddress] {
        var servers = Upstreams(resolvConf: try Files.text(resolvConf) ?? "").servers.map(\.address)
        if servers.contains(where: \.isLoopback) {
            servers += Upstreams(resolvConf: try Files.text(resolvedFile) ?? "").servers.map(\.address)
        }
        return Array(Set(servers.filter { !$0.isLoopback })).sorted().prefix(mostResolvers).map(\.self)
    }
}
