import Addressing
import LocalStore
import Model

/// What managers have told of the swarm's networks as it is kept: a row for each fact, so that a change writes what it names.
struct KeptFacts: Sendable {
    let store: NodeStore

    /// What an earlier daemon was told, and the node's id in the swarm; `nil` outside of a swarm.
    func load() async throws -> (facts: NetworkFacts, nodeID: String)? {
        if let place = try await store.restore(SwarmPlace.self, kind: .node).first(where: { $0.id == SwarmPlace.key }) {
            return try await takeOver(place.value)
        }
        let places = try await store.restore(SwarmMember.self, kind: .settings)
        let rows = try await store.restore(KeptFact.self, kind: .facts)
        guard let member = places.first(where: { $0.id == SwarmMember.key })?.value else { return nil }
        var facts = NetworkFacts()
        let kept = rows.map(\.value.fact)
        for (scope, known) in Dictionary(grouping: kept.filter { $0.key != nil }, by: { $0.key?.scope ?? .swarm }) {
            facts.apply(NetworkChangeSet(scope, sequence: 0, isSnapshot: true, upserts: known))
        }
        return (facts, member.nodeID)
    }

    /// Replaces what was kept as one value, before there were rows.
    private func takeOver(_ place: SwarmPlace) async throws -> (facts: NetworkFacts, nodeID: String) {
        let facts = NetworkFacts(place.network)
        var batch = LocalBatch()
        batch.deleteAll(kind: .facts)
        try batch.save(SwarmMember(nodeID: place.nodeID), kind: .settings, id: SwarmMember.key)
        for fact in facts.scopes.flatMap({ facts.facts(of: $0) }) {
            if let key = fact.key { try batch.save(KeptFact(fact: fact), kind: .facts, id: key.row) }
        }
        batch.delete(kind: .node, id: SwarmPlace.key)
        try await store.apply(batch)
        return (facts, place.nodeID)
    }

    /// Writes all of it or nothing. Places of tasks alone do not wait for the disk: a daemon that is killed loses none of them either, and a machine without power
    /// loses what its tasks and connections were as well. A node claims no state of the facts when it comes back: its first session tells it every network
    /// as a whole, and what is on record is held against that.
    ///
    /// What a session would not put right waits: that a network is gone, of which the agent keeps its own record.
    /// - Parameter nodeID: `nil` when it is on record.
    func write(_ facts: [NetworkFact.Key: NetworkFact?], nodeID: String?) async throws {
        var batch = LocalBatch()
        if let nodeID {
            try batch.save(SwarmMember(nodeID: nodeID), kind: .settings, id: SwarmMember.key)
            batch.delete(kind: .node, id: SwarmPlace.key)
        }
        for (key, fact) in facts {
            if let fact {
                try batch.save(KeptFact(fact: fact), kind: .facts, id: key.row)
            } else {
                batch.delete(kind: .facts, id: key.row)
            }
        }
        guard !batch.isEmpty else { return }
        try await store.apply(batch, durably: nodeID != nil || !facts.keys.allSatisfy(\.isPlace))
    }

    /// The node has left the swarm.
    func erase() async throws {
        var batch = LocalBatch()
        batch.deleteAll(kind: .facts)
        batch.delete(kind: .settings, id: SwarmMember.key)
        batch.delete(kind: .node, id: SwarmPlace.key)
        try await store.apply(batch)
    }
}

/// A fact as it is kept.
struct KeptFact: VersionedRecord, Equatable {
    static let recordKind = "network-fact"
    static let recordVersion = 1
    var fact: NetworkFact
}

/// Which node of its swarm this one is, as the engine needs to know it before any manager answers.
struct SwarmMember: VersionedRecord, Equatable {
    static let recordKind = "swarm-member"
    static let recordVersion = 1
    static let key = "swarm"
    var nodeID: String
}

/// What the engine kept of the swarm before there were ``KeptFact``; only read.
struct SwarmPlace: VersionedRecord {
    static let recordKind = "swarm-place"
    static let recordVersion = 1
    static let key = "swarm"
    var nodeID: String
    var network: SwarmNetworkState
}

extension NetworkFact.Key {
    /// Where a task is, or what it gets connections of: what changes with each task of others.
    var isPlace: Bool {
        switch self {
        case .endpoint, .backend, .meshBackend: true
        case .settings, .peer, .subnets, .port, .network, .service: false
        }
    }

    /// The fact's row among those that are kept.
    var row: String {
        switch self {
        case .settings: "settings"
        case .peer(let node): "peer/\(node)"
        case .subnets(let network): "subnets/\(network)"
        case .port(let port): "port/\(port.row)"
        case .meshBackend(let port, let address): "port/\(port.row)/\(address)"
        case .network(let id): "network/\(id)"
        case .endpoint(let id, let address): "network/\(id)/endpoint/\(address)"
        case .service(let id, let service): "network/\(id)/service/\(service)"
        case .backend(let id, let service, let address): "network/\(id)/service/\(service)/\(address)"
        }
    }
}

extension NetworkFact.PortKey {
    fileprivate var row: String { "\(transport.rawValue)/\(publishedPort)" }
}
