import EtcdStore
import Foundation
import Glibc
import LinuxSystem
import Model
import StateStore
import Testing

@Suite(.serialized, .timeLimit(.minutes(3))) struct EtcdSupervisorTests {
    private static let key = StoreKey(.nodes, id: "a")

    @Test func `a restarted daemon adopts the etcd that runs`() async throws {
        try await withEtcdDirectory { directory in
            let first = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await running(first) { _ = try await first.store.commit(.init(puts: [.init(Self.key, [1])])) }
            let second = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await running(second) {
                #expect(second.starts == 0)
                #expect(try await second.store.get(Self.key)?.value == [1])
                // An adopted one is nobody's child here, and is still missed when it dies.
                let pid = try #require(second.pid)
                kill(pid, SIGKILL)
                #expect(try await eventually { second.starts == 1 })
                try await second.waitUntilReady()
                #expect(try await second.store.get(Self.key)?.value == [1])
            }
        }
    }

    @Test func `a member tells its metrics on the socket of its clients`() async throws {
        try await withEtcdDirectory { directory in
            let supervisor = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await running(supervisor) {
                _ = try await supervisor.store.commit(.init(puts: [.init(Self.key, [1])]))
                let metrics = try await EtcdMetrics.read(from: supervisor.configuration.socket)
                #expect(metrics.hasLeader && metrics.isLeader && metrics.leaderChanges > 0)
                #expect(metrics.databaseBytes >= metrics.databaseBytesInUse && metrics.databaseBytesInUse > 0)
                #expect(metrics.logSyncs.bounds.count > 5 && metrics.commits.total > 0)
            }
            await #expect(throws: (any Error).self) {
                try await EtcdMetrics.read(from: "\(directory)/run/nobody")
            }
        }
    }

    @Test func `what is no page of a member is none, and no number in one ends anything`() throws {
        #expect(StoreMetrics(exposition: "") == nil)
        #expect(StoreMetrics(exposition: "HTTP/1.0 404 Not Found\r\n\r\n404 page not found\n") == nil)
        let metrics = try #require(
            StoreMetrics(
                exposition: """
                    etcd_server_has_leader 1
                    etcd_server_is_leader x
                    etcd_server_leader_changes_seen_total 1e300
                    etcd_mvcc_db_total_size_in_bytes 2.048e+06
                    etcd_server_proposals_pending nan
                    etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 3
                    etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 5
                    etcd_disk_wal_fsync_duration_seconds_bucket{le="1e300"} 9
                    etcd_disk_wal_fsync_duration_seconds_bucket{le="inf"} 9
                    etcd_disk_wal_fsync_duration_seconds_bucket{le=
                    etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} -1
                    etcd_disk_wal_fsync_duration_seconds_sum 0.25
                    etcd_disk_wal_fsync_duration_seconds_count 8
                    """))
        #expect(metrics.hasLeader && !metrics.isLeader && metrics.leaderChanges == 0)
        #expect(metrics.databaseBytes == 2_048_000 && metrics.pendingProposals == 0)
        #expect(metrics.logSyncs == DurationHistogram(bounds: [1000, 2000], counts: [5, 0, 3], microseconds: 250_000))
    }

    @Test func `an etcd whose pid file is missing is found by its directory`() async throws {
        try await withEtcdDirectory { directory in
            let first = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await running(first) {}
            try Files.remove("\(directory)/run/etcd.pid")
            let second = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await running(second) { #expect(second.starts == 0) }
        }
    }

    @Test func `an etcd with other settings is started again with its data`() async throws {
        try await withEtcdDirectory { directory in
            var configuration = etcdConfiguration(in: directory)
            let first = try EtcdSupervisor(configuration, logger: quietLogger)
            try await running(first) { _ = try await first.store.commit(.init(puts: [.init(Self.key, [1])])) }
            configuration.withoutFsync = false
            let second = try EtcdSupervisor(configuration, logger: quietLogger)
            try await running(second) { () async throws in
                #expect(second.starts == 1)
                #expect(try await second.store.get(Self.key)?.value == [1])
            }
        }
    }

    @Test func `etcd goes before others with all its threads, and so does one that an earlier daemon has started`()
        async throws
    {
        try await withEtcdDirectory { directory in
            let first = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await running(first) {
                let pid = try #require(first.pid)
                #expect(try await eventually(within: .seconds(40)) { niceness(ofThreadsOf: pid) == [-10] })
                try Processes.setNiceness(0, ofSession: pid)
                #expect(niceness(ofThreadsOf: pid) != [-10])
            }
            let second = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await running(second) {
                let pid = try #require(second.pid)
                #expect(second.starts == 0)
                #expect(try await eventually(within: .seconds(40)) { niceness(ofThreadsOf: pid) == [-10] })
            }
        }
        #expect(throws: SystemError.self) { try Processes.setNiceness(0, ofSession: 0) }
    }

    @Test func `stop ends etcd, ends the supervision, and keeps the data`() async throws {
        try await withEtcdDirectory { directory in
            let first = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await first.run() }
                try await first.waitUntilReady()
                let pid = try #require(first.pid)
                _ = try await first.store.commit(.init(puts: [.init(Self.key, [1])]))
                try await first.stop()
                try await group.next()
                #expect(!Processes.isRunning(pid, startTime: nil))
                #expect(try Files.list("\(directory)/run") == [])
            }
            let second = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            try await running(second) { () async throws in #expect(try await second.store.get(Self.key)?.value == [1]) }
        }
    }

    @Test func `the sockets are for root alone, and no port is open`() async throws {
        try await withEtcd { etcd in
            #expect(try fileMode(etcd.configuration.runDirectory) == 0o700)
            let pid = try #require(etcd.pid)
            // Every socket of the process that the kernel lists as TCP would show here.
            let inodes = try Files.list("/proc/\(pid)/fd").compactMap { socketInode(of: "/proc/\(pid)/fd/\($0)") }
            #expect(!inodes.isEmpty)
            for table in ["tcp", "tcp6"] {
                let rows = try #require(try Files.text("/proc/\(pid)/net/\(table)")).split(separator: "\n").dropFirst()
                let listed = Set(
                    rows.compactMap { row in row.split(separator: " ").dropFirst(9).first.map(String.init) })
                #expect(listed.isDisjoint(with: inodes))
            }
        }
    }

    @Test func `a member that cannot start says why`() async throws {
        try await withEtcdDirectory { directory in
            var configuration = etcdConfiguration(in: directory)
            configuration.peers = .tls(
                listen: "https://127.0.0.1:0", advertise: "https://127.0.0.1:1",
                .init(
                    authority: "\(directory)/missing", certificate: "\(directory)/missing", key: "\(directory)/missing")
            )
            let etcd = try EtcdSupervisor(configuration, logger: quietLogger)
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await etcd.run() }
                let found = await #expect(throws: EtcdError.self) { try await etcd.waitUntilReady(within: .seconds(3)) }
                #expect(found?.code == .notReady)
                #expect(found?.detail.contains("missing") == true)
                #expect(etcd.starts > 1)
                group.cancelAll()
            }
        }
    }

    @Test func `a full store takes deletes, and writes again once room is made`() async throws {
        try await withEtcdDirectory { directory in
            var configuration = etcdConfiguration(in: directory)
            configuration.quotaBytes = 24 << 20
            let etcd = try EtcdSupervisor(configuration, logger: quietLogger)
            try await running(etcd) {
                let value = [UInt8](repeating: 1, count: 1_000_000)
                let full = await #expect(throws: StateStoreError.self) {
                    for _ in 0..<100 { _ = try await etcd.store.commit(.init(puts: [.init(Self.key, value)])) }
                }
                #expect(full?.code == .full)
                #expect(try await etcd.maintenance.isFull())
                _ = try #require(try await etcd.store.commit(.init(deletes: [Self.key])).revision)
                #expect(try await etcd.maintenance.freeSpaceIfFull())
                #expect(try await !etcd.maintenance.isFull())
                _ = try #require(try await etcd.store.commit(.init(puts: [.init(Self.key, value)])).revision)
            }
        }
    }

    @Test func `the one member is listed, and room is made only when it is full`() async throws {
        try await withEtcd { etcd in
            let members = try await etcd.members.list()
            #expect(members.map(\.name) == ["node"])
            #expect(members.map(\.peerURLs) == [[etcd.configuration.peerURL]])
            #expect(try await etcd.maintenance.status().memberID == members[0].id)
            #expect(try await !etcd.maintenance.freeSpaceIfFull())
        }
    }
}

/// What the threads of a process are worth, field 19 of /proc/PID/task/TID/stat (proc(5)).
private func niceness(ofThreadsOf pid: Int32) -> Set<Int> {
    // A process or a thread that has ended meanwhile has none.
    let threads = (try? Files.list("/proc/\(pid)/task")) ?? []
    return Set(
        threads.compactMap { thread -> Int? in
            // As above.
            guard let text = try? Files.text("/proc/\(pid)/task/\(thread)/stat"), let end = text.lastIndex(of: ")")
            else { return nil }
            return text[text.index(after: end)...].split(separator: " ").dropFirst(16).first.flatMap { Int($0) }
        })
}

private func socketInode(of link: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = readlink(link, &buffer, buffer.count)
    guard count > 0 else { return nil }
    let target = String(decoding: buffer[..<count], as: UTF8.self)
    return target.hasPrefix("socket:[") ? String(target.dropFirst(8).dropLast()) : nil
}
