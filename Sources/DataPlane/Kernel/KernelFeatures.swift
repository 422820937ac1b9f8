import LinuxSystem
import Netlink
import Nftables

/// What this kernel has of what networks need, found by trying in a namespace of its own. For `docker info`.
package struct KernelFeatures: Codable, Equatable, Sendable {
    /// As `uname -r` has it.
    package var release = ""
    /// Bridges can pass packets to the rules (br_netfilter). Without it, containers that may not talk are isolated ports.
    package var filtersBridges = false
    /// Bridge ports accept one source MAC only (5.18).
    package var locksPorts = false
    /// Bridges pass what ports send to rules of their own (NF_TABLES_BRIDGE). Without them no network is made.
    package var guardsPorts = false
    package var hasVXLAN = false
    /// Rules where packets leave a device (5.16): ports of the mesh need it.
    package var hasEgressRules = false
    /// Address translation with maps, `fib` and `numgen`.
    package var translatesAddresses = false
    /// Kinds of links that networks on a link of the node need.
    package var links: Set<LinkKind> = []

    /// As `ip link` names them.
    package enum LinkKind: String, Codable, Sendable, CaseIterable { case macvlan, ipvlan, vlan, dummy }

    package init() {}

    /// What is missing, in words for a user; empty when everything is there.
    package var warnings: [String] {
        var found: [String] = []
        if !locksPorts {
            found.append("WARNING: containers can take each other's MAC address (bridge ports cannot be locked)")
        }
        if !guardsPorts { found.append("WARNING: No rules for bridges in nftables: networks do not work") }
        if !hasVXLAN { found.append("WARNING: No VXLAN support: overlay networks do not work") }
        if !hasEgressRules { found.append("WARNING: No netdev egress hook: ports of the routing mesh do not work") }
        if !translatesAddresses {
            found.append("WARNING: nftables cannot translate addresses: published ports do not work")
        }
        return found
    }

    /// Tries everything in a namespace at `path`, which is removed afterwards.
    static func probe(at path: String) async throws -> KernelFeatures {
        let namespace = try await NetworkNamespace.create(at: path)
        let features: KernelFeatures
        do {
            features = try await namespace.run { try probeHere() }
        } catch {
            // Heeds no cancellation: a thread does it.
            try await namespace.remove()
            throw error
        }
        try await namespace.remove()
        return features
    }

    private static func probeHere() throws -> KernelFeatures {
        var features = KernelFeatures()
        features.release = try Sysctl.read("kernel/osrelease") ?? ""
        features.filtersBridges = try Sysctl.read("net/bridge/bridge-nf-call-iptables") != nil
        let socket = try RouteSocket()
        let links = try socket.attempt([
            CreateBridge(name: "br0", isUp: true),
            CreateVeth(name: "p0", master: "br0", isUp: true, peer: VethPeer(name: "e0")),
            SetPort("p0", PortOptions(locked: true)),
            CreateVXLAN(name: "vx0", settings: VXLANSettings(id: 1)),
        ])
        features.hasVXLAN = links[3] == nil
        let kinds: [(LinkKind, any NetlinkRequest)] = [
            (.macvlan, CreateMacvlan(name: "m0", parent: "e0", mode: .bridge)),
            (.ipvlan, CreateIpvlan(name: "i0", parent: "br0", settings: IpvlanSettings(mode: .l2))),
            (.vlan, CreateVLAN(name: "v0", parent: "br0", id: 1)), (.dummy, CreateDummy(name: "d0")),
        ]
        for ((kind, _), refusal) in zip(kinds, try socket.attempt(kinds.map(\.1))) where refusal == nil {
            features.links.insert(kind)
        }
        // Kernels before 5.18 pass over what they do not know.
        let port = try socket.link(named: "p0")?.port
        features.locksPorts = links[2] == nil && port?.locked == true
        let context = NftContext()
        features.guardsPorts = accepts(context, GuardTable(ports: [], taken: [], gates: []).table.replacement)
        features.hasEgressRules = accepts(
            context,
            "table netdev probe { chain leave { type filter hook egress device \"br0\" priority 0; policy accept; }; }")
        features.translatesAddresses = accepts(
            context,
            """
            table ip probe {
            map be { typeof ip daddr . numgen random mod 2 : ip daddr; }
            chain pick { dnat to ip daddr . numgen random mod 2 map @be; }
            chain nat_out { type nat hook output priority -100; policy accept; fib daddr type local jump pick; }
            }
            """)
        return features
    }

    private static func accepts(_ context: NftContext, _ commands: String) -> Bool {
        do {
            try context.run(commands, attempting: "try a feature")
            return true
        } catch {
            // Refused is the answer.
            return false
        }
    }
}
