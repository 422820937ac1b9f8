import LinuxSystem
import LocalStore
import Logging
import Model

/// What a restarted daemon needs to go on without a manager: the node's tasks with what they have reached, and the networks that the engine has
/// been told of, a row each.
struct AssignedStore: Sendable {
    /// All of it in one file, as versions before 0.4.0 kept it. Its parts are records of their own: one that cannot be read leaves the others.
    struct Memory: VersionedRecord {
        static let recordKind = "assigned"
        static let recordVersion = 1

        var tasks: [SwarmTask] = []
        /// Only of those versions: the engine keeps what it knows of networks.
        var network: SwarmNetworkState?
        /// What was there and could not be read; not kept.
        var unread: [UnreadRecord] = []

        private enum CodingKeys: String, CodingKey { case tasks, network }

        init() {}

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            for task in try fields.decode([Readable<SwarmTask>].self, forKey: .tasks) {
                switch task {
                case .value(let task): tasks.append(task)
                case .unread(let id, let reason): unread.append(UnreadRecord(type: "task", id: id, reason: reason))
                }
            }
            switch try fields.decodeIfPresent(Readable<SwarmNetworkState>.self, forKey: .network) {
            case .value(let state): network = state
            case .unread(_, let reason): unread.append(UnreadRecord(type: "network", id: "", reason: reason))
            case nil: break
            }
        }

        func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(tasks.map { Record($0) }, forKey: .tasks)
            try fields.encodeIfPresent(network.map { Record($0) }, forKey: .network)
        }
    }

    private let store: NodeStore

    private static func path(in directory: String) -> String { directory + "/assigned.db" }
    /// Where versions before 0.4.0 kept it.
    private static func formerPath(in directory: String) -> String { directory + "/assigned.json" }

    /// What an earlier daemon kept.
    struct Kept: Sendable {
        var tasks: [SwarmTask]
        var networks: [SwarmNetwork]
        /// What was there and cannot be read.
        var unread: [UnreadRecord]
    }

    /// Opens what an earlier daemon kept, of whichever version.
    /// - Throws: `LocalStoreError`, `SystemError`.
    static func open(_ directory: String, log: Logger) async throws -> (store: AssignedStore, kept: Kept) {
        let store = try await NodeStore.open(path(in: directory))
        var unread: [UnreadRecord] = []
        if let aside = store.setAside {
            log.error("what was assigned before is set aside", metadata: ["path": "\(aside)"])
            unread.append(UnreadRecord(type: "daemon", id: aside, reason: "the file is damaged"))
        }
        var tasks = try await store.restore(SwarmTask.self, kind: .tasks).map(\.value)
        var networks = try await store.restore(SwarmNetwork.self, kind: .networks).map(\.value)
        unread += try await store.unread()
        let own = AssignedStore(store: store)
        let former = try await own.takeOver(formerPath(in: directory), log)
        let known = Set(tasks.map(\.id))
        tasks += former.tasks.filter { !known.contains($0.id) }
        if networks.isEmpty { networks = former.network?.networks.map(\.network) ?? [] }
        return (own, Kept(tasks: tasks, networks: networks, unread: unread + former.unread))
    }

    private func takeOver(_ path: String, _ log: Logger) async throws -> Memory {
        guard let bytes = try await onThread({ try Files.read(path) }) else { return Memory() }
        let memory: Memory
        do {
            memory = try WireJSON.decode(record: Memory.self, from: bytes)
        } catch {
            // A manager tells it all again.
            let aside = try await onThread { try UnreadFile.setAside(path) }
            log.error("what was assigned before is set aside", metadata: ["path": "\(aside)"])
            var memory = Memory()
            memory.unread = [UnreadRecord(type: "daemon", id: path, reason: "\(error)")]
            return memory
        }
        if !memory.unread.isEmpty {
            let aside = try await onThread { try UnreadFile.keep(bytes, of: path) }
            log.error("the whole of what was assigned before is kept", metadata: ["path": "\(aside)"])
        }
        try await save(memory.tasks.map { ($0.id, $0) })
        try await save(networks: (memory.network?.networks ?? []).map { ($0.network.id, $0.network) })
        try await onThread { try Files.remove(path) }
        return memory
    }

    /// Keeps tasks as they are now, all or none of them.
    /// - Parameter tasks: `nil` for one that is the node's no more.
    /// - Throws: `LocalStoreError`.
    func save(_ tasks: [(id: String, task: SwarmTask?)]) async throws {
        var batch = LocalBatch()
        for (id, task) in tasks {
            if let task {
                try batch.save(task, kind: .tasks, id: id)
            } else {
                batch.delete(kind: .tasks, id: id)
            }
        }
        if !batch.isEmpty { try await store.apply(batch) }
    }

    /// Keeps what the engine may know of, all of it or nothing.
    /// - Parameter networks: `nil` for one that the node takes no part in any more.
    /// - Throws: `LocalStoreError`.
    func save(networks: [(id: String, network: SwarmNetwork?)]) async throws {
        var batch = LocalBatch()
        for (id, network) in networks {
            if let network {
                try batch.save(network, kind: .networks, id: id)
            } else {
                batch.delete(kind: .networks, id: id)
            }
        }
        if !batch.isEmpty { try await store.apply(batch) }
    }

    /// - Throws: `LocalStoreError`.
    func close() async throws { try await store.close() }
}
