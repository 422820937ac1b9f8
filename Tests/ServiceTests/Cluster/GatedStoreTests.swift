import Concurrency
import Model
import Orchestration
import StateStore
import Synchronization
import TestKit
import Testing

@testable import Cluster

/// What of a store that fails for a moment is seen by who writes through a manager: nothing.
@Suite(.timeLimit(.minutes(1))) struct GatedStoreTests {
    /// A store that fails as etcd does while its members choose a leader.
    private final class LeaderlessStore: ObjectStore {
        enum Failure: CaseIterable {
            /// Refused, nothing was written.
            case refused
            /// Without an answer, written.
            case written
            /// Without an answer, lost.
            case lost
        }

        let base = MemoryStore()
        let failures = Mutex<[Failure]>([])

        private var next: Failure? { failures.withLock { $0.popLast() } }

        func get(_ key: StoreKey) async throws -> StoredValue? {
            if next != nil { throw StateStoreError(.unavailable, "read") }
            return try await base.get(key)
        }

        func list(_ prefix: String) async throws -> StoreListing {
            if next != nil { throw StateStoreError(.unavailable, "list") }
            return try await base.list(prefix)
        }

        func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome {
            switch next {
            case nil: return try await base.commit(transaction)
            case .refused: throw StateStoreError(.unavailable, "write")
            case .written:
                _ = try await base.commit(transaction)
                throw StateStoreError(.outcomeUnknown, "write")
            case .lost: throw StateStoreError(.outcomeUnknown, "write")
            }
        }

        func watch(
            _ prefix: String, after revision: Int64, receive: @escaping @Sendable ([StoreEvent]) async throws -> Void
        ) async throws { try await base.watch(prefix, after: revision, receive: receive) }

        func withLeadership(
            of role: String, candidate: [UInt8], lease: Duration,
            _ body: @escaping @Sendable (LeaderFence) async throws -> Void
        ) async throws { try await base.withLeadership(of: role, candidate: candidate, lease: lease, body) }
    }

    private func withGate(
        timeout: Duration = .seconds(10),
        _ body: @escaping @Sendable (GatedStore, LeaderlessStore, ReadModel) async throws -> Void
    ) async throws {
        let store = LeaderlessStore()
        let model = ReadModel(store: store.base)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await model.run() }
            group.addTask {
                try await eventually("the copy is fresh") { !model.isStale }
                let gate = GatedStore(base: store, model: model, timeout: timeout, pause: .milliseconds(1))
                try await body(gate, store, model)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `what the store has refused or left without an answer is made again, and happens once`(
        seed: UInt64
    ) async throws {
        try await withGate { gate, store, _ in
            var random = SeededGenerator(seed: seed)
            var revisions: [StoreKey: Int64] = [:]
            for step in 0..<300 {
                let key = StoreKey(.services, id: "s\(Int.random(in: 0..<8, using: &random))")
                var transaction = StoreTransaction()
                transaction.require(revisions[key].map { .modified(key, at: $0) } ?? .absent(key))
                if revisions[key] != nil, Bool.random(using: &random) {
                    transaction.delete(key)
                } else {
                    transaction.put(key, Array("\(step)".utf8))
                }
                let count = Int.random(in: 0..<4, using: &random)
                let failures = (0..<count).compactMap { _ in
                    LeaderlessStore.Failure.allCases.randomElement(using: &random)
                }
                store.failures.withLock { $0 = failures }
                let before = store.base.revision
                let outcome = try await gate.commit(transaction)
                store.failures.withLock { $0 = [] }
                #expect(outcome == .committed(revision: before + 1), "step \(step), after \(failures.reversed())")
                #expect(store.base.revision == before + 1)
                revisions[key] = transaction.puts.isEmpty ? nil : before + 1
                #expect(try await store.base.get(key)?.modifyRevision == revisions[key])
            }
        }
    }

    @Test func `what another has written meanwhile is refused as ever`() async throws {
        try await withGate { gate, store, _ in
            let key = StoreKey(.services, id: "s")
            _ = try await store.base.commit(StoreTransaction(puts: [.init(key, [1])]))
            store.failures.withLock { $0 = [.lost] }
            let late = StoreTransaction(conditions: [.absent(key)], puts: [.init(key, [2])])
            guard case .refused(let failed, _) = try await gate.commit(late) else {
                Issue.record("the other's value was replaced")
                return
            }
            #expect(failed == [.absent(key)])
        }
    }

    @Test func `a write that could happen twice is not made again when nobody knows whether it has happened`()
        async throws
    {
        try await withGate { gate, store, _ in
            store.failures.withLock { $0 = [.written] }
            await #expect {
                _ = try await gate.commit(StoreTransaction(puts: [.init(StoreKey(.services, id: "s"), [1])]))
            } throws: {
                ($0 as? StateStoreError)?.code == .outcomeUnknown
            }
            #expect(store.base.revision == 2)
        }
    }

    @Test func `reads are made again`() async throws {
        try await withGate { gate, store, _ in
            let key = StoreKey(.services, id: "s")
            _ = try await store.base.commit(StoreTransaction(puts: [.init(key, [1])]))
            store.failures.withLock { $0 = [.refused, .refused] }
            #expect(try await gate.get(key)?.value == [1])
            store.failures.withLock { $0 = [.refused, .refused] }
            #expect(try await gate.list(StoreKey.everything).values.count == 1)
        }
    }

    @Test func `a call waits for the store to come back, and not for ever`() async throws {
        let timeout = Duration.seconds(6)
        try await withGate(timeout: timeout) { gate, store, model in
            let key = StoreKey(.services, id: "s")
            store.base.fail(StateStoreError(.unavailable, "do anything"))
            try await eventually("the outage is known") { model.isStale }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let outcome = try await gate.commit(
                        StoreTransaction(conditions: [.absent(key)], puts: [.init(key, [1])]))
                    #expect(outcome.revision != nil)
                }
                try await Task.sleep(for: .milliseconds(200))
                store.base.fail(nil)
                try await group.waitForAll()
            }
            // Nobody waits much longer than that, and later on each for a second.
            store.base.fail(StateStoreError(.unavailable, "do anything"))
            try await eventually("the outage is known") { model.isStale }
            for limit in [timeout * 5, timeout] {
                let begun = ContinuousClock.now
                await #expect {
                    _ = try await gate.get(key)
                } throws: {
                    ($0 as? StateStoreError)?.code == .unavailable
                }
                #expect(ContinuousClock.now - begun < limit)
            }
        }
    }
}
