import Addressing
import LinuxSystem
import Netlink

/// The underlay: a bridge in a namespace of its own, and one cable from it to each member.
enum LabNetwork {
    /// The underlay's own namespace.
    static let underlay = "underlay"
    private static let bridge = "underlay"
    /// The name of every member's only interface.
    static let interface = "eth0"

    struct Member: Sendable {
        let name: String
        let address: IPAddress
    }

    /// Builds the underlay and connects the members; their default routes lead to the internet host.
    static func create(_ paths: LabPaths, _ members: [Member]) async throws {
        let namespace = try await NetworkNamespace.create(at: paths.network(underlay).path)
        try await namespace.run {
            let socket = try RouteSocket()
            try socket.perform([SetLink("lo", isUp: true), CreateBridge(name: bridge, isUp: true)])
        }
        for member in members { try await connect(member, paths, to: namespace) }
    }

    private static func connect(_ member: Member, _ paths: LabPaths, to underlay: NetworkNamespace) async throws {
        let own = try await NetworkNamespace.create(at: paths.network(member.name).path)
        try await underlay.run {
            try RouteSocket().perform(
                CreateVeth(
                    name: member.name, master: .name(bridge), isUp: true,
                    peer: VethPeer(name: interface, namespace: own)))
        }
        let address = IPNetwork(address: member.address, prefixLength: LabUnderlay.subnet.prefixLength)
        try await own.run {
            var requests: [any NetlinkRequest] = [
                SetLink("lo", isUp: true),
                SetLink(.name(interface), isUp: true),
                AddAddress(LinkAddress(link: .name(interface), network: address, broadcast: address.last)),
            ]
            if member.address != LabUnderlay.internet {
                requests.append(AddRoute(Route(gateway: LabUnderlay.internet, link: .name(interface))))
            }
            try RouteSocket().perform(requests)
        }
    }

    /// Pulls a member's cable, or puts it in again.
    static func setConnected(_ isConnected: Bool, _ member: String, _ paths: LabPaths) async throws {
        try await paths.network(underlay).run {
            try RouteSocket().perform(SetLink(.name(member), isUp: isConnected))
        }
    }

    /// The members whose cable is pulled.
    static func disconnected(_ paths: LabPaths) async throws -> Set<String> {
        try await paths.network(underlay).run {
            let links = try RouteSocket().links()
            return Set(links.filter { $0.kind == "veth" && !$0.isUp }.map(\.name))
        }
    }
}
