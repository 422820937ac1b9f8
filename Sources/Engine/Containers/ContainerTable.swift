import Addressing
import Concurrency
import EngineInterface
import Images
import LinuxSystem
import Logging
import Model
import OCI
import Synchronization

/// The node's containers: looked up in memory, kept in the local store.
///
/// Every change goes to the store before it is answered for; after a crash the store's records are the truth. What is written is the newest
/// record, one write of a container at a time, so that no older one comes to lie over it.
final class ContainerTable: Sendable {
    /// Operations on one container follow one another, by its id; those on others go on beside them.
    let lock = KeyedLock<String>()
    private struct State {
        var records: [String: ContainerRecord] = [:]
        var idByName: [String: String] = [:]
        /// Names of containers that are being created.
        var reserved: Set<String> = []
        /// Those that have changed since the networks have asked.
        var changed: Set<String> = []
        /// By the task that it is the container of.
        var idByTask: [String: String] = [:]
        /// By the attachment that a place of it is held by.
        var idByAttachment: [String: String] = [:]
        /// Who is linked to a container, by its id.
        var linked: [String: Set<String>] = [:]
        /// Who has joined a network with an address, by the network's id.
        var owners: [String: [IPAddress: String]] = [:]
        /// Who asked for an address, on the network or not, by the network's name: its id is on record from the first start on, and another one when the
        /// network was made anew.
        var askers: [String: [IPAddress: Set<String>]] = [:]
        var standalone = StandaloneJournal()

        /// Every change of a record is made here, so that what is found by is true.
        mutating func put(_ record: ContainerRecord) {
            let old = records.updateValue(record, forKey: record.id)
            changed.insert(record.id)
            if old?.name != record.name {
                if let name = old?.name, idByName[name] == record.id { idByName[name] = nil }
                idByName[record.name] = record.id
                reserved.remove(record.name)
            }
            if old?.task?.taskID != record.task?.taskID {
                if let task = old?.task?.taskID { idByTask[task] = nil }
                if let task = record.task?.taskID { idByTask[task] = record.id }
            }
            index(old?.endpoints ?? [], record.endpoints, record.id)
            indexLinks(old, record, record.id)
            standalone.note(record.id, StandaloneContainer(record))
        }

        mutating func remove(_ id: String) {
            guard let record = records.removeValue(forKey: id) else { return }
            changed.insert(id)
            if idByName[record.name] == id { idByName[record.name] = nil }
            if let task = record.task?.taskID { idByTask[task] = nil }
            index(record.endpoints, [], id)
            indexLinks(record, nil, id)
            standalone.note(id, nil)
        }

        /// - Parameter name: `parent/alias`, with or without a slash before it.
        func link(_ name: String) -> NamedLink? {
            let name = name.hasPrefix("/") ? name.dropFirst() : Substring(name)
            guard let slash = name.firstIndex(of: "/") else { return nil }
            let alias = String(name[name.index(after: slash)...])
            guard let id = idByName[String(name[..<slash])], let parent = records[id],
                let link = parent.links?.first(where: { $0.alias == alias }),
                let child = records[link.containerID]
            else { return nil }
            return NamedLink(parent: parent, child: child, alias: alias)
        }

        private mutating func indexLinks(_ old: ContainerRecord?, _ new: ContainerRecord?, _ id: String) {
            let (before, after) = (old?.links ?? [], new?.links ?? [])
            if before.isEmpty, after.isEmpty { return }
            for link in before {
                linked[link.containerID]?.remove(id)
                if linked[link.containerID]?.isEmpty == true { linked[link.containerID] = nil }
            }
            for link in after { linked[link.containerID, default: []].insert(id) }
        }

        private static func asked(_ endpoints: [EndpointRecord]) -> [(String, IPAddress)] {
            endpoints.flatMap { endpoint in
                IPFamily.allCases.compactMap { family in
                    IPAddress(endpoint.requested?.ipamConfig?.address(family) ?? "").map { (endpoint.networkName, $0) }
                }
            }
        }

        private mutating func index(_ old: [EndpointRecord], _ new: [EndpointRecord], _ id: String) {
            for attachment in old.compactMap(\.attachmentID) where idByAttachment[attachment] == id {
                idByAttachment[attachment] = nil
            }
            for attachment in new.compactMap(\.attachmentID) { idByAttachment[attachment] = id }
            if old == new { return }
            for (network, address) in Self.asked(old) {
                askers[network]?[address]?.remove(id)
                if askers[network]?[address]?.isEmpty == true { askers[network]?[address] = nil }
                if askers[network]?.isEmpty == true { askers[network] = nil }
            }
            for (network, address) in Self.asked(new) {
                askers[network, default: [:]][address, default: []].insert(id)
            }
            for endpoint in old where endpoint.isJoined {
                for address in endpoint.addresses?.hosts.all ?? [] where owners[endpoint.networkID]?[address] == id {
                    owners[endpoint.networkID]?[address] = nil
                }
                if owners[endpoint.networkID]?.isEmpty == true { owners[endpoint.networkID] = nil }
            }
            for endpoint in new where endpoint.isJoined {
                for address in endpoint.addresses?.hosts.all ?? [] {
                    owners[endpoint.networkID, default: [:]][address] = id
                }
            }
        }
    }

    private let state = Mutex(State())
    private let store: any ContainerStore
    private let log: Logger
    private let writes = KeyedLock<String>()
    /// Up to which place the journal of containers without a task has come.
    let standaloneChanges = ObservableValue<UInt64>(0)

    init(store: any ContainerStore, log: Logger) {
        self.log = log
        self.store = store
    }

    /// Whatever changes records goes through here, so that who waits for changes is woken, outside of the lock.
    private func changing<Answer: Sendable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        let (answer, place) = try state.withLock { state throws(Failure) in
            let answer = try body(&state)
            return (answer, state.standalone.last)
        }
        if standaloneChanges.value < place { standaloneChanges.change { $0 = max($0, place) } }
        return answer
    }

    func standaloneNews(after place: UInt64?) -> StandaloneNews { state.withLock { $0.standalone.news(after: place) } }

    /// Reads the records of an earlier instance of the daemon.
    func load() async throws {
        let records = try await store.loadContainers()
        changing { state in
            for record in records { state.put(record) }
        }
    }

    var all: [ContainerRecord] { state.withLock { Array($0.records.values) } }

    func record(_ id: String) -> ContainerRecord? { state.withLock { $0.records[id] } }

    /// The container of a task.
    func record(ofTask id: String) -> ContainerRecord? {
        state.withLock { state in state.idByTask[id].flatMap { state.records[$0] } }
    }

    /// The container that holds an attachment.
    func record(ofAttachment id: String) -> ContainerRecord? {
        state.withLock { state in state.idByAttachment[id].flatMap { state.records[$0] } }
    }

    /// Containers that are linked to one.
    func records(linkedTo id: String) -> [ContainerRecord] {
        state.withLock { state in (state.linked[id] ?? []).compactMap { state.records[$0] } }
    }

    /// Ids of the containers that have a volume, sorted.
    func users(ofVolume name: String) -> [String] {
        all.filter { $0.mounts.contains { $0.name == name } }.map(\.id).sorted()
    }

    /// A link by the name that it gives, `parent/alias`; `nil` where there is none.
    func link(_ name: String) -> NamedLink? { state.withLock { $0.link(name) } }

    /// Finds a container by id, name, a link's name or unambiguous prefix of an id.
    /// - Throws: `.notFound` with `No such container: X`.
    func find(_ reference: String) throws -> ContainerRecord {
        let found = state.withLock { state -> [ContainerRecord] in
            if let record = state.records[reference] { return [record] }
            let name = reference.hasPrefix("/") ? String(reference.dropFirst()) : reference
            if let id = state.idByName[name], let record = state.records[id] { return [record] }
            if let link = state.link(reference) { return [link.child] }
            guard !reference.isEmpty else { return [] }
            return state.records.values.filter { $0.id.hasPrefix(reference) }
        }
        if found.count > 1 {
            throw ContainerError.ambiguousReference(reference)
        }
        guard let record = found.first else { throw ContainerError.notFound(reference) }
        return record
    }

    /// Keeps a name for a container that is about to be created or renamed.
    /// - Throws: `.conflict` in Docker's words when it is taken.
    func reserve(_ name: String) throws {
        let owner = state.withLock { state -> String? in
            if let owner = state.idByName[name] { return owner }
            return state.reserved.insert(name).inserted ? nil : "a container that is being created"
        }
        if let owner {
            throw ContainerError.nameTaken(name: name, owner: owner)
        }
    }

    func release(_ name: String) { _ = state.withLock { $0.reserved.remove(name) } }

    /// Adds a new container under its reserved name.
    func insert(_ record: ContainerRecord) async throws {
        // One that is removed when it ends does not outlive a power cut anyway.
        try await store.save(record, durably: !record.hostConfig.autoRemove)
        changing { $0.put(record) }
    }

    /// Changes a record, in memory first and then in the store, and answers the new one.
    /// - Parameter durably: For what the user has decided; what happens to processes need not survive a power cut.
    /// - Throws: `.notFound` when it was removed meanwhile.
    @discardableResult
    func update(
        _ id: String, durably: Bool = false, _ change: (inout ContainerRecord) -> Void
    ) async throws -> ContainerRecord {
        let changed = try changeInMemory(id, change)
        try await write(id, durably: durably && !changed.hostConfig.autoRemove)
        return changed
    }

    private func changeInMemory(_ id: String, _ change: (inout ContainerRecord) -> Void) throws -> ContainerRecord {
        let changed = changing { state -> ContainerRecord? in
            guard var record = state.records[id] else { return nil }
            change(&record)
            state.put(record)
            return record
        }
        guard let changed else { throw ContainerError.notFound(id) }
        return changed
    }

    /// Tells a container's phase what is asked for or has happened. What it refuses changes nothing.
    /// - Parameters:
    ///   - event: Made of the record of that moment.
    ///   - change: What changes in the record besides; not called when the phase refuses.
    /// - Returns: The new record, and what is to be done.
    /// - Throws: `.notFound` when it was removed meanwhile.
    @discardableResult
    func receive(
        _ id: String, _ how: Writing = .usual, _ event: (ContainerRecord) -> ContainerEvent,
        change: ((inout ContainerRecord, [ContainerEffect]) -> Void)? = nil
    ) async throws -> (record: ContainerRecord, effects: [ContainerEffect]) {
        let (changed, effects, isNew) = try changing { state in
            guard var record = state.records[id] else { throw ContainerError.notFound(id) }
            let before = record.phase
            let effects = record.phase.receive(event(record))
            if case .refuse = effects.first { return (record, effects, false) }
            change?(&record, effects)
            state.put(record)
            return (record, effects, change != nil || record.phase != before)
        }
        if isNew { try await write(id, how == .durable && changed.hostConfig.autoRemove ? .usual : how) }
        return (changed, effects)
    }

    /// The same for an event that the record does not matter to.
    @discardableResult
    func receive(
        _ id: String, _ event: ContainerEvent, _ how: Writing = .usual,
        change: ((inout ContainerRecord, [ContainerEffect]) -> Void)? = nil
    ) async throws -> (record: ContainerRecord, effects: [ContainerEffect]) {
        try await receive(id, how, { _ in event }, change: change)
    }

    /// The same as an ``update(_:durably:_:)`` for what has happened and cannot be undone. A store that cannot be written, as on a full disk, does not
    /// undo it, and nobody is left waiting for it: the next change takes it along.
    @discardableResult
    func note(_ id: String, _ change: (inout ContainerRecord) -> Void) async throws -> ContainerRecord {
        let changed = try changeInMemory(id, change)
        try await write(id, .regardless)
        return changed
    }

    /// How much it matters that a change is on record when its author goes on.
    enum Writing {
        /// It survives a power cut: what a user has decided.
        case durable
        /// It survives the daemon.
        case usual
        /// It has happened, on record or not.
        case regardless
    }

    private func write(_ id: String, _ how: Writing) async throws {
        do { return try await write(id, durably: how == .durable) } catch let error
            where how == .regardless && !(error is CancellationError)
        {
            guard let record = record(id) else { throw error }
            log.error(
                "what happened to a container is not on record",
                metadata: ["container": "\(record.shortID)", "error": "\(error)"])
        }
    }

    private func write(_ id: String, durably: Bool) async throws {
        try await writes.run(id) {
            guard let newest = record(id) else { return }  // Removed meanwhile.
            try await store.save(newest, durably: durably)
        }
    }

    /// Changes a record in view of all the others, so that what it takes is free at that moment, and nothing when `change` throws.
    /// - Parameter change: Its second argument tells whether another container has an address in a network, which is named by its id; its third
    ///   whether another one on record has asked for it, by the network's name.
    @discardableResult
    func allocate(
        _ id: String,
        _ change: (inout ContainerRecord, (String, IPAddress) -> Bool, (String, IPAddress) -> Bool) throws -> Void
    ) async throws
        -> ContainerRecord
    {
        let changed = try changing { state -> ContainerRecord in
            guard var record = state.records[id] else { throw ContainerError.notFound(id) }
            try change(
                &record, { network, address in state.owners[network]?[address].map { $0 != id } ?? false },
                { network, address in state.askers[network]?[address]?.contains { $0 != id } ?? false })
            state.put(record)
            return record
        }
        try await write(id, durably: false)
        return changed
    }

    /// Looks at all records while none changes: what `decide` does is done before anybody is allocated anything more.
    func examine(_ decide: ([ContainerRecord]) -> Void) { state.withLock { decide(Array($0.records.values)) } }

    func remove(_ id: String) async throws {
        let durably = record(id)?.hostConfig.autoRemove != true
        try await writes.run(id) {
            try await store.deleteContainer(id, durably: durably)
            changing { $0.remove(id) }
        }
    }
}

/// What the networks, volumes and images know of containers.
extension ContainerTable: NetworkMembers, VolumeUsers, ImageUsers {
    var members: [any NetworkMember] { all }
    func member(_ id: String) -> (any NetworkMember)? { record(id) }
    func takeChanged() -> Set<String> {
        state.withLock { state in
            defer { state.changed = [] }
            return state.changed
        }
    }
    func examineMembers(_ decide: ([any NetworkMember]) -> Void) { examine { decide($0) } }

    func volumeUseCounts() -> [String: Int] {
        all.reduce(into: [:]) { counts, record in
            for name in Set(record.mounts.compactMap(\.name)) { counts[name, default: 0] += 1 }
        }
    }

    var imageUses: [ImageUse] {
        all.compactMap { record in
            Digest(record.imageID).map { ImageUse(image: $0, container: record.id, isRunning: record.isRunning) }
        }
    }
}
