import Concurrency
import Logging
import Nftables
import TestKit
import Testing

@testable import DataPlane
@testable import Engine

@Suite struct FirewallWatchTests {
    private struct Unreadable: Error {}

    private struct KeepingHandler: LogHandler {
        let lines: Kept<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.withLock { $0.append("\(event.level): \(event.message)") } }
    }

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

    @Test func `that nothing can be seen is logged once, and again only when something could be seen in between`()
        async
    {
        let lines = Kept<[String]>([])
        let seen = ObservableValue<[HostFirewall]?>(nil)
        let watch = FirewallWatch(log: Logger(label: "test") { _ in KeepingHandler(lines: lines) }) {
            guard let found = seen.value else { throw Unreadable() }
            return found
        }
        let said = "warning: whether the node has a firewall of its own could not be seen"
        await watch.tell()
        for _ in 0..<3 { #expect(await watch.warnings().isEmpty) }
        #expect(lines.withLock { $0 } == [said])
        seen.set([.ufw])
        #expect(await watch.warnings().count == 1)
        #expect(lines.withLock { $0 } == [said])
        seen.set(nil)
        for _ in 0..<3 { #expect(await watch.warnings().isEmpty) }
        #expect(lines.withLock { $0 } == [said, said])
    }
}
