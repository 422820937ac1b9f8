import Netlink
import Nftables

/// A program that administers the node's firewall. Its rules for input see no published port, which is translated before them.
///
/// It is known by what it has in nftables, so no program is run for it. What works by iptables' older interface to the kernel does not show there.
package enum HostFirewall: String, CaseIterable, Sendable {
    case firewalld, ufw

    /// Out of a listing of the node's rules.
    /// - Parameter hasChain: Whether a table has a chain whose name begins so.
    static func active(
        among tables: Set<TableID>, hasChain: (TableID, _ beginning: String) throws -> Bool
    ) rethrows -> [HostFirewall] {
        try allCases.filter { firewall in
            switch firewall {
            case .firewalld:
                // Before version 1 it had tables of IP's families as well.
                return tables.contains { $0.name == "firewalld" }
            case .ufw:
                // Its chains are iptables', in their tables; those of IPv6 begin with `ufw6-`.
                for (table, beginning) in [(TableID(.ip, "filter"), "ufw-"), (TableID(.ip6, "filter"), "ufw6-")]
                where tables.contains(table) {
                    if try hasChain(table, beginning) { return true }
                }
                return false
            }
        }
    }

    /// In the network namespace of the calling thread.
    static func read() throws -> [HostFirewall] {
        let ruleset = Ruleset()
        return try active(among: Set(try ruleset.tables().compactMap(TableID.init))) { table, beginning in
            try ruleset.hasChain(in: table.inKernel, beginning: beginning)
        }
    }
}
