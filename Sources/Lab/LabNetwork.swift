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
        let addresses: LabAddresses
        /// Other nodes are no neighbours of its by IPv4 where they know each other by IPv6.
        var isNode = false
    }

    /// Builds the underlay and connects the members; their default routes lead to the internet host.
    static func create(_ paths: LabPaths, _ underlay: LabUnderlay, _ members: [Member]) async throws {
        let namespace = try await NetworkNamespace.create(at: paths.network(Self.underlay).path)
        try await namespace.run {
            let socket = try RouteSocket()
            try socket.perform([SetLink("lo", isUp: true), CreateBridge(name: bridge, isUp: true)])
        }
        for member in members { try await connect(member, paths, underlay, to: namespace) }
    }

    private static func connect(
        _ member: Member, _ paths: LabPaths, _ underlay: LabUnderlay, to namespace: NetworkNamespace
    ) async throws {
        let own = try await NetworkNamespace.create(at: paths.network(member.name).path)
        try await namespace.run {
            try RouteSocket().perform(
                CreateVeth(
                    name: member.name, master: .name(bridge), isUp: true,
                    peer: VethPeer(name: interface, namespace: own)))
        }
        var requests: [any NetlinkRequest] = [SetLink("lo", isUp: true), SetLink(.name(interface), isUp: true)]
        for subnet in underlay.subnets { requests += settings(of: member, on: underlay, subnet) }
        let settings = requests
        try await own.run { try RouteSocket().perform(settings) }
    }

    /// What gives a member its place in one subnet: its address, and routes.
    private static func settings(
        of member: Member, on underlay: LabUnderlay, _ subnet: IPNetwork
    ) -> [any NetlinkRequest] {
        let link = LinkID.name(interface)
        func own(_ addresses: LabAddresses) -> IPAddress? { addresses.all.first { $0.family == subnet.family } }
        guard let address = own(member.addresses), let internet = own(underlay.internet) else { return [] }
        let isApart = member.isNode && underlay.families == .ipv6Inside && subnet.family == .v4
        let network = IPNetwork(
            address: address, prefixLength: isApart ? subnet.family.width : subnet.prefixLength)
        var requests: [any NetlinkRequest] = [
            AddAddress(
                LinkAddress(
                    link: link, network: network, broadcast: subnet.family == .v4 && !isApart ? network.last : nil))
        ]
        if isApart {
            requests += [internet, own(underlay.client)].compactMap(\.self).map {
                AddRoute(Route(destination: IPNetwork($0), link: link))
            }
        }
        if address != internet {
            requests.append(AddRoute(Route(destination: .everywhere(subnet.family), gateway: internet, link: link)))
        }
        return requests
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
