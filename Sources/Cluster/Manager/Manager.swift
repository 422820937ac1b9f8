import Concurrency
import EngineInterface
import EtcdStore
import LinuxSystem
import Logging
import Model
import Orchestration
package import StateStore

/// A manager's answers to the API: reads from the read model, writes to the store.
///
/// Each write returns only when this manager's read model has it, so that the next read sees it.
package struct Manager: Sendable {
    /// How often a write is made anew when another change came between.
    static let attempts = 16
    /// What every change of names, references, ports and pools touches, so that of two at once one is made anew.
    private static let guardKey = StoreKey(path: "/apus/guard/references")
    /// Of this manager's own changes one is made after the other: they would only overtake each other. With other managers' they contend.
    private let locks = KeyedLock<String>()

    package let store: any ObjectStore
    package let model: ReadModel
    package let writer: ObjectWriter
    /// Gets the nodes' logs.
    package let logs: LogBroker
    /// What the nodes tell of themselves.
    package let feeds: FeedHub
    /// The way to containers on other nodes.
    let tunnels: TunnelHub
    /// What is used of networks' addresses.
    let addresses: AddressLedger
    /// How the managers are at this moment.
    let live: ManagerPresence
    /// The store's members, which managers are.
    let members: EtcdMembers
    /// Who is told of alerts while this manager leads.
    let webhook: AlertWebhook?
    /// What its member of the store tells of itself; `nil` while that does not answer.
    let storeMetrics: @Sendable () async -> StoreMetrics?
    /// This node's id: what `self` means.
    package let nodeID: String

    init(
        store: any ObjectStore, model: ReadModel, live: ManagerPresence, members: EtcdMembers, nodeID: String,
        events: (any EventExchange)? = nil, webhook: AlertWebhook? = nil,
        storeMetrics: @escaping @Sendable () async -> StoreMetrics? = { nil }, log: Logger
    ) {
        feeds = FeedHub(model: model, events: events)
        tunnels = TunnelHub(model: model, feeds: feeds, events: events, nodeID: nodeID)
        logs = LogBroker(model: model, log: log)
        addresses = AddressLedger(model: model)
        self.live = live
        self.members = members
        self.model = model
        self.nodeID = nodeID
        self.store = store
        self.storeMetrics = storeMetrics
        self.webhook = webhook
        writer = ObjectWriter(store: store)
    }

    /// Makes a change that other objects' names, references, ports or pools decide on, as if nothing else happened meanwhile.
    ///
    /// - Parameter plan: From a state that has every earlier such change. Called again when another change was faster. Without writes
    ///   nothing is done.
    func guarded(_ plan: (SwarmState) throws -> StoreTransaction) async throws {
        // Without a quorum nobody waits for his turn: all are refused at the same time.
        _ = try await store.get(Self.guardKey)
        try await locks.run(Self.guardKey.path) {
            try Task.checkCancellation()
            try await change(plan)
        }
    }

    private func change(_ plan: (SwarmState) throws -> StoreTransaction) async throws {
        for _ in 0..<Self.attempts {
            let mark = try await store.get(Self.guardKey)
            if let mark { await model.catchUp(to: mark.modifyRevision) }
            var transaction = try plan(model.objects)
            if transaction.isEmpty { return }
            transaction.require(
                mark.map { .modified(Self.guardKey, at: $0.modifyRevision) } ?? .absent(Self.guardKey))
            // No two writes are alike: one whose answer was lost is known again.
            transaction.put(Self.guardKey, Array("\(nodeID) \(RandomID.hex(bytes: 8))".utf8))
            let outcome = try await store.commit(transaction)
            if let revision = outcome.revision { return await model.catchUp(to: revision) }
            // What was overtaken must be seen before planning anew.
            if case .refused(_, let current) = outcome, let newest = current.values.map(\.modifyRevision).max() {
                await model.catchUp(to: newest)
            }
        }
        throw ClusterError(.contended, "the swarm changed faster than it could be updated")
    }

    /// Changes the swarm's own object under the version that the client has seen.
    /// - Throws: ``SwarmObjectError/outOfSequence`` when the object has changed since.
    func updateCluster(
        _ id: String, version: UInt64, _ change: (inout ClusterObject) throws -> Void
    ) async throws {
        guard var object = try await writer.get(ClusterObject.self, id) else {
            throw SwarmObjectError.notFound(.cluster, id)
        }
        guard object.version.index == version else { throw SwarmObjectError.outOfSequence }
        let condition = StoreTransaction.Condition.modified(object.key, at: Int64(clamping: version))
        try change(&object)
        object.updatedAt = .now
        let outcome = try await store.commit(
            StoreTransaction(conditions: [condition], puts: [.init(object.key, try object.storedBytes)]))
        guard let revision = outcome.revision else { throw SwarmObjectError.outOfSequence }
        await model.catchUp(to: revision)
    }

    /// Waits until this manager's copy has a version that a client has read, maybe from another manager, which was faster.
    /// - Returns: Whether there can be such a version: `false` when the store has not come to it.
    func hasCaughtUp(toVersion version: UInt64) async throws -> Bool {
        if version <= UInt64(clamping: model.objects.revision) { return true }
        // What the majority says: this end of the store may be behind.
        let present = try await store.list(Self.guardKey.path).revision
        guard version <= UInt64(clamping: present) else { return false }
        await model.catchUp(to: Int64(clamping: version))
        return true
    }

    /// A client changes the specification that it has read, in any version since it was changed last. What else became of the object
    /// meanwhile (a node's state, a service's addresses, the course of an update) is no conflict; Docker takes it for one.
    /// - Throws: ``SwarmObjectError/outOfSequence``.
    static func check(_ version: UInt64, of present: ObjectVersion, since: UInt64?) throws {
        guard version > 0, version <= present.index, version >= since ?? 0 else {
            throw SwarmObjectError.outOfSequence
        }
    }

    /// Finds an object by id, name, or unambiguous beginning of an id. Others are looked at for the last only.
    /// - Parameter named: Those that have the reference as their name.
    func find<Object: SwarmObject & MappedObject>(
        _ reference: String, in objects: ObjectMap<Object>, kind: SwarmObjectKind, named: @autoclosure () -> [Object]
    ) throws(SwarmObjectError) -> Object {
        if let object = objects[reference] { return object }
        var matches = reference.isEmpty ? [] : named()
        if matches.isEmpty, !reference.isEmpty {
            matches = objects.shared.filter { $0.value.id.hasPrefix(reference) }.map(\.value)
        }
        guard let object = matches.first else {
            throw .notFound(kind, reference)
        }
        guard matches.count == 1 else {
            throw .ambiguous(kind, reference, matches: matches.count)
        }
        return object
    }
}
