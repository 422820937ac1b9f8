import Nftables
import Testing

@testable import DataPlane

/// What is known of how rules are listed.
@Suite struct ChainCacheTests {
    private static func table(_ number: Int) -> Table {
        Table(TableID(.inet, "t"), skeleton: "chain only { ip saddr 10.0.\(number / 256).\(number % 256) accept; }")
    }

    private static func cache(of tables: [Table]) -> ChainCache {
        var cache = ChainCache()
        for table in tables { cache.learn(["only": "as listed"], of: table) }
        return cache
    }

    @Test func `what is in use stays known, however much there is, and what is not goes`() {
        let tables = (0..<9_000).map(Self.table)
        var cache = Self.cache(of: tables)
        cache.forgetUnused(tables.prefix(5_000))
        #expect(cache.count == 5_000)
        #expect(tables.prefix(5_000).allSatisfy(cache.knows) && !cache.knows(tables[5_000]))
    }

    @Test func `those in use are looked through no more often than as many have come anew`() {
        let tables = (0..<12_000).map(Self.table)
        var cache = Self.cache(of: Array(tables.prefix(5_000)))
        var looks = 0
        for number in 5_000..<tables.count {
            cache.learn(["only": "as listed"], of: tables[number])
            let used = [0].lazy.flatMap { _ in
                looks += 1
                return tables.prefix(number + 1)
            }
            cache.forgetUnused(used)
        }
        #expect(cache.count == tables.count)
        #expect((1...2).contains(looks))
    }
}
