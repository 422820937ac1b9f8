import LinuxSystem
import Nftables
import TestKit
import Testing

@testable import DataPlane

@Suite struct HostFirewallTests {
    @Test func `D1: what ufw and firewalld have in the kernel's rules is found there`() async throws {
        try await withNetworkNamespace { namespace in
            func found(after rules: String) async throws -> [HostFirewall] {
                try await namespace.run {
                    if !rules.isEmpty { try NftContext().run(rules) }
                    return try HostFirewall.read()
                }
            }
            let steps: [(rules: String, found: [HostFirewall])] = [
                ("", []), ("add table ip filter\nadd chain ip filter INPUT\n", []),
                ("add table ip other\nadd chain ip other ufw-before-input\n", []),
                ("add chain ip filter ufw-before-input\n", [.ufw]), ("add table inet firewalld\n", [.firewalld, .ufw]),
                ("delete table ip filter\n", [.firewalld]),
            ]
            for step in steps {
                let found = try await found(after: step.rules)
                #expect(found == step.found, "after \(step.rules)")
            }
        }
    }
}
