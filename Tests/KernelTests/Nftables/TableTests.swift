import Glibc
import LinuxSystem
import Netlink
import Nftables
import TestKit
import Testing

@Suite struct TableTests {
    private let id = TableID(.ip, "probe")

    private func table(_ elements: [String: String], names: [String] = []) -> Table {
        Table(
            id,
            skeleton: """
                map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
                set links { type ipv4_addr . ifname; flags interval; }
                map choice { type ipv4_addr : verdict; }
                chain inward { type filter hook input priority 0; policy accept;
                counter accept
                }
                """,
            chains: ["n2": "counter\naccept"],
            sets: [
                ElementSet("ports", elements: elements), ElementSet("links", nameFields: [1], keys: names),
                ElementSet("choice", elements: ["10.0.0.1": "goto n2"]),
            ])
    }

    @Test func `a loaded table is found as it was written`() async throws {
        try await withNetworkNamespace { namespace in
            let wanted = table(
                ["tcp . 80": "10.0.0.1 . 8080", "sctp . 9": "10.0.0.2 . 9"],
                names: ["10.0.0.0/8 . \"eth0\"", "11.0.0.9 . \"eth1\""])
            try await NftContext.with(namespace) { nft in
                #expect(try Ruleset().has(RulesetTable(family: 2, name: "probe")) == false)
                #expect(wanted.change(from: nil as ObservedTable?).isReplacement)
                try nft.run(wanted.replacement)
                let found = try nft.table(id)
                #expect(found.comment == wanted.tag)
                #expect(wanted.change(from: found).isEmpty, "\(wanted.change(from: found))")
                #expect(found.chains.keys.sorted() == ["inward", "n2"])
            }
        }
    }

    @Test func `tables with flags are listed, and told apart from those in force`() async throws {
        try await withNetworkNamespace { namespace in
            let wanted = table(["tcp . 80": "10.0.0.1 . 8080"])
            try await NftContext.with(namespace) { nft in
                try nft.run(
                    wanted.replacement + "add table \(id) { flags dormant; }\nadd table inet other { flags dormant; }\n"
                )
                // What nft 1.0.6 writes as JSON then is memory that it has freed, which ends the process sooner or later.
                for _ in 0..<100 {
                    #expect(Set(try Ruleset().tables().map(\.name)) == [id.name, "other"])
                    let found = try nft.table(id)
                    #expect(found.isDormant)
                    #expect(wanted.change(from: found).isReplacement)
                }
                try nft.run(wanted.replacement)
                #expect(wanted.change(from: try nft.table(id)).isEmpty)
            }
        }
    }

    @Test func `only elements that differ are changed`() async throws {
        try await withNetworkNamespace { namespace in
            let old = table(["tcp . 80": "10.0.0.1 . 8080", "tcp . 81": "10.0.0.1 . 8081"])
            let new = table(["tcp . 80": "10.0.0.3 . 8080", "udp . 81": "10.0.0.1 . 8081"])
            try await NftContext.with(namespace) { nft in
                try nft.run(old.replacement)
                let change = new.change(from: old)
                #expect(change.count == 4)
                #expect(!change.isReplacement)
                try nft.run(change.commands)
                #expect(new.change(from: try nft.table(id)).isEmpty)
            }
        }
    }

    @Test func `a rule taken out by others is noticed`() async throws {
        try await withNetworkNamespace { namespace in
            let wanted = table([:])
            try await NftContext.with(namespace) { nft in
                try nft.run(wanted.replacement)
                let rules = try nft.table(id).chains
                try nft.run("flush chain ip probe inward")
                #expect(wanted.change(from: try nft.table(id), rules: rules).isReplacement)
                #expect(wanted.change(from: try nft.table(id)).isEmpty)
                try nft.run("delete chain ip probe inward")
                #expect(wanted.change(from: try nft.table(id)).isReplacement)
            }
        }
    }

    @Test func `rules can be changed however many descriptors there are`() async throws {
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        let before = limit
        limit.rlim_cur = min(4096, limit.rlim_max)
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        defer { _ = withUnsafePointer(to: before) { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), $0) } }
        try await withNetworkNamespace { namespace in
            // FD_SETSIZE and some more.
            let many = (0..<1100).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
            defer { for descriptor in many { close(descriptor) } }
            #expect(many.contains { $0 > 1024 })
            try await NftContext.with(namespace) { nft in
                try nft.run(table(["tcp . 80": "10.0.0.1 . 8080"]).replacement)
                let tables = try Ruleset().tables()
                #expect(tables == [RulesetTable(family: 2, name: "probe")])
            }
        }
    }

    @Test func `a refused transaction changes nothing and says why`() async throws {
        try await withNetworkNamespace { namespace in
            try await NftContext.with(namespace) { nft in
                #expect(throws: NftablesError.self) { try nft.run("add table ip one\nadd chain ip nowhere c") }
                let tables = try Ruleset().tables()
                #expect(tables.isEmpty)
                #expect {
                    try nft.run("nonsense")
                } throws: { error in
                    "\(error)".contains("syntax error")
                }
            }
        }
    }
}
