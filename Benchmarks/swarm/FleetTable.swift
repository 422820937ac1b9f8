import Model
import NodeProtocol
import PathProbes
import Synchronization

/// What the nodes of one process have in common: the rows of the swarm's networks, once for all of them, and how many of their containers run.
final class FleetTable: Sendable {
    /// Containers of one service, or of all.
    struct Count: Sendable {
        var running = 0
        /// Since it was asked last.
        var most = 0
        var fewest = 0

        fileprivate mutating func add(_ number: Int) {
            running += number
            most = max(most, running)
            fewest = min(fewest, running)
        }
    }

    fileprivate struct State {
        var facts = NetworkFacts()
        /// How far the rows have come.
        var sequences: [NetworkFact.Scope: UInt64] = [:]
        /// How many nodes are told of a scope.
        var members: [NetworkFact.Scope: Int] = [:]
        /// Of all nodes, in the order of their ids; `nil` when others are there by now.
        var peers: [PathTarget]?
        /// By service.
        var counts: [String: Count] = [:]
        var all = Count()
    }

    private let state = Mutex(State())
    /// What managers send is decoded once.
    let decoded = DecodedChanges()

    // MARK: Rows

    /// Takes what a node was told, unless another one has been told so before. Numbers of one manager mean nothing at another: with several the
    /// rows follow the one that counts furthest.
    ///
    /// - Parameter scopes: What the node is told of; this changes it.
    func take(_ sets: [NetworkChangeSet], by scopes: inout Set<NetworkFact.Scope>) {
        for set in sets {
            let (isNew, isOver) = (
                !set.isEnd && scopes.insert(set.scope).inserted, set.isEnd && scopes.remove(set.scope) != nil
            )
            state.withLock { state in
                if isNew { state.members[set.scope, default: 0] += 1 }
                if isOver { state.leave(set.scope) }
                if set.isEnd { return }
                if let known = state.sequences[set.scope], known >= set.sequence { return }
                state.sequences[set.scope] = set.sequence
                state.facts.apply(set)
                if set.scope == .swarm { state.peers = nil }
            }
        }
    }

    /// A node is gone.
    func leave(_ scopes: Set<NetworkFact.Scope>) {
        state.withLock { state in for scope in scopes { state.leave(scope) } }
    }

    /// Nodes to which a node measures the way: as many as a real one does, those that follow it in the ring of all ids.
    func targets(of nodeID: String) -> ArraySlice<PathTarget> {
        let peers = state.withLock { state in
            if let known = state.peers { return known }
            let all = state.facts.peers.values.map { PathTarget(id: $0.nodeID, address: $0.address, isShared: false) }
            let sorted = all.sorted { $0.id < $1.id }
            state.peers = sorted
            return sorted
        }
        let later = peers.drop { $0.id <= nodeID }.prefix(PathTarget.most)
        let first = peers.prefix { $0.id < nodeID }.prefix(PathTarget.most - later.count)
        return first.isEmpty ? later : later + first
    }

    // MARK: Containers

    /// A container of a service runs, or does not any more.
    /// - Parameter number: 1 or -1.
    func count(_ number: Int, of serviceID: String) {
        state.withLock { state in
            state.all.add(number)
            state.counts[serviceID, default: Count()].add(number)
        }
    }

    /// How many run, and ran at once since this was asked last.
    /// - Parameter serviceID: `nil` for those of all services.
    func count(of serviceID: String?) -> Count {
        state.withLock { state in
            let count = serviceID.map { state.counts[$0] ?? Count() } ?? state.all
            let next = Count(running: count.running, most: count.running, fewest: count.running)
            if let serviceID { state.counts[serviceID] = next } else { state.all = next }
            return count
        }
    }
}

extension FleetTable.State {
    fileprivate mutating func leave(_ scope: NetworkFact.Scope) {
        guard let count = members[scope] else { return }
        members[scope] = count > 1 ? count - 1 : nil
        guard count <= 1, let sequence = sequences.removeValue(forKey: scope) else { return }
        facts.apply(NetworkChangeSet(scope, sequence: sequence, isEnd: true))
        if scope == .swarm { peers = nil }
    }
}
