import Concurrency
import EngineInterface
import LinuxSystem
import Logging
import Model
import Synchronization

/// The tasks this node is to have, each driven by a runner of its own, and what is to be reported of them.
///
/// What is wanted and what was reached is kept on disk, so that a restarted daemon goes on without a manager.
final class AssignedTasks: Sendable {
    private struct Entry {
        var task: SwarmTask
        var status: TaskStatus
        let wanted: ObservableValue<SwarmTask?>
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// Runners that end: their tasks' ids may not begin anew before.
        var leaving: Set<String> = []
        var unreported: Set<String> = []
        /// What is to be kept.
        var unsaved: Set<String> = []
    }

    private let state = Mutex(State())
    private let executor: any TaskExecutor
    private let directory: String
    private let store = ObservableValue<AssignedStore?>(nil)
    private let publish: @Sendable (EngineEvent) -> Void
    private let log: Logger
    private let starts: AsyncStream<Entry>
    private let start: AsyncStream<Entry>.Continuation
    /// Grows with each report that waits.
    let news = ObservableValue(0)
    private let saves = ObservableValue(0)
    /// What the engine has in force of the swarm's networks.
    let networks = ObservableValue(AppliedNetworks())

    /// Writes to disk are at least this far apart.
    static let saveInterval = Duration.milliseconds(100)
    /// After how long a write that failed is tried again.
    static let saveRetry = Duration.seconds(2)

    /// - Parameters:
    ///   - directory: Where what is assigned is kept.
    ///   - publish: Told of what cannot be read.
    init(
        executor: any TaskExecutor, directory: String, publish: @escaping @Sendable (EngineEvent) -> Void = { _ in },
        log: Logger
    ) {
        self.publish = publish
        self.executor = executor
        self.log = log
        self.directory = directory
        // All of them: one that was left out would never begin, and all tasks are kept here anyway.
        (starts, start) = AsyncStream.makeStream(of: Entry.self, bufferingPolicy: .unbounded)
    }

    /// Takes up what an earlier daemon kept; its tasks' runners start with ``run()``.
    func restore() async {
        do {
            let (store, kept) = try await AssignedStore.open(directory, log: log)
            tell(of: kept.unread)
            take(complete: false, kept.tasks, removed: [])
            networks.set(AppliedNetworks(kept.networks))
            self.store.set(store)
        } catch {
            // A manager tells it all again.
            log.error(
                "what was assigned before cannot be taken up", metadata: ["path": "\(directory)", "error": "\(error)"])
        }
    }

    /// Says what was kept or sent and cannot be read. Whatever else there is goes on.
    func tell(of unread: [UnreadRecord]) {
        for record in unread {
            log.error(
                "what is assigned cannot be read",
                metadata: ["type": "\(record.type)", "id": "\(record.id)", "reason": "\(record.reason)"])
            publish(record.event(scope: "local"))
        }
    }

    /// Drives the tasks until cancelled. Cancelling leaves their containers as they are.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.save() }
            for await entry in starts {
                // Also of a task that is not to be here any more by now: its container may be, and its id may begin anew behind it.
                group.addTask { await self.drive(entry.task, entry.status, entry.wanted) }
            }
            group.cancelAll()
        }
        guard let store = store.value else { return }
        _ = await saveChanged(to: store)
        do { try await store.close() } catch {
            log.warning("what is assigned is not closed", metadata: ["error": "\(error)"])
        }
    }

    private func drive(_ task: SwarmTask, _ status: TaskStatus, _ wanted: ObservableValue<SwarmTask?>) async {
        var log = log
        log[metadataKey: "task"] = "\(task.id)"
        let runner = TaskRunner(
            wanted: wanted, executor: executor, report: { self.note(task.id, $0) }, log: log)
        await runner.run(task, from: status)
        guard !Task.isCancelled else { return }
        state.withLock { _ = $0.leaving.remove(task.id) }
    }

    /// Takes in what a manager assigns.
    /// - Parameter unread: Ids of tasks that are assigned, too, and cannot be read: those that are known stay as they are.
    func take(complete: Bool, _ tasks: [SwarmTask], removed: [String], unread: Set<String> = []) {
        let (new, requests) = state.withLock { state in
            var new: [Entry] = []
            var requests: [(ObservableValue<SwarmTask?>, SwarmTask?)] = []
            let gone =
                complete ? Set(state.entries.keys).subtracting(tasks.map(\.id)).subtracting(unread) : Set(removed)
            for id in gone {
                guard let entry = state.entries.removeValue(forKey: id) else { continue }
                state.leaving.insert(id)
                state.unreported.remove(id)
                requests.append((entry.wanted, nil))
            }
            for task in tasks where !state.leaving.contains(task.id) {
                if state.entries[task.id] != nil {
                    // Only what is requested changes; what was reached is this node's own knowledge.
                    state.entries[task.id]?.task.desiredState = task.desiredState
                    if let entry = state.entries[task.id] { requests.append((entry.wanted, entry.task)) }
                    if state.entries[task.id]?.status != task.status { state.unreported.insert(task.id) }
                } else {
                    let entry = Entry(task: task, status: task.status, wanted: ObservableValue(task))
                    state.entries[task.id] = entry
                    new.append(entry)
                }
            }
            state.unsaved.formUnion(gone)
            state.unsaved.formUnion(tasks.map(\.id))
            return (new, requests)
        }
        for (wanted, task) in requests { wanted.set(task) }
        for entry in new { start.yield(entry) }
        news.change { $0 += 1 }
        saves.change { $0 += 1 }
    }

    /// Ids of all tasks that are known here, those that end included.
    var knownIDs: Set<String> { state.withLock { Set($0.entries.keys).union($0.leaving) } }
    /// Those of them that have ended, and of which nothing may run.
    var endedIDs: Set<String> {
        state.withLock { state in Set(state.entries.values.filter { $0.status.state.isTerminal }.map(\.task.id)) }
    }

    /// Keeps that the engine knows something of networks, which must be before it does, or that it does not any more.
    func keep(networks: [(id: String, network: SwarmNetwork?)]) async {
        guard !networks.isEmpty, let store = store.value else { return }
        do { try await store.save(networks: networks) } catch {
            log.error("the networks of this node cannot be kept", metadata: ["error": "\(error)"])
        }
    }

    private func note(_ id: String, _ status: TaskStatus) {
        state.withLock { state in
            guard state.entries[id] != nil else { return }
            state.entries[id]?.status = status
            state.unreported.insert(id)
            state.unsaved.insert(id)
        }
        news.change { $0 += 1 }
        saves.change { $0 += 1 }
    }

    /// What a manager is still to be told.
    var unreported: [(id: String, status: TaskStatus)] {
        state.withLock { state in
            state.unreported.compactMap { id in state.entries[id].map { (id, $0.status) } }
        }
    }

    /// Tells a manager, until cancelled, what it does not know: one message at a time, and whatever comes while one is under way goes into the next.
    ///
    /// - Parameters:
    ///   - most: Reports of one message; more go into the one after it.
    ///   - send: Returns when the manager has taken them. What it throws ends this, and nothing of the message counts as told.
    func report(
        atMost most: Int, send: ([(id: String, status: TaskStatus)]) async throws -> Void
    ) async throws {
        var seen = -1
        while true {
            seen = try await news.wait { [seen] in $0 > seen ? $0 : nil }
            while true {
                let reports = Array(unreported.prefix(most))
                guard !reports.isEmpty else { break }
                try await send(reports)
                confirm(reports)
            }
        }
    }

    /// A manager has taken these reports.
    private func confirm(_ reports: [(id: String, status: TaskStatus)]) {
        state.withLock { state in
            for report in reports where state.entries[report.id]?.status == report.status {
                state.unreported.remove(report.id)
            }
        }
    }

    /// A new session may be with another manager: everything is told again.
    func reportEverything() {
        state.withLock { state in
            state.unreported.formUnion(state.entries.filter { $0.value.status.state > .assigned }.keys)
        }
        news.change { $0 += 1 }
    }

    /// Keeps what changes, what comes meanwhile together with one wait for the disk.
    private func save() async {
        do {
            let store = try await store.wait { $0 }
            var saved = 0
            while true {
                saved = try await saves.wait { [saved] in $0 > saved ? $0 : nil }
                if await !saveChanged(to: store) { try await Task.sleep(for: Self.saveRetry) }
                try await Task.sleep(for: Self.saveInterval)
            }
        } catch {
            // Only cancellation gets here: the daemon ends. Of one that is killed, what is on disk is at most one interval old.
            return
        }
    }

    /// - Returns: Whether all is kept.
    private func saveChanged(to store: AssignedStore) async -> Bool {
        let changed = state.withLock { state in
            defer { state.unsaved = [] }
            return state.unsaved.map { id -> (id: String, task: SwarmTask?) in
                guard let entry = state.entries[id] else { return (id, nil) }
                var task = entry.task
                task.status = entry.status
                return (id, task)
            }
        }
        do { try await store.save(changed) } catch {
            log.error("what is assigned cannot be kept", metadata: ["error": "\(error)"])
            state.withLock { $0.unsaved.formUnion(changed.map(\.id)) }
            saves.change { $0 += 1 }
            return false
        }
        return true
    }
}
