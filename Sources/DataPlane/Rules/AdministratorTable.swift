import Nftables

/// `inet apus_admin`: where the node's administrator judges what is published, by the port that was called.
///
/// A published port is translated before any rule for input or forwarding sees it, so the chain `inbound` comes before that, with whatever is
/// addressed to the node and begins a connection. Its rules are the administrator's: the table is completed where a chain of it is missing, and
/// never emptied, whatever else the data plane makes anew.
enum AdministratorTable {
    static let id = TableID(.inet, "apus_admin")

    /// After conntrack and rules that mark packets (-200, -150), before addresses are translated (-100).
    static let table = Table(
        id,
        skeleton: """
            chain inbound {
            }
            chain before_translation { type filter hook prerouting priority -110; policy accept;
            ct state established,related accept
            fib daddr type local jump inbound
            }
            """, isShared: true)

    /// Whether the administrator has put anything into the chain. For a thread in the node's namespace, where the table is.
    static func hasRules() throws -> Bool {
        let chains = try NftContext().tables([id], bare: [id])[id]?.chains ?? [:]
        return chains["inbound"]?.isEmpty == false
    }
}
