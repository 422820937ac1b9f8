import Cluster
import Dashboard
import EngineInterface
import Foundation
import LinuxSystem
import Logging
import Model
import TestKit
import Testing

/// Accounts of the dashboard that the swarm keeps: made at one manager, good at all of them, and still there after a daemon's end.
@Suite(.timeLimit(.minutes(3))) struct DashboardLedgerTests {
    private static let cost = PasswordHash.Cost(rounds: 16, blockSize: 1, parallelism: 1)

    /// Runs a node's ledger while `body` runs.
    private func withLedger(
        _ swarm: Swarm, _ inheritance: (any DashboardInheritance)? = nil,
        _ body: @escaping @Sendable (DashboardLedger) async throws -> Void
    ) async throws {
        let ledger = DashboardLedger(
            swarm, inheritance: inheritance, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await ledger.run() }
            group.addTask { try await body(ledger) }
            try await group.next()
            group.cancelAll()
        }
    }

    private func accounts(_ ledger: DashboardLedger) -> DashboardAccounts {
        DashboardAccounts(store: SwarmAccountStore(ledger), cost: Self.cost)
    }

    private func cookie(_ accounts: DashboardAccounts, _ name: String, _ password: String) async throws -> String? {
        guard case .signedIn(let cookie, _) = try await accounts.signIn(name: name, password: password, address: "a")
        else { return nil }
        return cookie
    }

    private func isReady(_ ledger: DashboardLedger) async throws {
        // It refuses until it is up.
        try await eventually("the manager keeps accounts") { (try? await ledger.signingKey()) != nil }
    }

    @Test func `an account outlives the daemon, and a node without a swarm has none`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await withLedger(swarm) { ledger in
                    #expect(ledger.accounts.isEmpty)
                    await #expect(throws: SwarmError.notMember) { try await ledger.signingKey() }
                    let accounts = accounts(ledger)
                    await #expect(throws: SwarmError.notMember) {
                        try await accounts.add(name: "mei", role: .operator, password: "correct horse")
                    }
                    var changes = ledger.changes().makeAsyncIterator()
                    await changes.next()
                    try await node.initialise(swarm)
                    try await isReady(ledger)
                    // The manager's side has come, and then an account.
                    await changes.next()
                    try await accounts.add(name: "mei", role: .operator, password: "correct horse")
                    #expect(ledger.accounts.map(\.id) == ["mei"])
                    await changes.next()
                    #expect(try await cookie(accounts, "mei", "correct horse") != nil)
                    #expect(try await cookie(accounts, "mei", "wrong horse") == nil)
                    await #expect(throws: DashboardVaultError.invalidName("a/b")) {
                        try await ledger.save(
                            KeptDashboardAccount(
                                name: "a/b", role: "viewer", generation: "1",
                                password: .init(rounds: 2, blockSize: 1, parallelism: 1, salt: "", key: "")))
                    }
                }
            }
            try await node.running { swarm in
                try await withLedger(swarm) { ledger in
                    try await isReady(ledger)
                    try await eventually("the accounts are known") { !ledger.accounts.isEmpty }
                    let accounts = accounts(ledger)
                    let cookie = try #require(try await cookie(accounts, "mei", "correct horse"))
                    #expect(try await accounts.user(of: cookie, isLocal: false)?.role == .operator)
                    #expect(try await accounts.store.remove("mei"))
                    #expect(try await accounts.store.remove("mei") == false)
                    #expect(try await accounts.user(of: cookie, isLocal: false) == nil)
                }
            }
        }
    }

    @Test func `a session of one manager is good at another, and over when its account changes anywhere`() async throws
    {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            try await first.running { one in
                try await first.initialise(one)
                let token = try await one.inspectSwarm().joinTokens?.manager ?? ""
                try await second.running { two in
                    try await second.join(two, token: token, manager: first)
                    try await withLedger(one) { here in
                        try await withLedger(two) { there in
                            try await isReady(here)
                            try await isReady(there)
                            #expect(try await here.signingKey() == there.signingKey())
                            let (ours, theirs) = (accounts(here), accounts(there))
                            try await ours.add(name: "otto", role: .viewer, password: "correct horse")
                            let cookie = try #require(try await cookie(ours, "otto", "correct horse"))
                            try await eventually("the other manager knows the account") {
                                try await theirs.user(of: cookie, isLocal: false)?.role == .viewer
                            }
                            try await theirs.add(name: "otto", role: .operator, password: "battery staple")
                            try await eventually("the session of before is over") {
                                try await ours.user(of: cookie, isLocal: false) == nil
                            }
                            #expect(try await self.cookie(ours, "otto", "battery staple") != nil)
                        }
                    }
                }
            }
        }
    }

    @Test func `what a node has kept by itself is taken over once`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            let directory = node.directory + "/dashboard"
            let files = try FileAccountStore(directory: directory)
            let before = DashboardAccounts(store: files, cost: Self.cost)
            try await before.add(name: "mei", role: .operator, password: "correct horse")
            try await before.add(name: "otto", role: .viewer, password: "correct horse")
            let cookie = try #require(try await cookie(before, "mei", "correct horse"))
            try await node.running { swarm in
                try await node.initialise(swarm)
                try await withLedger(swarm, AccountFiles(directory: directory)) { ledger in
                    try await eventually("the accounts are taken over") { ledger.accounts.count == 2 }
                    let accounts = accounts(ledger)
                    // The key, too: who was signed in still is.
                    #expect(try await accounts.user(of: cookie, isLocal: false)?.name == "mei")
                    #expect(try await self.cookie(accounts, "otto", "correct horse") != nil)
                    try await eventually("the files are gone") {
                        !Files.exists(directory + "/accounts.json") && !Files.exists(directory + "/session.key")
                    }
                    #expect(try await accounts.store.remove("otto"))
                }
                // Not again.
                try await withLedger(swarm, AccountFiles(directory: directory)) { ledger in
                    try await isReady(ledger)
                    try await eventually("the accounts are known") { ledger.accounts.map(\.id) == ["mei"] }
                }
            }
        }
    }

    @Test func `what is there already is not replaced by what a node has kept`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            let directory = node.directory + "/dashboard"
            try await node.running { swarm in
                try await node.initialise(swarm)
                try await withLedger(swarm) { ledger in
                    try await isReady(ledger)
                    try await accounts(ledger).add(name: "mei", role: .viewer, password: "correct horse")
                }
                let files = DashboardAccounts(store: try FileAccountStore(directory: directory), cost: Self.cost)
                try await files.add(name: "mei", role: .operator, password: "battery staple")
                try await withLedger(swarm, AccountFiles(directory: directory)) { ledger in
                    try await eventually("the files are gone") { !Files.exists(directory + "/accounts.json") }
                    try await eventually("the account of before is known") { ledger.accounts.map(\.role) == ["viewer"] }
                    #expect(try await self.cookie(accounts(ledger), "mei", "battery staple") == nil)
                }
            }
        }
    }
}
