import LinuxSystem
import Netlink
import Nftables

/// How nft lists chains, by what they were loaded from. What it prints is not what it was told, so rules that others have
/// changed are seen only by comparing with an earlier listing of the same text.
struct ChainCache: Sendable {
    /// Skeletons that name a container's own addresses come and go; of fewer than this none is forgotten.
    private static let fewestChains = 4_096

    private struct Key: Hashable {
        /// A skeleton's tag, or the chain's own text.
        let source: String
        let chain: String
    }

    private var listings: [Key: String] = [:]
    /// Above this those out of use are forgotten: twice what was left when that was done last, so that each costs as much beside many.
    private var mostChains = Self.fewestChains

    /// Of how many chains the listing is known.
    var count: Int { listings.count }

    private static func keys(of table: Table) -> [Key] {
        // What others put in is not compared.
        if table.isShared { return [] }
        let tag = table.tag
        return table.skeletonChains.map { Key(source: tag, chain: $0) }
            + table.chains.map { Key(source: "\(table.id)\n\($0.value)", chain: $0.key) }
    }

    /// Whether the listing of every chain of the table is known.
    func knows(_ table: Table) -> Bool { Self.keys(of: table).allSatisfy { listings[$0] != nil } }

    /// Text by chain, as far as it is known.
    func rules(of table: Table) -> [String: String] {
        var found: [String: String] = [:]
        for key in Self.keys(of: table) { found[key.chain] = listings[key] }
        return found
    }

    /// - Parameter chains: as listed right after the table was loaded.
    mutating func learn(_ chains: [String: String], of table: Table) {
        for key in Self.keys(of: table) { if let text = chains[key.chain] { listings[key] = text } }
    }

    /// Forgets chains of which nobody has a table any more, when there are many.
    /// - Parameter tables: All there are, in whatever namespace.
    mutating func forgetUnused(_ tables: some Sequence<Table>) {
        guard listings.count > mostChains else { return }
        let used = Set(tables.flatMap(Self.keys(of:)))
        listings = listings.filter { used.contains($0.key) }
        mostChains = max(Self.fewestChains, 2 * listings.count)
    }

    /// Loads tables that an earlier daemon left, without their elements, in a namespace at `path` that is thrown away, to
    /// see how nft lists them.
    mutating func probe(_ tables: [Table], at path: String) async throws {
        var byTag: [String: Table] = [:]
        for table in tables where !knows(table) {
            // Tables with one skeleton differ in the chains that elements lead to.
            byTag[table.tag, default: table].chains.merge(table.chains) { first, _ in first }
        }
        if byTag.isEmpty { return }
        let distinct = Array(byTag.values)
        let namespace = try await NetworkNamespace.create(at: path)
        let listed: [[String: String]]
        do {
            listed = try await namespace.run { try Self.list(distinct) }
        } catch {
            // Heeds no cancellation: a thread does it.
            try await namespace.remove()
            throw error
        }
        try await namespace.remove()
        for (table, chains) in zip(distinct, listed) { learn(chains, of: table) }
    }

    private static func list(_ tables: [Table]) throws -> [[String: String]] {
        let devices = Set(tables.flatMap(\.devices)).sorted()
        try RouteSocket().perform(devices.map { CreateBridge(name: $0) })
        let copies = tables.enumerated().map { number, table in
            Table(
                TableID(table.id.family, "probe\(number)"), skeleton: table.skeleton, chains: table.chains,
                devices: table.devices)
        }
        let context = NftContext()
        try context.run(copies.map(\.replacement).joined(), attempting: "see how rules are listed")
        let ids = copies.map(\.id)
        let found = try context.tables(ids, bare: Set(ids))
        return ids.map { found[$0]?.chains ?? [:] }
    }
}
