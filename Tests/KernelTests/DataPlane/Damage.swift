import Addressing
import DataPlane
import LinuxSystem
import Netlink
import Nftables
import TestKit

/// Something that somebody does to our objects, and where.
struct Damage: Sendable {
    let name: String
    let scope: Scope
    let doIt: @Sendable () throws -> Void

    init(_ name: String, _ scope: Scope, _ doIt: @escaping @Sendable () throws -> Void) {
        self.name = name
        self.scope = scope
        self.doIt = doIt
    }

    private static func nft(_ commands: String) -> @Sendable () throws -> Void { { try NftContext().run(commands) } }
    private static func link(_ request: any NetlinkRequest) -> @Sendable () throws -> Void {
        { try RouteSocket().perform(request) }
    }
    private static func parameter(_ name: String, _ value: String) -> @Sendable () throws -> Void {
        { try Sysctl.write(name, value) }
    }

    /// All of them, on nodes as `swarm` of World.swift wants them.
    static let all = links + routes + rows + rules + parameters + guards
    /// Of some of which the kernel tells nobody.
    static let silent = Set(parameters.map(\.name))

    private static let links: [Damage] = [
        Damage("container's pair", .node, link(DeleteLink(.name("aegt21")))),
        Damage("container's interface from inside", .sandbox("t21"), link(DeleteLink("eth2"))),
        Damage("interface set down", .sandbox("t21"), link(SetLink("eth0", isUp: false))),
        Damage("loopback set down", .sandbox("t21"), link(SetLink("lo", isUp: false))),
        Damage("tunnel", .overlay("net"), link(DeleteLink("vx0"))),
        Damage("bridge of an overlay", .overlay("app"), link(DeleteLink("br0"))),
        Damage("bridge of the node", .node, link(DeleteLink("docker_gwbridge"))),
        Damage(
            "bridge that passes its packets to the rules", .node,
            link(SetBridge("docker0", BridgeOptions(callIPTables: true)))),
        Damage(
            "bridge that passes ARP to the rules", .node,
            link(SetBridge("docker_gwbridge", BridgeOptions(callARPTables: true)))),
        Damage(
            "overlay that passes its packets to the rules", .overlay("app"),
            link(SetBridge("br0", BridgeOptions(callIP6Tables: true)))),
        Damage("alias of a bridge", .node, link(SetLink("docker_gwbridge", alias: ""))),
        Damage("MTU of a tunnel", .overlay("app"), link(SetLink("vx0", mtu: 1300))),
        Damage("port taken out of its bridge", .overlay("net"), link(SetLink("pingress", master: SetLink.Master.none))),
        Damage("port open to any MAC", .overlay("net"), link(SetPort("pingress", PortOptions(locked: false)))),
        Damage("tunnel that is not flooded", .overlay("app"), link(SetPort("vx0", PortOptions(unicastFlood: false)))),
    ]

    /// What keeps ports to what is their own.
    private static let guards: [Damage] = [
        Damage("guard of the node", .node, nft("delete table bridge guard")),
        Damage("guard of an overlay", .overlay("app"), nft("delete table bridge guard")),
        Damage("guard switched off", .node, nft("add table bridge guard { flags dormant; }")),
        Damage("rules of the guard", .overlay("net"), nft("flush chain bridge guard other")),
        Damage("rule put into the guard", .node, nft("insert rule bridge guard enter accept")),
        Damage("addresses of an overlay's ports", .overlay("app"), nft("flush set bridge guard own4")),
        Damage(
            "address that a port has not", .node,
            nft("add element bridge guard own4 { \"eth0\" . 02:42:0a:01:00:01 . 10.1.0.1 }")),
        Damage(
            "port that may use others' addresses", .node,
            nft("add element bridge guard lax { \"eth0\" . 02:42:0a:01:00:01 }")),
        Damage("isolated ports", .node, nft("flush set bridge guard isolated")),
        Damage("gates", .node, nft("flush set bridge guard gates")),
        Damage("ports of what the nodes have for each other", .node, nft("flush set ip node control")),
        Damage("where the data path arrives", .node, nft("flush set ip node underlay")),
        Damage("admission of the data path", .node, nft("flush chain ip node raw_in")),
        Damage("group of ports", .node, ports { SetLink(.index($0.index), group: 0) }),
        Damage("group of an overlay's ports", .overlay("app"), ports { SetLink(.index($0.index), group: 0) }),
        Damage("ports that are passed by", .node, ports { SetPort($0.name, PortOptions(groupForwardMask: 0)) }),
        Damage("ports that hear broadcasts", .node, ports { SetPort($0.name, PortOptions(broadcastFlood: true)) }),
        Damage(
            "MAC of a bridge", .node, link(SetLink("docker_gwbridge", mac: MACAddress(for: IPAddress(10, 9, 8, 7))))),
        Damage("containers as neighbours of the node", .node) {
            let socket = try RouteSocket()
            for one in try socket.neighbours() where one.state == .permanent {
                try socket.perform(DeleteNeighbour(one))
            }
        },
        Damage("container that is another's neighbour", .node) {
            let socket = try RouteSocket()
            for var one in try socket.neighbours() where one.state == .permanent {
                one.mac = MACAddress(for: IPAddress(10, 9, 8, 7))
                try socket.perform(SetNeighbour(one))
            }
        },
        Damage("gateway as a container's neighbour", .sandbox("t12")) {
            let socket = try RouteSocket()
            for one in try socket.neighbours() where one.state == .permanent {
                try socket.perform(DeleteNeighbour(one))
            }
        },
    ]

    /// For every container's port of a namespace.
    private static func ports(_ request: @escaping @Sendable (Link) -> any NetlinkRequest)
        -> @Sendable () throws -> Void
    {
        {
            let socket = try RouteSocket()
            for link in try socket.links() where link.group == 77 && link.kind == "veth" {
                try socket.perform(request(link))
            }
        }
    }

    private static let routes: [Damage] = [
        Damage("default route", .sandbox("t21")) {
            let socket = try RouteSocket()
            for route in try socket.routes() where route.destination.prefixLength == 0 {
                try socket.perform(DeleteRoute(route))
            }
        },
        Damage("route to a bridge's subnet", .node) {
            let socket = try RouteSocket()
            for route in try socket.routes() where route.destination.address == IPAddress(172, 18, 0, 0) {
                try socket.perform(DeleteRoute(route))
            }
        },
        Damage("every route of the ingress sandbox", .ingress) {
            let socket = try RouteSocket()
            for route in try socket.routes(addedBy: 0) { try socket.perform(DeleteRoute(route).allowing(.missing)) }
        },
        Damage("mesh rule", .sandbox("t21")) {
            let socket = try RouteSocket()
            for rule in try socket.rules() where rule.priority == 77 { try socket.perform(DeleteRule(rule)) }
        },
        Damage("every rule of the ingress sandbox", .ingress) {
            let socket = try RouteSocket()
            for rule in try socket.rules() { try socket.perform(DeleteRule(rule)) }
        },
        Damage("gateway address", .node) {
            let socket = try RouteSocket()
            for address in try socket.addresses() where address.network.address == IPAddress(172, 18, 0, 1) {
                try socket.perform(DeleteAddress(address))
            }
        },
        Damage("every address of a container", .sandbox("t21")) {
            let socket = try RouteSocket()
            for address in try socket.addresses() { try socket.perform(DeleteAddress(address)) }
        },
    ]

    private static let rows: [Damage] = [
        Damage("forwarding entries of a tunnel", .overlay("app")) {
            let socket = try RouteSocket()
            for entry in try socket.forwardingEntries() where entry.owner == .device && entry.remote != nil {
                try socket.perform(DeleteForwardingEntry(entry))
            }
        },
        Damage("forwarding entries of a bridge", .overlay("net")) {
            let socket = try RouteSocket()
            for entry in try socket.forwardingEntries() where entry.owner == .master && entry.state == .noARP {
                try socket.perform(DeleteForwardingEntry(entry))
            }
        },
        Damage("what a bridge knows behind the tunnel", .overlay("app")) {
            let socket = try RouteSocket()
            guard let tunnel = try socket.link(named: "vx0")?.index else { return }
            for entry in try socket.forwardingEntries()
            where entry.owner == .master && entry.state == .noARP && entry.link == .index(tunnel) {
                try socket.perform(DeleteForwardingEntry(entry))
            }
        },
        Damage("what is behind the tunnel at a port", .overlay("net")) {
            let socket = try RouteSocket()
            let entries = try socket.forwardingEntries().filter { $0.owner == .master && $0.state == .noARP }
            guard let tunnel = try socket.link(named: "vx0")?.index,
                let port = entries.first(where: { $0.link != .index(tunnel) })?.link
            else { return }
            for var entry in entries where entry.link == .index(tunnel) {
                entry.link = port
                try socket.perform(SetForwardingEntry(entry))
            }
        },
        Damage("forwarding entry that leads elsewhere", .overlay("app")) {
            let socket = try RouteSocket()
            for var entry in try socket.forwardingEntries() where entry.owner == .device && entry.remote != nil {
                entry.remote = IPAddress(192, 0, 2, 1)
                try socket.perform(SetForwardingEntry(entry))
            }
        },
        Damage("foreign forwarding entry", .overlay("app")) {
            let unknown = MACAddress(for: IPAddress(10, 1, 0, 250))
            try RouteSocket().perform(
                SetForwardingEntry(
                    ForwardingEntry(
                        link: .name("vx0"), mac: unknown, owner: .device, remote: IPAddress(192, 0, 2, 1))))
        },
        Damage("neighbours of a tunnel", .overlay("net")) {
            let socket = try RouteSocket()
            for one in try socket.neighbours() where one.state == .permanent {
                try socket.perform(DeleteNeighbour(one))
            }
        },
        Damage("foreign neighbour", .overlay("app")) {
            let address = IPAddress(10, 1, 0, 250)
            try RouteSocket().perform(
                SetNeighbour(Neighbour(link: "vx0", address: address, mac: MACAddress(for: address), protocol: 0)))
        },
        Damage("mesh gateway's neighbour", .sandbox("t21")) {
            let socket = try RouteSocket()
            for one in try socket.neighbours() where one.state == .permanent {
                try socket.perform(DeleteNeighbour(one))
            }
        },
    ]

    private static let rules: [Damage] = [
        Damage("mesh device table", .sandbox("t21"), nft("delete table netdev mesh")),
        Damage("service table", .sandbox("t12"), nft("delete table ip lb")),
        Damage("one backend", .sandbox("t12"), nft("delete element ip lb vip { 10.1.0.100 }")),
        Damage("chain of an address", .sandbox("t12"), nft("flush chain ip lb n1")),
        Damage("chain of the mesh", .ingress, nft("flush chain ip ingress n1")),
        Damage("rule of a container", .sandbox("t21"), nft("flush chain ip mesh set_mark")),
        Damage("element of the node", .node, nft("delete element ip node published { tcp . 8080 }")),
        Damage("foreign element", .node, nft("add element ip node published { tcp . 22 : drop }")),
        Damage("rule of the node", .node, nft("flush chain ip node publish")),
        Damage("turns of the mesh", .node, nft("flush map ip node turns")),
        Damage("choice of a turn", .node, nft("flush chain ip node n1")),
        Damage(
            "foreign chain", .node,
            nft("add chain ip node evil { type filter hook forward priority 10; policy drop; }")),
        Damage("table switched off", .node, nft("add table ip node { flags dormant; }")),
        Damage("foreign table of the ingress sandbox", .ingress) {
            try NftContext().run("table ip evil { chain c { type filter hook forward priority 10; policy drop; }; }")
        },
        Damage("foreign table of an overlay", .overlay("app")) {
            try NftContext().run("table bridge evil { chain c { type filter hook forward priority 0; policy drop; }; }")
        },
        Damage("all rules of the node", .node, nft("flush ruleset")),
        Damage("all rules of the ingress sandbox", .ingress, nft("flush ruleset")),
        Damage("all rules of a container", .sandbox("t21"), nft("flush ruleset")),
    ]

    private static let parameters: [Damage] = [
        Damage("forwarding", .node, parameter("net/ipv4/ip_forward", "0")),
        Damage("route_localnet", .node, parameter("net/ipv4/conf/docker_gwbridge/route_localnet", "0")),
        Damage("forwarding of the ingress sandbox", .ingress, parameter("net/ipv4/ip_forward", "0")),
        Damage("rp_filter of a container", .sandbox("t21"), parameter("net/ipv4/conf/eth2/rp_filter", "1")),
        Damage("marks of a container", .sandbox("t21"), parameter("net/ipv4/tcp_fwmark_accept", "0")),
    ]
}
