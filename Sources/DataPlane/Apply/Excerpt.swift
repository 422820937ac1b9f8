import LinuxSystem
import Nftables

/// What a few sandboxes make of the namespaces that they share with others, and of their own.
///
/// It is derived of a network that has these sandboxes alone. Of two excerpts of one network, before and after these sandboxes change, the difference
/// is that of the whole, whatever else is in it, as long as nothing is both theirs and another's: see ``Claims``.
struct Excerpt: Sendable {
    let derivation: Derivation
    /// Of the namespaces that they share with others: what they bring into them, beside what is the networks' own.
    let shared: [Scope: AppliedNamespace]

    /// - Parameters:
    ///   - references: The networks that any of them is in, before or after.
    ///   - underlay: With the link that it is known to have.
    ///   - scopesWithLax: Where others may use what is nobody's, before and after.
    init(
        _ sandboxes: [Sandbox], of network: NodeNetwork, in references: Set<Sandbox.NetworkReference>,
        underlay: Underlay?, scopesWithLax: Set<Scope>, layout: Layout, filtersBridges: Bool
    ) {
        var excerpt = NodeNetwork(underlay: underlay, sandboxes: sandboxes)
        excerpt.underlay?.peers = []
        excerpt.underlay?.managers = []
        excerpt.bridges = network.bridges.filter { references.contains(.bridge($0.id)) }
        excerpt.parents = network.parents.filter { references.contains(.parent($0.id)) }
        excerpt.overlays = network.overlays.compactMap { overlay in
            guard references.contains(.overlay(overlay.id)) else { return nil }
            var inside = overlay
            inside.remotes = [:]
            inside.reserved = []
            return inside
        }
        var derivation = Derivation(excerpt, layout: layout, filtersBridges: filtersBridges)
        derivation.scopesWithLax = scopesWithLax
        self.derivation = derivation
        var shared: [Scope: AppliedNamespace] = [:]
        for (scope, input) in derivation.inputs() where scope.holdsPorts {
            shared[scope] = AppliedNamespace(input: input, state: derivation.state(for: input))
        }
        self.shared = shared
    }
}

extension AppliedNamespace {
    /// Takes what differs between two excerpts, in place.
    mutating func take(_ old: AppliedNamespace, _ new: AppliedNamespace) {
        input.take(old.input, new.input)
        state.kernel.links.take(old.state.kernel.links, new.state.kernel.links)
        state.kernel.neighbours.take(old.state.kernel.neighbours, new.state.kernel.neighbours)
        state.kernel.forwarding.take(old.state.kernel.forwarding, new.state.kernel.forwarding)
        for (before, after) in zip(old.state.fixedTables, new.state.fixedTables) {
            guard let table = state.fixedTables.firstIndex(where: { $0.id == after.id }) else { continue }
            for (before, after) in zip(before.sets, after.sets) where before != after {
                guard let set = state.fixedTables[table].sets.firstIndex(where: { $0.name == after.name }) else {
                    continue
                }
                state.fixedTables[table].sets[set].elements.take(before.elements, after.elements)
            }
        }
    }
}

extension Derivation.Input {
    fileprivate mutating func take(_ old: Self, _ new: Self) {
        switch (self, old, new) {
        case (.node(let network, var sandboxes, let filters), .node(_, let old, _), .node(_, let new, _)):
            self = .none
            sandboxes.take(old, new)
            self = .node(network, sandboxes, filtersBridges: filters)
        case (.overlay(let overlay, let underlay, var local), .overlay(_, _, let old), .overlay(_, _, let new)):
            self = .none
            local.take(old, new)
            self = .overlay(overlay, underlay, local)
        default: break
        }
    }

    /// Holds nothing, while what was held is changed in place.
    private static var none: Self { .overlay(OverlayNetwork(id: "", vni: 0), nil, [:]) }
}

extension Dictionary where Value: Equatable {
    /// Takes what differs between two parts of it.
    fileprivate mutating func take(_ old: Self, _ new: Self) {
        for key in old.keys where new[key] == nil { self[key] = nil }
        for (key, value) in new where old[key] != value { self[key] = value }
    }
}
