/// Which parts a desired network has and which networks they name: enough to say whether changes contradict it, and what those name is all that is
/// looked at.
struct Roster: Sendable {
    private var hasUnderlay = false
    private var bridges: Set<String> = []
    private var overlays: Set<String> = []
    private var parents: Set<String> = []
    private var ingress: [Sandbox.NetworkReference] = []
    private var endpoints: [String: [Sandbox.NetworkReference]] = [:]
    /// Endpoints by network.
    private var uses: [Sandbox.NetworkReference: Int] = [:]

    init() {}

    init(_ network: NodeNetwork) {
        hasUnderlay = network.underlay != nil
        bridges = Set(network.bridges.map(\.id))
        overlays = Set(network.overlays.map(\.id))
        parents = Set(network.parents.map(\.id))
        ingress = network.ingress.map(Self.references) ?? []
        for sandbox in network.sandboxes { set(sandbox.id, sandbox.endpoints.map(\.network)) }
    }

    private static func references(_ ingress: IngressSandbox) -> [Sandbox.NetworkReference] {
        [.overlay(ingress.overlayID), .bridge(ingress.bridgeID)]
    }

    private mutating func set(_ sandbox: String, _ references: [Sandbox.NetworkReference]?) {
        for old in endpoints[sandbox] ?? [] {
            let left = (uses[old] ?? 1) - 1
            uses[old] = left > 0 ? left : nil
        }
        endpoints[sandbox] = references
        for new in references ?? [] { uses[new, default: 0] += 1 }
    }

    /// Takes note of changes.
    mutating func apply(_ changes: NetworkChanges) {
        for (key, change) in changes.byKey {
            let part: NetworkPart? = if case .set(let part) = change { part } else { nil }
            switch key {
            case .underlay: hasUnderlay = part != nil
            case .ingress: ingress = if case .ingress(let ingress)? = part { Self.references(ingress) } else { [] }
            case .bridge(let id): if part != nil { bridges.insert(id) } else { bridges.remove(id) }
            case .overlay(let id): if part != nil { overlays.insert(id) } else { overlays.remove(id) }
            case .parent(let id): if part != nil { parents.insert(id) } else { parents.remove(id) }
            case .sandbox(let id):
                let references =
                    if case .sandbox(let sandbox)? = part { sandbox.endpoints.map(\.network) } else {
                        nil as [Sandbox.NetworkReference]?
                    }
                set(id, references)
            }
        }
    }

    /// Says what could not be after the changes; only what they name is looked at.
    func faults(of changes: NetworkChanges) -> [String] {
        var found: [String] = []
        func isThere(_ key: NetworkKey, _ before: Bool) -> Bool {
            switch changes.byKey[key] {
            case .set: true
            case .removed: false
            case nil: before
            }
        }
        func isThere(_ network: Sandbox.NetworkReference) -> Bool {
            switch network {
            case .bridge(let id): isThere(.bridge(id), bridges.contains(id))
            case .overlay(let id): isThere(.overlay(id), overlays.contains(id))
            case .parent(let id): isThere(.parent(id), parents.contains(id))
            }
        }
        /// Endpoints that would be left without their network, beside those of sandboxes that change.
        func isUsed(_ network: Sandbox.NetworkReference) -> Bool {
            guard var count = uses[network] else { return false }
            for case .sandbox(let id) in changes.byKey.keys {
                count -= (endpoints[id] ?? []).count { $0 == network }
            }
            return count > 0
        }
        let hasUnderlay = isThere(.underlay, hasUnderlay)
        for (key, change) in changes.byKey {
            switch (key, change) {
            case (.underlay, .removed):
                if overlays.contains(where: { isThere(.overlay($0)) }) { found.append("overlays without an underlay") }
            case (.bridge(let id), .removed):
                if isUsed(.bridge(id)) { found.append("endpoints are left without bridge \(id)") }
            case (.parent(let id), .removed):
                if isUsed(.parent(id)) { found.append("endpoints are left without the parent's network \(id)") }
            case (.overlay(let id), .removed):
                if isUsed(.overlay(id)) { found.append("endpoints are left without overlay \(id)") }
            case (.overlay(let id), .set):
                if !hasUnderlay { found.append("overlay \(id) without an underlay") }
            case (_, .set(.sandbox(let sandbox))):
                for endpoint in sandbox.endpoints where !isThere(endpoint.network) {
                    found.append("the network of endpoint \(endpoint.id) is missing")
                }
            default: break
            }
        }
        var named = ingress
        switch changes.byKey[.ingress] {
        case .set(.ingress(let ingress)): named = Self.references(ingress)
        case .removed: named = []
        case .set, nil: break
        }
        if !named.allSatisfy(isThere) { found.append("the ingress sandbox's networks are missing") }
        return found
    }
}
