import Addressing
import Concurrency
package import Model
import Orchestration
package import StateStore
import Synchronization

/// Writes what nodes report of their tasks, many tasks of all nodes in one transaction.
///
/// Whoever comes while a transaction is under way waits, and one of those who wait writes for all of them: under load a status costs a part of a
/// transaction, alone it costs one and waits for nothing. Each task is written on condition that nobody has changed it since it was looked at.
package final class ReportWriter: Sendable {
    /// A status that a node has reached for one of its tasks.
    package struct Report: Sendable {
        package let taskID: String
        package let status: TaskStatus
        /// Only the addresses of the status are meant.
        fileprivate var isOfAddresses = false

        package init(taskID: String, status: TaskStatus) {
            self.status = status
            self.taskID = taskID
        }
    }

    private struct Entry {
        let ticket: Int
        let nodeID: String
        let report: Report
    }

    /// What a node has chosen for a task, and what is not believed so far.
    private struct Refused {
        let nodeID: String
        let chosen: [TaskStatus.ChosenAddresses]
        /// It has not been held against the swarm again yet.
        var isNew = true

        /// As the node has said it.
        var status: TaskStatus {
            var status = TaskStatus(.running, "", at: .now)
            status.chosenAddresses = chosen
            return status
        }

        /// Whether the task is still the node's, and without what the node has chosen.
        func isOpen(in task: SwarmTask) -> Bool {
            task.nodeID == nodeID && ChosenAddressRules.areNews(status, of: task)
        }

        func has(anyOf addresses: Set<IPAddress>) -> Bool {
            chosen.contains { place in place.addresses.contains { addresses.contains($0.address) } }
        }
    }

    private struct State {
        /// In the order in which they came.
        var waiting: [Entry] = []
        var nextTicket = 0
        /// Tasks as they were last written here, until the read model has them.
        var written: [String: SwarmTask] = [:]
        /// When each node's reports were last written.
        var last: [String: ContinuousClock.Instant] = [:]
        /// By the tasks' ids.
        var refused: [String: Refused] = [:]
        /// The state of the swarm that they were last held against; `nil`: all of them are to be.
        var refusedLook: SwarmLook?
    }

    /// How many tasks go into a transaction: each takes a write and a condition.
    static let tasksPerTransaction = StoreTransaction.maximumOperations - 8
    /// Between two writes for the same node; what it reports meanwhile goes together.
    package static let pause = Duration.milliseconds(100)

    private let store: any ObjectStore
    private let model: ReadModel
    private let locks = KeyedLock<String>()
    private let state = Mutex(State())
    private let clock = ContinuousClock()

    package init(store: any ObjectStore, model: ReadModel) {
        self.model = model
        self.store = store
    }

    /// Returns when all that is news of these is written. Reports on other nodes' tasks, and on tasks that are gone, are ignored.
    /// - Throws: ``StateStoreError``; some of it may have been written then.
    package func write(_ reports: [Report], of nodeID: String) async throws {
        guard !reports.isEmpty else { return }
        let due = state.withLock { $0.last[nodeID] }.map { $0 + Self.pause }
        if let due, due > clock.now { try await Task.sleep(until: due, clock: clock) }
        let ticket = state.withLock { state in
            state.nextTicket += 1
            state.waiting += reports.map { Entry(ticket: state.nextTicket, nodeID: nodeID, report: $0) }
            return state.nextTicket
        }
        defer { state.withLock { $0.waiting.removeAll { $0.ticket == ticket } } }
        try await locks.runUnlessCancelled("reports") {
            while state.withLock({ $0.waiting.contains { $0.ticket == ticket } }) { try await writeSome() }
        }
    }

    // MARK: Addresses that are not believed

    /// Nodes that have chosen some.
    var nodesWithRefusals: Set<String> { state.withLock { Set($0.refused.values.map(\.nodeID)) } }

    /// These nodes tell everything anew, here or elsewhere, with their next sessions.
    func forgetRefusals(of nodes: Set<String>) {
        if nodes.isEmpty { return }
        state.withLock { state in state.refused = state.refused.filter { !nodes.contains($0.value.nodeID) } }
    }

    /// Gives tasks the addresses that they could not be given when their nodes told of them, where whoever was in the way has let go of them. Costs
    /// what has changed, and a look at those that it may be good for.
    /// - Throws: ``StateStoreError``; then it is tried again with the next call.
    func lookAgain() async throws {
        guard let (look, due) = refusalsDue() else { return }
        // With what is given here: of several that wait for an address one gets it.
        var objects = look.state
        var reports: [String: [Report]] = [:]
        for (taskID, known) in due.sorted(by: { $0.key < $1.key }) {
            guard let task = objects.tasks[taskID], known.isOpen(in: task) else {
                state.withLock { $0.refused[taskID] = nil }
                continue
            }
            var changed = task
            ChosenAddressRules.settle(known.status, in: &changed, objects)
            if changed == task { continue }
            objects.tasks[taskID] = changed
            var report = Report(taskID: taskID, status: known.status)
            report.isOfAddresses = true
            reports[known.nodeID, default: []].append(report)
        }
        do { for (nodeID, ready) in reports { try await write(ready, of: nodeID) } } catch {
            state.withLock { $0.refusedLook = nil }
            throw error
        }
    }

    /// Those that may be believed now: what has come since the last look, and what that has to do with anything that has changed.
    /// - Returns: `nil` when there are none at all.
    private func refusalsDue() -> (SwarmLook, [String: Refused])? {
        let (isNeeded, former) = state.withLock { state in
            // A state that nobody needs is not kept.
            if state.refused.isEmpty { state.refusedLook = nil }
            return (!state.refused.isEmpty, state.refusedLook)
        }
        guard isNeeded else { return nil }
        let look = model.look(after: former)
        let freed = former.map { Self.addresses(of: look.changes.tasks, in: $0.state) } ?? []
        let isAll = former == nil || !look.changes.networks.isEmpty
        let due = state.withLock { state in
            state.refusedLook = look
            let due = state.refused.filter { id, known in
                isAll || known.isNew || look.changes.tasks.contains(id) || known.has(anyOf: freed)
            }
            for id in due.keys { state.refused[id]?.isNew = false }
            return due
        }
        return (look, due)
    }

    /// What some tasks have in networks whose addresses nodes choose.
    private static func addresses(of tasks: Set<String>, in objects: SwarmState) -> Set<IPAddress> {
        var addresses: Set<IPAddress> = []
        for id in tasks {
            for attachment in objects.tasks.shared(id)?.value.networksAttachments ?? []
            where attachment.network.isNodeLocal {
                addresses.formUnion(attachment.addresses.map(\.address))
            }
        }
        return addresses
    }

    /// Keeps what is not believed. What is given is forgotten once it is written; see ``note(_:)``.
    private func settle(_ entry: Entry, in task: inout SwarmTask, _ objects: SwarmState) {
        let (id, status) = (task.id, entry.report.status)
        guard let chosen = status.chosenAddresses, ChosenAddressRules.areNews(status, of: task) else { return }
        ChosenAddressRules.settle(status, in: &task, objects)
        let isRefused = ChosenAddressRules.areNews(status, of: task)
        state.withLock { state in
            // What the node says last counts.
            guard isRefused || state.refused[id] != nil else { return }
            state.refused[id] = Refused(nodeID: entry.nodeID, chosen: chosen)
        }
    }

    // MARK: Transactions

    /// Writes what has waited longest, and takes it off the list when that has worked.
    private func writeSome() async throws {
        let entries = state.withLock { state in
            var tasks: Set<String> = []
            return Array(
                state.waiting.prefix {
                    tasks.insert($0.report.taskID)
                    return tasks.count <= Self.tasksPerTransaction
                })
        }
        try await write(entries)
        let now = clock.now
        state.withLock { state in
            // Others have only been added behind, or have left.
            var done: [Int: Int] = [:]
            for entry in entries { done[entry.ticket, default: 0] += 1 }
            state.waiting.removeAll { entry in
                guard let count = done[entry.ticket], count > 0 else { return false }
                done[entry.ticket] = count - 1
                return true
            }
            for entry in entries { state.last[entry.nodeID] = now }
            state.last = state.last.filter { now - $0.value < Self.pause }
        }
    }

    private func write(_ entries: [Entry]) async throws {
        var open = Dictionary(grouping: entries, by: \.report.taskID)
        var refusals = 0
        while !open.isEmpty, refusals < ObjectWriter.attempts {
            var transaction = StoreTransaction()
            var changed: [StoreKey: SwarmTask] = [:]
            var bytes = 0
            var objects = withChosenAddresses()
            for (id, entries) in open.sorted(by: { $0.key < $1.key }) {
                guard let task = try await present(id), let new = applied(entries, to: task, objects) else {
                    open[id] = nil
                    continue
                }
                let value = try new.storedBytes
                if !changed.isEmpty, bytes + value.count > StoreTransaction.maximumBytes / 2 { continue }
                bytes += value.count
                transaction.require(.modified(task.key, at: Int64(clamping: task.version.index)))
                transaction.put(task.key, value)
                changed[task.key] = new
                if new.hasChosenAddress { objects.tasks[id] = new }
            }
            if transaction.isEmpty { return }
            switch try await commit(transaction) {
            case nil:
                // Too large for the store: nothing else may wait for it, nor is it tried again and again.
                for task in changed.values { open[task.id] = nil }
                state.withLock { state in for task in changed.values { state.refused[task.id] = nil } }
            case .committed(let revision):
                note(
                    changed.values.map { task in
                        var task = task
                        task.version = ObjectVersion(index: UInt64(clamping: revision))
                        return task
                    })
                for task in changed.values { open[task.id] = nil }
            case .refused(let failed, let current):
                refusals += 1
                for key in failed.map(\.key) {
                    guard let id = key.object?.id else { continue }
                    // One that is gone, or that a newer version has written, is left as it is.
                    if let task = current[key].flatMap({ try? SwarmTask(stored: $0) }) {
                        note([task])
                    } else {
                        open[id] = nil
                    }
                }
            }
        }
        guard open.isEmpty else {
            throw ClusterError(.contended, "tasks \(open.keys.sorted()) changed faster than they could be updated")
        }
    }

    /// - Returns: `nil` for what is too large.
    private func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome? {
        do { return try await store.commit(transaction) } catch let error as StateStoreError
            where error.code == .tooLarge
        {
            return nil
        }
    }

    /// A task as it was last seen by anybody here.
    private func present(_ id: String) async throws -> SwarmTask? {
        let known = model.objects.tasks[id]
        let written = state.withLock { state in
            if let own = state.written[id], own.version.index <= known?.version.index ?? 0 { state.written[id] = nil }
            return state.written[id]
        }
        if let newest = written ?? known { return newest }
        // A manager that has just begun may be behind the one that told the node of it.
        return try await store.get(StoreKey(.tasks, id: id)).flatMap { try? SwarmTask(stored: $0) }
    }

    /// The swarm with the addresses of tasks that were written here and that the read model does not have yet.
    private func withChosenAddresses() -> SwarmState {
        var objects = model.objects
        let revision = UInt64(clamping: objects.revision)
        let written = state.withLock { state in
            state.written.values.filter { $0.version.index > revision && $0.hasChosenAddress }
        }
        for task in written { objects.tasks[task.id] = task }
        return objects
    }

    private func note(_ tasks: [SwarmTask]) {
        let model = model.objects
        state.withLock { state in
            for task in tasks {
                state.written[task.id] = task
                if let known = state.refused[task.id], !known.isOpen(in: task) { state.refused[task.id] = nil }
            }
            state.written = state.written.filter { id, task in
                task.version.index > UInt64(clamping: model.revision)
            }
        }
    }

    /// The task with what its node reports of it, in the order of the reports; `nil` when none of it is news.
    private func applied(_ entries: [Entry], to task: SwarmTask, _ objects: SwarmState) -> SwarmTask? {
        var changed = task
        for entry in entries where task.nodeID == entry.nodeID {
            settle(entry, in: &changed, objects)
            guard !entry.report.isOfAddresses, NodeReports.isNews(entry.report.status, after: changed.status) else {
                continue
            }
            let status = NodeReports.settled(entry.report.status, after: changed.status, at: .now)
            changed.status = status
            if status.state == .running, changed.assignment?.runningSince == nil {
                changed.assignment?.runningSince = status.timestamp
            }
        }
        guard changed != task else { return nil }
        changed.updatedAt = .now
        return changed
    }
}

extension SwarmTask {
    /// It has an address that its node has chosen.
    fileprivate var hasChosenAddress: Bool {
        (networksAttachments ?? []).contains { $0.network.isNodeLocal && !$0.addresses.isEmpty }
    }
}
