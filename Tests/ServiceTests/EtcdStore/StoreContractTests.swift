import EtcdStore
import StateStore
import Testing

/// The stores that must behave alike.
enum StoreUnderTest: String, CaseIterable, CustomTestStringConvertible {
    case memory
    case etcd

    var testDescription: String { rawValue }

    func with(_ body: @escaping @Sendable (any ObjectStore) async throws -> Void) async throws {
        switch self {
        case .memory: try await body(MemoryStore())
        case .etcd: try await withEtcd { try await body($0.store) }
        }
    }
}

/// What every store does.
@Suite(.serialized, .timeLimit(.minutes(3))) struct StoreContractTests {
    private static let key = StoreKey(.services, id: "a")

    @Test(arguments: StoreUnderTest.allCases) func `a value is read as it was written, with its revisions`(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.with { store in
            #expect(try await store.get(Self.key) == nil)
            let first = try #require(try await store.commit(.init(puts: [.init(Self.key, [0, 255, 10])])).revision)
            let second = try #require(try await store.commit(.init(puts: [.init(Self.key, [])])).revision)
            #expect(second == first + 1)
            let expected = StoredValue(key: Self.key, value: [], createRevision: first, modifyRevision: second)
            #expect(try await store.get(Self.key) == expected)
        }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func `a list has the keys of its prefix only, in order, at the present revision`(_ kind: StoreUnderTest)
        async throws
    {
        try await kind.with { store in
            let ids = ["b", "a", "c"]
            let made = try await store.commit(.init(puts: ids.map { .init(StoreKey(.tasks, id: $0), Array($0.utf8)) }))
            let other = try await store.commit(
                .init(puts: [.init(Self.key, [1]), .init(.name(.services, "web"), [1])]))
            let listing = try await store.list(StoreKey.prefix(of: .tasks))
            #expect(listing.values.map(\.key.object?.id) == ["a", "b", "c"])
            #expect(listing.values.allSatisfy { $0.modifyRevision == made.revision })
            #expect(listing.revision == other.revision)
            #expect(try await store.list(StoreKey.prefix(of: .secrets)).values.isEmpty)
            #expect(try await store.list(StoreKey.everything).values.count == 5)
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func `conditions hold or refuse, and a refusal tells what is stored`(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.with { store in
            let missing = StoreKey(.services, id: "missing")
            let first = try #require(
                try await store.commit(.init(conditions: [.absent(Self.key)], puts: [.init(Self.key, [1])])).revision)
            let stored = StoredValue(key: Self.key, value: [1], createRevision: first, modifyRevision: first)
            let cases: [(StoreTransaction.Condition, holds: Bool)] = [
                (.absent(Self.key), false), (.present(Self.key), true), (.modified(Self.key, at: first), true),
                (.modified(Self.key, at: first - 1), false), (.created(Self.key, at: first), true),
                (.created(Self.key, at: first + 1), false),
                (.absent(missing), true), (.present(missing), false), (.modified(missing, at: first), false),
                (.created(missing, at: first), false),
            ]
            for (condition, holds) in cases {
                let outcome = try await store.commit(.init(conditions: [.present(Self.key), condition]))
                if holds {
                    #expect(outcome == .committed(revision: first), "\(condition)")
                } else {
                    let current = condition.key == Self.key ? [Self.key: stored] : [:]
                    #expect(outcome == .refused(failed: [condition], current: current), "\(condition)")
                }
            }
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func `a refused transaction writes nothing`(_ kind: StoreUnderTest)
        async throws
    {
        try await kind.with { store in
            let other = StoreKey(.services, id: "b")
            _ = try await store.commit(.init(puts: [.init(other, [1])]))
            let before = try await store.list(StoreKey.everything)
            let outcome = try await store.commit(
                .init(conditions: [.present(Self.key)], puts: [.init(Self.key, [1])], deletes: [other]))
            #expect(outcome == .refused(failed: [.present(Self.key)], current: [:]))
            #expect(try await store.list(StoreKey.everything) == before)
        }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func `a transaction takes 128 writes, and neither 129 nor the same key twice`(_ kind: StoreUnderTest) async throws {
        try await kind.with { store in
            let puts = (0..<129).map { StoreTransaction.Put(StoreKey(.tasks, id: "\($0)"), [1]) }
            _ = try #require(try await store.commit(.init(puts: Array(puts.dropLast()))).revision)
            await #expect { try await store.commit(.init(puts: puts)) } throws: {
                ($0 as? StateStoreError)?.code == .tooLarge
            }
            await #expect { try await store.commit(.init(puts: [puts[0], puts[0]])) } throws: {
                ($0 as? StateStoreError)?.code == .invalidTransaction
            }
            await #expect {
                try await store.commit(.init(puts: [.init(Self.key, .init(repeating: 0, count: 1_400_001))]))
            } throws: {
                ($0 as? StateStoreError)?.code == .tooLarge
            }
            _ = try #require(
                try await store.commit(.init(puts: [.init(Self.key, .init(repeating: 0, count: 1_024_000))])).revision)
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func `a watch from a list tells every change after it, once and in order`(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.with { store in
            let prefix = StoreKey.prefix(of: .services)
            _ = try await store.commit(.init(puts: [.init(Self.key, [1])]))
            let listing = try await store.list(prefix)
            let put = try #require(
                try await store.commit(.init(puts: [.init(Self.key, [2]), .init(StoreKey(.tasks, id: "x"), [2])]))
                    .revision)
            let deleted = try #require(
                try await store.commit(.init(deletes: [Self.key, StoreKey(.services, id: "never")])).revision)
            let seen = try await collect(2, from: store, prefix, after: listing.revision) {
                // Also what happens while the watch runs.
                _ = try await store.commit(.init(puts: [.init(StoreKey(.services, id: "b"), [3])]))
            }
            let created = listing.values[0].createRevision
            #expect(seen[0] == .put(.init(key: Self.key, value: [2], createRevision: created, modifyRevision: put)))
            #expect(seen[1] == .delete(Self.key, revision: deleted))
            #expect(seen[2].key == StoreKey(.services, id: "b"))
            #expect(seen.count == 3)
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func `one leads at a time, and a former leader's write is refused`(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.with { store in
            let first = Noted<LeaderFence?>(nil)
            try await store.withLeadership(of: "role", candidate: [1], lease: .seconds(20)) { fence in
                first.change { $0 = fence }
                #expect(try await store.leader(of: "role")?.value == [1])
                _ = try #require(
                    try await store.commit(.init(conditions: [fence.condition], puts: [.init(Self.key, [1])])).revision)
                // A second candidate gets nowhere meanwhile.
                await #expect(throws: CancellationError.self) {
                    try await withTimeLimit(.milliseconds(300)) {
                        try await store.withLeadership(of: "role", candidate: [2], lease: .seconds(20)) { _ in
                            Issue.record("two leaders")
                        }
                    }
                }
            }
            #expect(try await store.leader(of: "role") == nil)
            try await store.withLeadership(of: "role", candidate: [2], lease: .seconds(20)) { fence in
                let former = try #require(first.value)
                #expect(former != fence)
                let outcome = try await store.commit(
                    .init(conditions: [former.condition], puts: [.init(Self.key, [1])]))
                #expect(former.isBroken(by: outcome))
                _ = try #require(
                    try await store.commit(.init(conditions: [fence.condition], puts: [.init(Self.key, [2])])).revision)
            }
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func `a waiting candidate leads when the leader lets go`(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.with { store in
            let terms = Noted<[Int64]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for candidate in 1...3 as ClosedRange<UInt8> {
                    group.addTask {
                        try await store.withLeadership(of: "role", candidate: [candidate], lease: .seconds(5)) {
                            fence async throws in
                            #expect(try await store.leader(of: "role")?.value == [candidate])
                            terms.change { $0.append(fence.revision) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let revisions = terms.value
            #expect(revisions.count == 3)
            #expect(revisions == revisions.sorted())
        }
    }

    @Test(arguments: StoreUnderTest.allCases) func `losing the leader's key ends the leader's work`(
        _ kind: StoreUnderTest
    ) async throws {
        try await kind.with { store in
            await #expect {
                try await store.withLeadership(of: "role", candidate: [1], lease: .seconds(3)) { _ in
                    _ = try await store.commit(.init(deletes: [.leader(of: "role")]))
                    try await Task.sleep(for: .seconds(60))
                }
            } throws: { ($0 as? StateStoreError)?.code == .leadershipLost }
        }
    }
}

/// The first events of a watch, at least `count` and one more that `meanwhile` causes.
private func collect(
    _ count: Int, from store: any ObjectStore, _ prefix: String, after revision: Int64,
    meanwhile: @escaping @Sendable () async throws -> Void
) async throws -> [StoreEvent] {
    var seen: [StoreEvent] = []
    for try await events in store.watch(prefix, after: revision) {
        let before = seen.count
        seen += events
        if before < count, seen.count >= count { try await meanwhile() }
        if seen.count > count { break }
    }
    return seen
}

/// Runs a body and cancels it after that long.
func withTimeLimit(_ limit: Duration, _ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await body() }
        group.addTask { try await Task.sleep(for: limit) }
        try await group.next()
        group.cancelAll()
        try await group.waitForAll()
    }
}
