import Model
import StateStore
import Synchronization
import TestKit
import Testing

@testable import Cluster

/// Reports of many nodes, written together.
@Suite struct ReportWriterTests {
    /// Counts what is written, and lets a test come between.
    private final class CountingStore: ObjectStore {
        let base = MemoryStore()
        let commits = Atomic<Int>(0)
        let before = Mutex<(@Sendable (Int) async throws -> Void)?>(nil)

        func get(_ key: StoreKey) async throws -> StoredValue? { try await base.get(key) }
        func list(_ prefix: String) async throws -> StoreListing { try await base.list(prefix) }
        func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome {
            let number = commits.add(1, ordering: .relaxed).newValue
            try await before.withLock { $0 }?(number)
            return try await base.commit(transaction)
        }
        func watch(
            _ prefix: String, after revision: Int64,
            receive: @escaping @Sendable ([StoreEvent]) async throws -> Void
        ) async throws { try await base.watch(prefix, after: revision, receive: receive) }
        func withLeadership(
            of role: String, candidate: [UInt8], lease: Duration,
            _ body: @escaping @Sendable (LeaderFence) async throws -> Void
        ) async throws { try await base.withLeadership(of: role, candidate: candidate, lease: lease, body) }
    }

    private static func task(_ id: String, on node: String, _ state: TaskState = .assigned) -> SwarmTask {
        var task = SwarmTask(id: id)
        task.nodeID = node
        task.assignment = .init()
        task.status = TaskStatus(state, "", at: Timestamp(seconds: 1_000))
        return task
    }

    private static func report(_ id: String, _ state: TaskState, _ seconds: Int64 = 2_000) -> ReportWriter.Report {
        ReportWriter.Report(taskID: id, status: TaskStatus(state, "", at: Timestamp(seconds: seconds)))
    }

    /// A store with tasks, a read model that follows it, and a writer.
    private func with(
        _ tasks: [SwarmTask], _ body: @escaping @Sendable (CountingStore, ReadModel, ReportWriter) async throws -> Void
    ) async throws {
        let store = CountingStore()
        for task in tasks {
            _ = try await store.base.commit(StoreTransaction(puts: [.init(task.key, try task.storedBytes)]))
        }
        let model = ReadModel(store: store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await store.follow(StoreKey.everything) { model.take($0) } }
            group.addTask {
                await model.catchUp(to: store.base.revision)
                try await body(store, model, ReportWriter(store: store, model: model))
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private static func stored(_ store: CountingStore, _ id: String) async throws -> SwarmTask {
        try SwarmTask(stored: try #require(await store.get(StoreKey(.tasks, id: id))))
    }

    @Test(.timeLimit(.minutes(1))) func `reports of many nodes at once cost few transactions`() async throws {
        let tasks = (0..<400).map { Self.task("t\($0)", on: "n\($0 % 40)") }
        try await with(tasks) { store, _, writer in
            let begun = Kept(0)
            store.before.withLock { before in
                // The first of them is still writing when the last one comes.
                before = { number in
                    while number == 1, begun.withLock({ $0 }) < 40 { try await Task.sleep(for: .milliseconds(5)) }
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in 0..<40 {
                    group.addTask {
                        let own = stride(from: node, to: 400, by: 40).map { Self.report("t\($0)", .running) }
                        begun.withLock { $0 += 1 }
                        try await writer.write(own, of: "n\(node)")
                    }
                }
                try await group.waitForAll()
            }
            for number in 0..<400 {
                let task = try await Self.stored(store, "t\(number)")
                #expect(task.status.state == .running && task.assignment?.runningSince == task.status.timestamp)
            }
            // One that had begun and did not wait yet may come later.
            #expect(store.commits.load(ordering: .relaxed) <= 10)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `states only advance, in the order of the reports, and each node speaks for its own`()
        async throws
    {
        try await with([Self.task("a", on: "n"), Self.task("b", on: "other"), Self.task("c", on: "n", .failed)]) {
            store, _, writer in
            try await writer.write(
                [
                    Self.report("a", .running, 2_000), Self.report("a", .starting, 2_001),
                    Self.report("a", .complete, 1_500), Self.report("a", .running, 3_000),
                    Self.report("b", .running), Self.report("c", .running), Self.report("gone", .running),
                ], of: "n")
            let task = try await Self.stored(store, "a")
            #expect(task.status.state == .complete && task.status.timestamp == Timestamp(seconds: 2_000))
            #expect(task.assignment?.runningSince == Timestamp(seconds: 2_000))
            #expect(try await Self.stored(store, "b").status.state == .assigned)
            #expect(try await Self.stored(store, "c").status.state == .failed)
            #expect(store.commits.load(ordering: .relaxed) == 1)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a change by others is kept, and a task that goes meanwhile is let go`()
        async throws
    {
        try await with([Self.task("a", on: "n"), Self.task("b", on: "n"), Self.task("c", on: "n")]) {
            store, _, writer in
            store.before.withLock { before in
                before = { number in
                    guard number == 1 else { return }
                    var task = Self.task("a", on: "n")
                    task.desiredState = .shutdown
                    _ = try await store.base.commit(
                        StoreTransaction(
                            puts: [.init(task.key, try task.storedBytes)], deletes: [StoreKey(.tasks, id: "b")]))
                }
            }
            try await writer.write(["a", "b", "c"].map { Self.report($0, .running) }, of: "n")
            let task = try await Self.stored(store, "a")
            #expect(task.status.state == .running && task.desiredState == .shutdown)
            #expect(try await Self.stored(store, "c").status.state == .running)
            #expect(try await store.get(StoreKey(.tasks, id: "b")) == nil)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a store that fails fails those who ask, and nothing stays behind`()
        async throws
    {
        try await with([Self.task("a", on: "n"), Self.task("b", on: "m")]) { store, _, writer in
            store.before.withLock { $0 = { _ in throw StateStoreError(.unavailable, "write") } }
            let failures = await withTaskGroup(of: Bool.self) { group in
                for (task, node) in [("a", "n"), ("b", "m")] {
                    group.addTask {
                        do { try await writer.write([Self.report(task, .running)], of: node) } catch {
                            return error is StateStoreError
                        }
                        return false
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(failures == 2)
            store.before.withLock { $0 = nil }
            try await writer.write([Self.report("b", .running)], of: "m")
            #expect(try await Self.stored(store, "a").status.state == .assigned)
            #expect(try await Self.stored(store, "b").status.state == .running)
        }
    }

    /// A second report of the same task may come before the read model has the first.
    @Test(.timeLimit(.minutes(1))) func `what was just written is known`() async throws {
        try await with([Self.task("a", on: "n")]) { store, _, _ in
            let blind = ReadModel(store: store)
            blind.take(.snapshot(try await store.list(StoreKey.everything)))
            let writer = ReportWriter(store: store, model: blind)
            for state in [TaskState.preparing, .ready, .starting, .running] {
                try await writer.write([Self.report("a", state)], of: "n")
            }
            #expect(store.commits.load(ordering: .relaxed) == 4)
            #expect(try await Self.stored(store, "a").status.state == .running)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `an address that is free again is given to one of those that wait for it, also where writing fails at first`()
        async throws
    {
        let holder = ChosenAddressTests.task("c", on: "k", ["192.0.2.5/24"])
        let waiting = [ChosenAddressTests.task("a", on: "n"), ChosenAddressTests.task("b", on: "m")]
        try await with([holder] + waiting) { store, model, writer in
            let chosen = ChosenAddressTests.status(["192.0.2.5/24"])
            try await writer.write([.init(taskID: "a", status: chosen)], of: "n")
            try await writer.write([.init(taskID: "b", status: chosen)], of: "m")
            func addressed() async throws -> [String] {
                var found: [String] = []
                for id in ["a", "b"] {
                    let attachment = try await Self.stored(store, id).networksAttachments?.first
                    if attachment?.addresses.isEmpty == false { found.append(id) }
                }
                return found
            }
            try await writer.lookAgain()
            #expect(try await addressed().isEmpty)
            // What is said of the task without an address takes nothing back.
            try await writer.write([Self.report("b", .running)], of: "m")
            var ended = holder
            ended.status.state = .shutdown
            _ = try await store.base.commit(StoreTransaction(puts: [.init(ended.key, try ended.storedBytes)]))
            await model.catchUp(to: store.base.revision)
            store.before.withLock { $0 = { _ in throw StateStoreError(.unavailable, "write") } }
            await #expect(throws: StateStoreError.self) { try await writer.lookAgain() }
            store.before.withLock { $0 = nil }
            for _ in 0..<2 {
                try await writer.lookAgain()
                #expect(try await addressed() == ["a"])
                #expect(writer.nodesWithRefusals == ["m"])
                await model.catchUp(to: store.base.revision)
            }
        }
    }

    /// The read model may not have the first one's yet.
    @Test(.timeLimit(.minutes(1))) func `an address that a task has just been given is no other node's`() async throws {
        try await with([ChosenAddressTests.task("a", on: "n"), ChosenAddressTests.task("b", on: "m")]) { store, _, _ in
            let blind = ReadModel(store: store)
            blind.take(.snapshot(try await store.list(StoreKey.everything)))
            let writer = ReportWriter(store: store, model: blind)
            let chosen = ChosenAddressTests.status(["192.0.2.5/24"])
            for (task, node) in [("a", "n"), ("b", "m")] {
                try await writer.write([.init(taskID: task, status: chosen)], of: node)
            }
            let first = try await Self.stored(store, "a").networksAttachments?.first?.addresses
            let second = try await Self.stored(store, "b").networksAttachments?.first?.addresses
            #expect(first?.map(\.description) == ["192.0.2.5/24"])
            #expect(second?.isEmpty == true)
            #expect(writer.nodesWithRefusals == ["m"])
        }
    }
}
