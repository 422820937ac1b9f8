/// Names a part of a node's network that changes as a whole.
package enum NetworkKey: Hashable, Sendable {
    case underlay
    case ingress
    /// By network id.
    case bridge(String)
    /// By network id.
    case overlay(String)
    /// By network id.
    case parent(String)
    /// By container id.
    case sandbox(String)
}

/// A part of a node's network, as it is to be.
package enum NetworkPart: Equatable, Sendable {
    case underlay(Underlay)
    case ingress(IngressSandbox)
    case bridge(BridgeNetwork)
    case overlay(OverlayNetwork)
    case parent(ParentNetwork)
    case sandbox(Sandbox)

    package var key: NetworkKey {
        switch self {
        case .underlay: .underlay
        case .ingress: .ingress
        case .bridge(let bridge): .bridge(bridge.id)
        case .overlay(let overlay): .overlay(overlay.id)
        case .parent(let parent): .parent(parent.id)
        case .sandbox(let sandbox): .sandbox(sandbox.id)
        }
    }
}

/// What is to be different in a node's network: for each key the part that is to be there, or that none is, and what is to be different within
/// parts. Of two changes of one key the later counts; changes of different keys do not depend on their order. What is to be different within a
/// part is carried out after the parts themselves, in the order in which it was said.
package struct NetworkChanges: Equatable, Sendable {
    enum Change: Equatable, Sendable {
        case set(NetworkPart)
        case removed
    }

    private(set) var byKey: [NetworkKey: Change] = [:]
    private(set) var details: [NetworkDetail] = []

    package init() {}

    /// What leads from one network to another.
    package init(from old: NodeNetwork, to new: NodeNetwork) {
        let (before, after) = (old.parts, new.parts)
        for (key, part) in after where before[key] != part { set(part) }
        for key in before.keys where after[key] == nil { remove(key) }
    }

    package var isEmpty: Bool { byKey.isEmpty && details.isEmpty }
    /// Of the parts that are set or removed as a whole.
    package var keys: Set<NetworkKey> { Set(byKey.keys) }

    /// The part is to be so; what was said of it before in these changes counts no more.
    package mutating func set(_ part: NetworkPart) { change(part.key, .set(part)) }
    /// The part is to go; it need not be there.
    package mutating func remove(_ key: NetworkKey) { change(key, .removed) }

    private mutating func change(_ key: NetworkKey, _ change: Change) {
        byKey[key] = change
        if !details.isEmpty { details.removeAll { $0.part == key } }
    }

    /// Something within a part is to be different; nothing, where the part is not there by then.
    mutating func add(_ detail: NetworkDetail) { details.append(detail) }

    /// Adds changes that were made after these.
    package mutating func merge(_ later: NetworkChanges) {
        byKey.merge(later.byKey) { $1 }
        if !details.isEmpty, !later.byKey.isEmpty { details.removeAll { later.byKey[$0.part] != nil } }
        details += later.details
    }
}

extension NetworkChanges {
    /// What can be carried out one after the other, so that what is led to is there as long as something leads to it.
    enum Step: Sendable {
        /// By their ids; `nil` for those that go.
        case sandboxes([String: Sandbox?])
        case details([NetworkDetail])
    }

    /// `nil` when other parts change as a whole.
    var steps: [Step]? {
        var (coming, going): ([String: Sandbox?], [String: Sandbox?]) = ([:], [:])
        for (key, change) in byKey {
            switch (key, change) {
            case (.sandbox(let id), .set(.sandbox(let sandbox))): coming.updateValue(sandbox, forKey: id)
            case (.sandbox(let id), .removed): going.updateValue(nil, forKey: id)
            default: return nil
            }
        }
        let all = coming.merging(going) { first, _ in first }
        if details.isEmpty { return all.isEmpty ? [] : [.sandboxes(all)] }
        var steps: [Step] = coming.isEmpty ? [] : [.sandboxes(coming)]
        steps.append(.details(details))
        if !going.isEmpty { steps.append(.sandboxes(going)) }
        return steps
    }

    /// The changes of these steps, which have none of one sandbox twice.
    init(_ steps: [Step]) {
        for step in steps {
            switch step {
            case .details(let details): self.details += details
            case .sandboxes(let sandboxes):
                for (id, sandbox) in sandboxes {
                    byKey[.sandbox(id)] = sandbox.map { .set(.sandbox($0)) } ?? .removed
                }
            }
        }
    }
}

extension NodeNetwork {
    /// Takes a sandbox as it is to be; `nil`: it is to go.
    mutating func replace(sandbox id: String, _ sandbox: Sandbox?) {
        switch (sandboxes.firstIndex { $0.id == id }, sandbox) {
        case (let place?, let new?): sandboxes[place] = new
        case (let place?, nil): sandboxes.remove(at: place)
        case (nil, let new?): sandboxes.append(new)
        case (nil, nil): break
        }
    }

    /// Carries out the changes. Parts keep their places; new ones come last, in order of their ids.
    package mutating func apply(_ changes: NetworkChanges) {
        if !changes.byKey.isEmpty { applyParts(changes) }
        for detail in changes.details { _ = apply(detail) }
    }

    private mutating func applyParts(_ changes: NetworkChanges) {
        var left = changes.byKey
        switch left.removeValue(forKey: .underlay) {
        case .set(.underlay(let part)): underlay = part
        case .removed: underlay = nil
        case .set, nil: break
        }
        switch left.removeValue(forKey: .ingress) {
        case .set(.ingress(let part)): ingress = part.numbered(like: ingress)
        case .removed: ingress = nil
        case .set, nil: break
        }
        var kinds: (bridge: [String: Change], overlay: [String: Change], sandbox: [String: Change]) = ([:], [:], [:])
        var parentChanges: [String: Change] = [:]
        for (key, change) in left {
            switch key {
            case .bridge(let id): kinds.bridge[id] = change
            case .overlay(let id): kinds.overlay[id] = change
            case .parent(let id): parentChanges[id] = change
            case .sandbox(let id): kinds.sandbox[id] = change
            case .underlay, .ingress: break
            }
        }
        Self.merge(kinds.bridge, into: &bridges) { if case .bridge(let part) = $0 { part } else { nil } }
        Self.merge(parentChanges, into: &parents) { if case .parent(let part) = $0 { part } else { nil } }
        Self.merge(kinds.overlay, into: &overlays) {
            if case .overlay(let part) = $0 { part } else { nil }
        } number: {
            $0.numbered(like: $1)
        }
        Self.merge(kinds.sandbox, into: &sandboxes) { if case .sandbox(let part) = $0 { part } else { nil } }
    }

    private typealias Change = NetworkChanges.Change
    /// For so many parts it costs less to look for their places than to write all of them anew.
    private static var mostInPlace: Int { 4 }

    private static func merge<Part: Identifiable>(
        _ changes: [String: Change], into parts: inout [Part], _ pick: (NetworkPart) -> Part?,
        number: (Part, Part) -> Part = { new, _ in new }
    ) where Part.ID == String {
        if changes.isEmpty { return }
        func part(_ change: Change) -> Part? {
            if case .set(let part) = change { pick(part) } else { nil }
        }
        if changes.count <= mostInPlace {
            for (id, change) in changes.sorted(by: { $0.key < $1.key }) {
                switch (parts.firstIndex { $0.id == id }, part(change)) {
                case (let place?, let new?): parts[place] = number(new, parts[place])
                case (let place?, nil): parts.remove(at: place)
                case (nil, let new?): parts.append(new)
                case (nil, nil): break
                }
            }
            return
        }
        var left = changes
        parts = parts.compactMap { old in
            guard let change = left.removeValue(forKey: old.id) else { return old }
            return part(change).map { number($0, old) }
        }
        parts += left.sorted { $0.key < $1.key }.compactMap { part($0.value) }
    }

    /// All parts there are.
    var parts: [NetworkKey: NetworkPart] {
        var parts: [NetworkPart] = bridges.map { .bridge($0) } + overlays.map { .overlay($0) }
        parts += parents.map { .parent($0) }
        parts += sandboxes.map { .sandbox($0) }
        if let underlay { parts.append(.underlay(underlay)) }
        if let ingress { parts.append(.ingress(ingress)) }
        return Dictionary(parts.map { ($0.key, $0) }) { first, _ in first }
    }
}
