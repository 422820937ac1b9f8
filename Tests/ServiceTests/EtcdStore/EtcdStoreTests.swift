import EtcdStore
import Glibc
import LinuxSystem
import StateStore
import Testing

/// What only a real etcd can show.
@Suite(.serialized, .timeLimit(.minutes(3))) struct EtcdStoreTests {
    private static let key = StoreKey(.services, id: "a")

    @Test func `300 writes one after another go over one connection`() async throws {
        try await withEtcd { etcd in
            for number in 0..<300 {
                // Every call is answered: without the shield the 200th closes the connection.
                _ = try await etcd.store.commit(.init(puts: [.init(Self.key, [UInt8(number & 255)])]))
            }
            #expect(try await etcd.store.get(Self.key)?.value == [43])
        }
    }

    @Test func `a list larger than one message is read in pages at one revision`() async throws {
        try await withEtcd { etcd in
            let value = [UInt8](repeating: 7, count: 500_000)
            for number in 0..<60 {
                _ = try await etcd.store.commit(.init(puts: [.init(StoreKey(.configs, id: "\(100 + number)"), value)]))
            }
            let listing = try await etcd.store.list(StoreKey.prefix(of: .configs))
            #expect(listing.values.map(\.key.object?.id) == (100..<160).map { "\($0)" })
            #expect(listing.values.allSatisfy { $0.value == value })
            #expect(try await etcd.store.listStale(StoreKey.prefix(of: .configs)) == listing)
        }
    }

    @Test func `a watch from the past gets 20 values of 500 KB`() async throws {
        try await withEtcd { etcd in
            let start = try await etcd.store.list(StoreKey.everything).revision
            for number in 0..<20 {
                let value = [UInt8](repeating: UInt8(number), count: 500_000)
                _ = try await etcd.store.commit(.init(puts: [.init(StoreKey(.configs, id: "\(number)"), value)]))
            }
            var seen: [StoreEvent] = []
            for try await events in etcd.store.watch(StoreKey.everything, after: start) {
                seen += events
                if seen.count >= 20 { break }
            }
            #expect(seen.map(\.revision) == (1...20).map { start + $0 })
            #expect(seen.map(\.key) == (0..<20).map { StoreKey(.configs, id: "\($0)") })
        }
    }

    @Test func `a watch from a compacted revision is refused, and a follower lists again`() async throws {
        try await withEtcd { etcd in
            let first = try #require(try await etcd.store.commit(.init(puts: [.init(Self.key, [1])])).revision)
            let last = try #require(try await etcd.store.commit(.init(puts: [.init(Self.key, [2])])).revision)
            try await etcd.maintenance.compact(before: last)
            await #expect {
                for try await _ in etcd.store.watch(StoreKey.everything, after: first - 1) {
                    Issue.record("an event of a compacted revision")
                }
            } throws: { ($0 as? StateStoreError)?.code == .compacted(firstUsable: last) }
            try await expectFollowed(etcd.store, Noted([[2]]))
        }
    }

    @Test func `after kill -9 etcd is started again, and store, watch and leader go on`() async throws {
        try await withEtcd { etcd in
            _ = try await etcd.store.commit(.init(puts: [.init(Self.key, [1])]))
            let killed = Noted(false)
            try await etcd.store.withLeadership(of: "role", candidate: [1], lease: .seconds(6)) { fence in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let wanted = Noted<[[UInt8]]>([[1], [2]])
                    group.addTask { try await expectFollowed(etcd.store, wanted) }
                    // A follower that lists only when etcd is back would never see the first value.
                    #expect(try await eventually { wanted.value == [[2]] })
                    let old = try #require(etcd.pid)
                    kill(old, SIGKILL)
                    #expect(try await eventually { etcd.pid != nil && etcd.pid != old })
                    killed.change { $0 = true }
                    try await etcd.waitUntilReady()
                    #expect(try await etcd.store.get(Self.key)?.value == [1])
                    let write = StoreTransaction(conditions: [fence.condition], puts: [.init(Self.key, [2])])
                    _ = try #require(try await etcd.store.commit(write).revision)
                    try await group.waitForAll()
                }
            }
            #expect(killed.value)
        }
    }

    @Test func `a leader that gives no sign of life loses its lease, and its writes are refused`() async throws {
        try await withEtcdDirectory { directory in
            // The first leader's own etcd connection is cut by ending its supervisor without giving it a chance to resign.
            let former = Noted<LeaderFence?>(nil)
            let first = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            let second = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await running(first) {
                // Frozen: neither renewed nor revoked. etcd is the one that measures the lease.
                let pid = try #require(first.pid)
                await #expect {
                    try await first.store.withLeadership(of: "role", candidate: [1], lease: .seconds(2)) { fence in
                        former.change { $0 = fence }
                        kill(pid, SIGSTOP)
                        try await Task.sleep(for: .seconds(60))
                    }
                } throws: { ($0 as? StateStoreError)?.code == .leadershipLost }
                kill(pid, SIGCONT)
            }
            try await running(second) {
                try await second.store.withLeadership(of: "role", candidate: [2], lease: .seconds(20)) { fence in
                    let old = try #require(former.value)
                    let outcome = try await second.store.commit(
                        .init(conditions: [old.condition], puts: [.init(Self.key, [1])]))
                    #expect(old.isBroken(by: outcome))
                    _ = try #require(
                        try await second.store.commit(
                            .init(conditions: [fence.condition], puts: [.init(Self.key, [2])])
                        ).revision)
                }
            }
        }
    }

    @Test func `a lease that nobody renews ends, and a waiting candidate leads`() async throws {
        try await withEtcd { etcd in
            let rival = try EtcdConnection(socket: etcd.configuration.socket, logger: quietLogger)
            let abandoned = Noted<Int64>(0)
            // The rival's connection ends with it in office: neither renewal nor revocation gets through.
            let office = Task {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await rival.run() }
                    group.addTask {
                        try await EtcdObjectStore(rival).withLeadership(of: "role", candidate: [9], lease: .seconds(2))
                        {
                            fence in
                            abandoned.change { $0 = fence.revision }
                            try await Task.sleep(for: .seconds(60))
                        }
                    }
                    defer { group.cancelAll() }
                    try await group.next()
                }
            }
            #expect(try await eventually { abandoned.value != 0 })
            office.cancel()
            try await etcd.store.withLeadership(of: "role", candidate: [1], lease: .seconds(20)) { fence async throws in
                #expect(fence.revision > abandoned.value)
                #expect(try await etcd.store.leader(of: "role")?.value == [1])
            }
        }
    }

    @Test func `without etcd a read and a write say that there is no leader`() async throws {
        try await withEtcdDirectory { directory in
            let connection = try EtcdConnection(socket: "\(directory)/client:0", logger: quietLogger)
            let error = try await withThrowingTaskGroup(of: (any Error)?.self) { group in
                group.addTask {
                    try await connection.run()
                    return nil
                }
                group.addTask {
                    do {
                        _ = try await EtcdObjectStore(connection).get(Self.key)
                        return nil
                    } catch { return error }
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            #expect((error as? StateStoreError)?.code == .unavailable)
            #expect(
                (error as? StateStoreError)?.description.hasPrefix(
                    "rpc error: code = Unknown desc = The swarm does not have a leader.") == true)
        }
    }
}

/// Follows everything until the key has had these values, one after the other (others in between are fine).
///
/// - Parameter wanted: The values still to come; each goes when it is seen.
private func expectFollowed(_ store: EtcdObjectStore, _ wanted: Noted<[[UInt8]]>) async throws {
    struct Complete: Error {}
    @Sendable func take(_ value: [UInt8]) throws {
        let isComplete = wanted.change { wanted in
            if wanted.first == value { wanted.removeFirst() }
            return wanted.isEmpty
        }
        if isComplete { throw Complete() }
    }
    await #expect(throws: Complete.self) {
        try await store.follow(StoreKey.everything, retryAfter: .milliseconds(100)) { update in
            switch update {
            case .snapshot(let listing): for value in listing.values { try take(value.value) }
            case .events(let events):
                for case .put(let value) in events { try take(value.value) }
            case .stale: break
            }
        }
    }
}
