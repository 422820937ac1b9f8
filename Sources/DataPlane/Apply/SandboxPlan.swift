import Addressing
import LinuxSystem
import Model
import Netlink
import Nftables

/// What sandboxes that come, change or go ask for: their own namespaces, and what they bring into those that they share with others. Made of these
/// sandboxes alone, however many others there are. What does not fit in here (see ``init(_:in:claims:layout:filtersBridges:applied:isReady:)``) is
/// derived as a whole.
struct SandboxPlan: Sendable {
    /// Those that change, as they were and as they are to be.
    private(set) var changed: [String: (old: Sandbox?, new: Sandbox?)] = [:]
    let before: Excerpt
    let after: Excerpt
    /// Connections that end.
    private(set) var ends: [Scope: [ConnectionEnd]] = [:]
    /// What leads somewhere anew must not be left what it had before.
    private(set) var inherits = Inheritance()

    /// What connections led to before something else came there.
    struct Inheritance: Sendable {
        var ends: [ConnectionEnd] = []
        /// Ports of the node, wherever they led.
        var ports: Set<ClosedRange<UInt16>> = []

        var isEmpty: Bool { ends.isEmpty && ports.isEmpty }
    }

    var isEmpty: Bool { changed.isEmpty }
    var scopes: [Scope] { changed.keys.map { .sandbox($0) } }

    /// - Parameters:
    ///   - sandboxes: As they are to be; `nil` for those that go.
    ///   - network: As it is, without the changes.
    ///   - claims: Of this network.
    ///   - isReady: Whether a namespace is as it is known to be, and open.
    /// - Returns: `nil` where a namespace that is concerned is not known to be as it should, where something is theirs and another's, or where it matters
    ///   to what others bring.
    init?(
        _ sandboxes: [String: Sandbox?], in network: NodeNetwork, claims: Claims, layout: Layout, filtersBridges: Bool,
        applied: [Scope: AppliedNamespace], isReady: (Scope) -> Bool
    ) {
        guard isReady(.node), case .node(let base, _, _)? = applied[.node]?.input else { return nil }
        var references: Set<Sandbox.NetworkReference> = []
        var concerned: Set<Sandbox.NetworkReference> = []
        for (id, new) in sandboxes {
            let old = network.sandboxes.first { $0.id == id }
            let endpoints = (old?.endpoints ?? []) + (new?.endpoints ?? [])
            references.formUnion(endpoints.map(\.network))
            if old == nil {
                // What is left of an earlier one is not known well.
                if applied[.sandbox(id)] != nil { return nil }
            } else if new != nil {
                guard isReady(.sandbox(id)) else { return nil }
            } else if applied[.sandbox(id)] == nil {
                return nil
            }
            if old == new { continue }
            changed[id] = (old, new)
            concerned.formUnion(endpoints.map(\.network))
        }
        for reference in references {
            guard network.has(reference) else { return nil }
            guard case .overlay(let id) = reference else { continue }
            guard base.underlay != nil, isReady(.overlay(id)) else { return nil }
        }
        let (old, new) = (changed.values.compactMap(\.old), changed.values.compactMap(\.new))
        guard claims.areSeparate(old, new), !Self.changesMesh(old, new, network) else { return nil }
        // Which place of a MAC the overlay's bridge is to know is said by both sides.
        for endpoint in (old + new).flatMap(\.endpoints) {
            guard case .overlay(let id) = endpoint.network else { continue }
            if applied[.overlay(id)]?.state.kernel.forwarding[.tunnel(endpoint.mac)] != nil { return nil }
        }
        var scopesWithLax: Set<Scope> = []
        for scope in Set(concerned.compactMap(\.scope)) {
            let before = GuardTable.laxPorts(in: applied[scope]?.state.fixedTables ?? [])
            let (going, coming) = (old.endpoints(in: scope), new.endpoints(in: scope))
            if before == 0, !coming.contains(where: \.isLax) { continue }
            // Without others, what everybody has comes, or goes.
            guard before > going.count(where: \.isLax) else { return nil }
            for address in (going + coming).flatMap(\.addresses.hosts.all)
            where network.isOthers(address, in: scope, base.underlay, claims) { return nil }
            scopesWithLax.insert(scope)
        }
        func excerpt(_ sandboxes: [Sandbox]) -> Excerpt {
            Excerpt(
                sandboxes, of: network, in: concerned, underlay: base.underlay,
                scopesWithLax: scopesWithLax, layout: layout, filtersBridges: filtersBridges)
        }
        before = excerpt(old)
        after = excerpt(new)
        if changed.isEmpty { return }
        planEnds(network, claims)
        planInheritance(old, new)
    }

    /// Whether tasks behind ports of the mesh become those of this node, or are it no more.
    private static func changesMesh(_ old: [Sandbox], _ new: [Sandbox], _ network: NodeNetwork) -> Bool {
        func localTargets(_ sandboxes: [Sandbox]) -> [IPAddress: IPAddress] {
            Dictionary(sandboxes.flatMap(\.meshTargets).map { ($0.ingress, $0.localTarget) }) { first, _ in first }
        }
        let (before, after) = (localTargets(old), localTargets(new))
        if before == after { return false }
        let moved = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
        return network.ingress?.ports.contains { $0.backends.contains { moved.contains($0.address) } } == true
    }

    private mutating func planEnds(_ network: NodeNetwork, _ claims: Claims) {
        let (old, new) = (before.derivation.wanted, after.derivation.wanted)
        let own = ConnectionEnds(from: old, to: new).byScope
        ends[.node] = own[.node]?.filter { end in
            switch end {
            case .unled(let transport, let port, nil):
                return !network.hasMeshPort(PortRow(transport, port...port))
            case .unledRow(let row, nil): return !network.hasMeshPort(row)
            case .unled, .unledRow, .answered, .port, .row, .of, .within, .called: return true
            }
        }
        if ends[.node]?.isEmpty == true { ends[.node] = nil }
        for (id, change) in changed where change.old != nil {
            let called = (own[.sandbox(id)] ?? []).filter { if case .called = $0 { true } else { false } }
            if !called.isEmpty { ends[.sandbox(id)] = called }
        }
        for (id, lost) in ConnectionEnds.goneEndpoints(old, new) {
            guard let overlay = network.overlays.first(where: { $0.id == id }) else { continue }
            let gone = lost.filter { !overlay.hasRemote($0) }.map { ConnectionEnd.answered($0) }
            if gone.isEmpty { continue }
            for sandbox in (claims.members[id] ?? [:]).keys where changed[sandbox] == nil {
                ends[.sandbox(sandbox), default: []] += gone
            }
            for (sandbox, change) in changed where change.new?.isIn(overlay: id) == true {
                ends[.sandbox(sandbox), default: []] += gone
            }
            if network.ingress?.overlayID == id { ends[.ingress, default: []] += gone }
        }
    }

    private mutating func planInheritance(_ old: [Sandbox], _ new: [Sandbox]) {
        let known = Set(old.flatMap(\.endpoints).flatMap(\.addresses.hosts.all))
        for endpoint in new.flatMap(\.endpoints) {
            for address in endpoint.addresses.hosts.all where !known.contains(address) {
                inherits.ends += [.answered(address), .of(address)]
            }
        }
        let led = Set(old.flatMap(\.published))
        inherits.ports = Set(new.flatMap(\.published).filter { !led.contains($0) }.map(\.published.hostPorts))
    }
}

extension Sandbox.NetworkReference {
    /// Where the ports of its endpoints are; `nil` where they have none.
    fileprivate var scope: Scope? {
        switch self {
        case .bridge: .node
        case .overlay(let id): .overlay(id)
        case .parent: nil
        }
    }
}

extension [Sandbox] {
    fileprivate func endpoints(in scope: Scope) -> [Sandbox.Endpoint] {
        flatMap(\.endpoints).filter { $0.network.scope == scope }
    }
}

extension NodeNetwork {
    /// Whether an address is somebody's in a namespace beside the one endpoint that has it.
    fileprivate func isOthers(_ address: IPAddress, in scope: Scope, _ underlay: Underlay?, _ claims: Claims) -> Bool {
        switch scope {
        case .node:
            underlay?.members.contains(address) == true
                || bridges.contains { $0.addresses.hosts.contains(address) }
                || bridges.count { claims.has(address, in: .bridge($0.id)) } > 1
        case .overlay(let id):
            overlays.contains { $0.id == id && ($0.reserved.contains(address) || $0.hasRemote(address)) }
        case .ingress, .sandbox: false
        }
    }

    fileprivate func hasMeshPort(_ row: PortRow) -> Bool {
        ingress?.ports.contains { PortRow($0.transport, $0.publishedPorts).meets(row) } == true
    }

    fileprivate func has(_ reference: Sandbox.NetworkReference) -> Bool {
        switch reference {
        case .bridge(let id): bridges.contains { $0.id == id }
        case .overlay(let id): overlays.contains { $0.id == id }
        case .parent(let id): parents.contains { $0.id == id }
        }
    }
}

extension Sandbox {
    fileprivate func isIn(overlay id: String) -> Bool { endpoints.contains { $0.network == .overlay(id) } }
}

extension OverlayNetwork {
    /// Whether an endpoint on another node has an address.
    fileprivate func hasRemote(_ address: IPAddress) -> Bool {
        // By their first addresses; few have others.
        remotes[address] != nil || address.family != .v4 && remotes.values.contains { $0.addresses.contains(address) }
    }
}
