import Concurrency
import Foundation
import Logging
import Model
import StateStore

/// Keys by which managers tell each other how things are at this moment, beside the swarm's objects.
enum LiveKey {
    static let prefix = StoreKey.leaders
    /// The role whose leader orchestrates.
    static let orchestration = "orchestration"
    private static let presences = "manager/"
    private static let drainedTasks = "cleared/"

    /// The role that each manager leads for itself as long as it is up.
    static func presence(of nodeID: String) -> String { presences + nodeID }
    /// Where a manager says which stopping tasks its own nodes send nothing to any more.
    static func drained(by nodeID: String) -> StoreKey { .leader(of: drainedTasks + nodeID) }

    enum Subject: Equatable { case leader, presence(String), drained(String) }

    static func subject(of key: StoreKey) -> Subject? {
        guard key.path.hasPrefix(prefix) else { return nil }
        let rest = key.path.dropFirst(prefix.count)
        if rest == orchestration { return .leader }
        if rest.hasPrefix(presences) { return .presence(String(rest.dropFirst(presences.count))) }
        if rest.hasPrefix(drainedTasks) { return .drained(String(rest.dropFirst(drainedTasks.count))) }
        return nil
    }
}

/// The ids of tasks, as a manager tells the others of them: a list.
struct DrainedTasks: VersionedRecord {
    static let recordKind = "cleared"
    static let recordVersion = 1

    var ids: Set<String>

    init(ids: Set<String>) { self.ids = ids }

    init(from decoder: any Decoder) throws { ids = try Set(from: decoder) }

    func encode(to encoder: any Encoder) throws { try ids.encode(to: encoder) }
}

/// Which managers are up, which one leads, and what they say of tasks that stop.
package struct LiveState: Sendable, Equatable {
    /// The node id of the manager that leads.
    package private(set) var leader: String?
    /// The node ids of the managers that are up.
    package private(set) var present: Set<String> = []
    /// By manager: the stopping tasks that its nodes send nothing to any more.
    private(set) var drained: [String: Set<String>] = [:]
    /// What is known may be out of date: the store does not answer.
    package private(set) var isStale = true
    private(set) var changes = 0

    package init() {}

    mutating func take(_ update: StoreUpdate) {
        changes += 1
        switch update {
        case .snapshot(let listing):
            let changes = changes
            self = LiveState()
            self.changes = changes
            for value in listing.values { put(value) }
            isStale = false
        case .events(let events):
            for event in events {
                switch event {
                case .put(let value): put(value)
                case .delete(let key, _): forget(key)
                }
            }
        case .stale: isStale = true
        }
    }

    private mutating func put(_ value: StoredValue) {
        switch LiveKey.subject(of: value.key) {
        case .leader: leader = String(decoding: value.value, as: UTF8.self)
        case .presence(let id): present.insert(id)
        case .drained(let id):
            // One that cannot be read clears nothing: its tasks are stopped after the drain's deadline.
            drained[id] = (try? WireJSON.decode(record: DrainedTasks.self, from: value.value))?.ids ?? []
        case nil: break
        }
    }

    private mutating func forget(_ key: StoreKey) {
        switch LiveKey.subject(of: key) {
        case .leader: leader = nil
        case .presence(let id): present.remove(id)
        case .drained(let id): drained[id] = nil
        case nil: break
        }
    }
}

/// A manager's copy of ``LiveState``, and its own part in it.
package final class ManagerPresence: Sendable {
    /// After how long without a sign of life a manager counts as gone.
    static let lease = Duration.seconds(5)
    static let pause = Duration.seconds(1)

    private let store: any ObjectStore
    private let nodeID: String
    private let log: Logger
    let latest = ObservableValue(LiveState())

    init(store: any ObjectStore, nodeID: String, log: Logger) {
        self.log = log
        self.nodeID = nodeID
        self.store = store
    }

    package var state: LiveState { latest.value }

    /// Keeps the copy up to date until cancelled.
    func run() async throws {
        try await store.follow(LiveKey.prefix) { update in self.latest.change { $0.take(update) } }
    }

    /// Shows the others that this manager is up, until cancelled.
    func publish() async throws {
        while true {
            do {
                try await store.withLeadership(
                    of: LiveKey.presence(of: nodeID), candidate: Array(nodeID.utf8), lease: Self.lease
                ) { _ in
                    while true { try await Task.sleep(for: .seconds(3600)) }
                }
            } catch {
                try Task.checkCancellation()
                log.notice("this manager does not count as up for a moment", metadata: ["error": "\(error)"])
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Tells the others which stopping tasks this manager's nodes send nothing to any more.
    func tell(drained: Set<String>) async throws {
        _ = try await store.commit(
            StoreTransaction(puts: [
                .init(LiveKey.drained(by: nodeID), Array(try WireJSON.encode(record: DrainedTasks(ids: drained))))
            ]))
    }
}
