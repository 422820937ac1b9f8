import LinuxSystem
import Netlink
import Nftables

/// What a namespace was last brought to.
struct AppliedNamespace: Sendable {
    var input: Derivation.Input
    var state: DesiredNamespace
    /// False after a failure: the next pass looks at the kernel first.
    var isCertain = true
    /// Whether it has been looked for connections to what went before this daemon came.
    var isSearched = false
}

/// One pass that leads the whole node from what was applied to what is wanted. Namespaces that are as they were, and not
/// to be looked at, are not touched.
struct ReconcilePass: Sendable {
    let derivation: Derivation
    /// The node's own namespace; `nil`: the process's.
    let node: NetworkNamespace?
    let previous: [Scope: AppliedNamespace]
    let previousNetwork: NodeNetwork
    /// Connections that earlier passes were to forget in namespaces in which something failed.
    let unforgotten: [Scope: [ConnectionEnd]]
    /// Namespaces to compare with the kernel.
    let examined: Set<Scope>
    /// Sandboxes whose namespace was made ahead of its wanted state, and is empty.
    let prepared: Set<Scope>
    /// Namespaces that are nobody's, to be removed.
    let strays: [NetworkNamespace]
    /// Namespaces of the last pass, whose names others may have taken away.
    let held: [Scope: HeldNamespace]
    /// How rules are listed, as far as it is known.
    let book: ChainCache
    let handles: NamespaceHandles
    /// Where the pass is of a few sandboxes: what they had brought into the namespaces that they share with others, of which nothing else is looked at.
    /// What is derived is an excerpt then, and what is previous is these sandboxes'.
    var shared: [Scope: AppliedNamespace] = [:]

    struct Outcome: Sendable {
        var applied: [Scope: AppliedNamespace] = [:]
        var changes = 0
        /// Sandboxes that the pass was derived of.
        var derived = 0
        var touched: Set<Scope> = []
        var failures: [Scope: [any Error]] = [:]
        /// For the next pass: where something failed, old rules may have let them come again.
        var unforgotten: [Scope: [ConnectionEnd]] = [:]
        /// Where all connections have been looked through.
        var searched: Set<Scope> = []
        /// In words, for the namespaces that were compared with the kernel.
        var differences: [Scope: [String]] = [:]
        /// By which the node's namespace knows the others.
        var namespaceIDs: [Scope: Int32] = [:]
        /// Namespaces that are gone.
        var removed: Set<Scope> = []
        var book = ChainCache()
        var parts: [Scope: Part] = [:]
        var duration: Duration = .zero

        mutating func fail(_ scope: Scope, _ error: any Error) { failures[scope, default: []].append(error) }
    }

    /// A namespace's part of the pass.
    struct Part: Sendable {
        var input: Derivation.Input
        var wanted: DesiredNamespace
        /// Its tables in nft's words, from when it is planned on: with everything that a container may call they are made once.
        var desiredTables: [Table] = []
        /// Its namespace was made just now.
        var isNew = false
        var have = KernelState()
        var tables = Tables.known([])
        /// What was put right before there was a plan.
        var notes: [String] = []
        var plan = NamespacePlan()
        /// Of the table that says what ports may say: made before links are.
        var guarding = TableChange()
        /// Of all others.
        var change = TableChange()
        var replaced: [Table] = []
        var wasExamined = false
        /// More is there of what is to go: it is looked at again.
        var isPartial = false
        /// How long it took to look at it.
        var lookTime: Duration?

        /// Leads to the wanted tables whatever there is of ours now.
        var replacement: String {
            let desiredIDs = Set(desiredTables.map(\.id))
            let present: [TableID] =
                switch tables {
                case .known(let tables): tables.map(\.id)
                case .observed(let tables): Array(tables.keys)
                }
            return present.filter { !desiredIDs.contains($0) }.map { "delete table \($0)\n" }.sorted().joined()
                + desiredTables.map(\.replacement).joined()
        }

        /// In words.
        var summary: [String] { notes + plan.summary + guarding.summary + change.summary }
        var count: Int { notes.count + plan.count + guarding.count + change.count }

        enum Tables: Sendable {
            case known([Table])
            case observed([TableID: ObservedTable])
        }
    }

    /// Runs blocking work inside the namespace of a scope.
    func inside<T: Sendable>(_ scope: Scope, _ work: @escaping @Sendable () throws -> T) async throws -> T {
        guard let namespace = scope == .node ? node : derivation.namespace(of: scope) else {
            return try await onThread(work)
        }
        return try await namespace.run(work)
    }

    /// Runs one step for many namespaces at once and collects what went wrong.
    func forEach<T: Sendable>(
        _ scopes: [Scope], _ outcome: inout Outcome, _ work: @escaping @Sendable (Scope) async throws -> T
    ) async -> [Scope: T] {
        var done: [Scope: T] = [:]
        var index = 0
        await withTaskGroup(of: (Scope, Result<T, any Error>).self) { group in
            func addNext() {
                guard index < scopes.count else { return }
                let scope = scopes[index]
                index += 1
                group.addTask {
                    do { return (scope, .success(try await work(scope))) } catch { return (scope, .failure(error)) }
                }
            }
            for _ in 0..<Self.mostAtOnce { addNext() }
            for await (scope, result) in group {
                switch result {
                case .success(let value): done[scope] = value
                case .failure(let error): outcome.fail(scope, error)
                }
                addNext()
            }
        }
        return done
    }

    /// Namespaces worked on at one time: each takes a thread, and the kernel's lock for links lets one through.
    static let mostAtOnce = 8
}
