import DataPlane
import Model

/// What one refresh of the node's networks is to make.
struct NetworkRefresh {
    enum Desired {
        case whole(NodeNetwork)
        case changes(NetworkChanges)
    }
    /// Of how many that have asked for a refresh.
    var served: UInt64
    var desired: Desired
    /// Facts that are other than at the refresh before.
    var facts: Set<NetworkFact.Key>
    /// Containers that are.
    var members: Set<String>
    /// Whether names are to be computed anew altogether.
    var isWhole: Bool
    /// Whether facts are other that encrypted networks are made of.
    var changesEncryption: Bool
    /// Whether nodes have come into networks of the swarm or left them.
    var movesNodes: Bool

    /// Whether what encrypted networks are made of may be other than before.
    var concernsEncryption: Bool { isWhole || changesEncryption || concernsOverlays }

    private var concernsOverlays: Bool {
        guard case .changes(let changes) = desired else { return true }
        return changes.keys.contains { key in
            switch key {
            case .overlay, .underlay: true
            case .ingress, .bridge, .parent, .sandbox: false
            }
        }
    }

    /// Whether other ways to nodes may be to be measured.
    var concernsPaths: Bool {
        isWhole || movesNodes || concernsOverlays
            || facts.contains { key in
                switch key {
                case .settings, .peer, .network: true
                case .subnets, .port, .meshBackend, .endpoint, .service, .backend: false
                }
            }
    }
}

/// What the node's networks are made of, what of it has changed since the last refresh, and what that one has made.
struct NetworkRefreshState {
    struct Pending {
        var parts: Set<NetworkKey> = []
        var facts: Set<NetworkFact.Key> = []
        /// Containers that have changed beside their records.
        var members: Set<String> = []
        /// What is desired is told as a whole: nothing was told before, or it was refused.
        var isWhole = true
    }

    /// What a refresh has made, and for how many of those that have asked.
    struct Last {
        var served: UInt64 = 0
        var report = ApplyReport()
    }

    var composer = NodeNetworkComposer(underlayMTU: NetworkCoordinator.usualMTU)
    var names = NameDirectory()
    var pending = Pending()
    /// Of the node's own networks that the composer has.
    var networksVersion: UInt64?
    /// How many have asked for a refresh.
    var asked: UInt64 = 0
    var last = Last()

    /// Takes what has changed: when the refresh cannot be made, the whole is to be made again, see ``makeWhole(_:)``.
    /// - Parameters:
    ///   - changed: Ids of containers that are other than at the refresh before.
    ///   - local: The node's own networks, where they are others.
    ///   - all: All containers by id, where the refresh is to be of the whole.
    ///   - member: A container as it is now.
    mutating func next(
        _ changed: Set<String>, _ local: (version: UInt64, all: [LocalNetwork])?, all: [String: any NetworkMember]?,
        member: (String) -> (any NetworkMember)?
    ) -> NetworkRefresh {
        var members = changed.union(pending.members)
        var parts = pending.parts
        if let local {
            let concerned = composer.replace(networks: local.all)
            for case .sandbox(let id) in concerned { members.insert(id) }
            for case .bridge(let id) in concerned where composer.networks[id] == nil { names.forget(network: id) }
            parts.formUnion(concerned)
            networksVersion = local.version
        }
        if let all {
            members.formUnion(composer.containers.keys)
            members.formUnion(all.keys)
            composer.set(containers: all)
        } else {
            for id in members { parts.formUnion(composer.set(id, member(id))) }
        }
        let facts = pending.facts
        pending = Pending(isWhole: false)
        return NetworkRefresh(
            served: asked, desired: desired(all != nil, parts, facts), facts: facts, members: members,
            isWhole: all != nil, changesEncryption: facts.contains { composer.concernsEncryption($0) },
            movesNodes: composer.takeMoves())
    }

    private mutating func desired(
        _ isWhole: Bool, _ parts: Set<NetworkKey>, _ facts: Set<NetworkFact.Key>
    ) -> NetworkRefresh.Desired {
        guard isWhole else { return .changes(composer.changes(parts, details: facts)) }
        composer.told = ToldFacts(composer.facts)
        return .whole(composer.compose())
    }

    /// Has the next refresh make the whole, as this one has not come about.
    mutating func makeWhole(_ refresh: NetworkRefresh) {
        pending.isWhole = true
        // Names are not told as a whole.
        pending.facts.formUnion(refresh.facts)
        pending.members.formUnion(refresh.members)
    }
}
