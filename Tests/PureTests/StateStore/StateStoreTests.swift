import Faults
import StateStore
import Synchronization
import Testing

@Suite struct StoreKeyTests {
    @Test func `an object's key tells its kind and id`() {
        for kind in StoreKind.allCases {
            let key = StoreKey(kind, id: "x1")
            #expect(key.path == "/apus/v1/\(kind.rawValue)/x1")
            #expect(key.object?.kind == kind)
            #expect(key.object?.id == "x1")
        }
    }

    @Test(arguments: [
        StoreKey.name(.services, "web"), .leader(of: "orchestration"), StoreKey(path: "/apus/v1/services/"),
        StoreKey(path: "/apus/v1/unknown/x"),
        StoreKey(path: "/apus/v1/services/a/b"), StoreKey(path: "/other/v1/services/a"), StoreKey(path: ""),
    ])
    func `other keys are no object's`(_ key: StoreKey) {
        #expect(key.object == nil)
    }

    @Test func `a watch over everything sees objects and names but no leader`() {
        #expect(StoreKey(.tasks, id: "a").path.hasPrefix(StoreKey.everything))
        #expect(StoreKey.name(.tasks, "a").path.hasPrefix(StoreKey.everything))
        #expect(!StoreKey.leader(of: "a").path.hasPrefix(StoreKey.everything))
    }
}

@Suite struct MemoryStoreTests {
    private static let key = StoreKey(.services, id: "a")

    private func write(_ value: UInt8, to store: MemoryStore) async throws {
        _ = try await store.commit(.init(puts: [.init(Self.key, [value])]))
    }

    @Test func `a watch from any revision kept tells what came after it`() async throws {
        let store = MemoryStore()
        for value in 1...5 as ClosedRange<UInt8> { try await write(value, to: store) }
        let first = store.revision - 4
        store.compact(before: first + 2)
        for start in (first + 1)...(first + 3) {
            var seen: [Int64] = []
            for try await events in store.watch(StoreKey.everything, after: start) {
                seen += events.map(\.revision)
                if seen.last == store.revision { break }
            }
            #expect(seen == Array((start + 1)...store.revision))
        }
        await #expect { for try await _ in store.watch(StoreKey.everything, after: first) {} } throws: {
            ($0 as? StateStoreError)?.code == .compacted(firstUsable: first + 2)
        }
    }

    @Test func `a follower lists, follows, says that it is stale once, and lists again`() async throws {
        struct Enough: Error {}
        struct Unexpected: Error { let update: StoreUpdate }
        let store = MemoryStore()
        try await write(1, to: store)
        let steps = Mutex(0)
        await #expect(throws: Enough.self) {
            try await store.follow(StoreKey.everything, retryAfter: .milliseconds(1)) { update in
                let step = steps.withLock { steps in
                    steps += 1
                    return steps
                }
                switch step {
                case 1:
                    guard case .snapshot(let listing) = update else { throw Unexpected(update: update) }
                    #expect(listing.values.map(\.value) == [[1]])
                    try await write(2, to: store)
                case 2:
                    guard case .events(let events) = update else { throw Unexpected(update: update) }
                    #expect(events.map(\.revision) == [store.revision])
                    store.fail(StateStoreError(.unavailable, "test"))
                case 3:
                    #expect(update == .stale)
                    store.fail(nil)
                    try await write(3, to: store)
                    store.compact(before: store.revision)
                default:
                    guard case .snapshot(let listing) = update else { throw Unexpected(update: update) }
                    let values: [[UInt8]] = listing.values.map(\.value)
                    #expect(values == [[3]])
                    throw Enough()
                }
            }
        }
    }

    @Test func `a leader whose lease is dropped is cancelled`() async throws {
        let store = MemoryStore()
        await #expect {
            try await store.withLeadership(of: "role", candidate: [1], lease: .seconds(2)) { _ in
                store.dropLeader(of: "role")
                try await Task.sleep(for: .seconds(60))
            }
        } throws: { ($0 as? StateStoreError)?.code == .leadershipLost }
    }
}

@Suite struct StateStoreErrorTests {
    @Test func `without quorum the client reads Docker's words and a 503`() {
        let error = StateStoreError(.unavailable, "write")
        #expect(error.kind == .unavailable)
        #expect(
            error.description
                == "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. "
                + "Make sure more than half of the managers are online.")
        #expect(error.isTransient)
    }
}
