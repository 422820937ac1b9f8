import Concurrency
import Logging
import Nftables
import Testing

@testable import DataPlane
@testable import Engine

@Suite struct FirewallWatchTests {
    private struct Unreadable: Error {}

    /// Tables with their chains, as a listing might have them.
    private func found(_ listing: [TableID: [String]]) -> [HostFirewall] {
        HostFirewall.active(among: Set(listing.keys)) { table, beginning in
            listing[table]?.contains { $0.hasPrefix(beginning) } == true
        }
    }

    private func watch(_ looking: @escaping @Sendable () async throws -> [HostFirewall]) -> FirewallWatch {
        FirewallWatch(log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, looking: looking)
    }

    @Test func `D1: ufw and firewalld are known by their chains and tables`() {
        #expect(found([:]) == [])
        let ours = [TableID(.ip, "node"): ["publish"], TableID(.inet, "apus_admin"): ["inbound"]]
        #expect(found(ours) == [])
        let plain = [TableID(.ip, "filter"): ["INPUT", "FORWARD", "DOCKER-USER"], TableID(.ip, "nat"): ["ufw-no"]]
        #expect(found(plain) == [])
        #expect(found([TableID(.ip, "filter"): ["INPUT", "ufw-before-input"]]) == [.ufw])
        #expect(found([TableID(.ip6, "filter"): ["INPUT", "ufw6-user-input"]]) == [.ufw])
        // A table of the administrator's that has the name alone.
        #expect(found([TableID(.inet, "filter"): ["ufw-before-input"]]) == [])
        #expect(found([TableID(.inet, "firewalld"): ["filter_INPUT"]]) == [.firewalld])
        let both: [TableID: [String]] = [TableID(.ip, "firewalld"): [], TableID(.ip, "filter"): ["ufw-user-input"]]
        #expect(found(both) == [.firewalld, .ufw])
    }

    @Test func `D1: the warning names the firewall and where it says what to do, as long as it is there`() async {
        let active = ObservableValue<[HostFirewall]>([.ufw])
        let told = watch { active.value }
        #expect(
            await told.warnings() == [
                "WARNING: ufw is active on this node, and its rules for input do not judge published ports: see docs/publishing.md, \"The administrator's chain\""
            ])
        active.set([])
        #expect(await told.warnings().isEmpty)
        let blind = watch { throw Unreadable() }
        #expect(await blind.warnings().isEmpty)
    }
}
