import Addressing
import Model

/// Which tracked connections are to be forgotten between two wanted values: those that have lost what they lead to, those of
/// addresses whose next owner must not inherit them, and those that came while nothing was there that is there now.
///
/// A backend that is only drained stays: its connections go on. Its endpoint's end is what ends them; else a caller that
/// keeps sending UDP would stay with the dead address, and TCP would hang instead of being reset.
struct ConnectionEnds {
    private(set) var byScope: [Scope: [ConnectionEnd]] = [:]

    /// - Parameters:
    ///   - made: Links that were made just now.
    ///   - kept: What an earlier round was to forget in namespaces in which something failed. What has come again since is left.
    init(
        from old: NodeNetwork, to new: NodeNetwork, made: Set<String> = [], kept: [Scope: [ConnectionEnd]] = [:]
    ) {
        let known = Dictionary(old.sandboxes.map { ($0.id, $0) }) { first, _ in first }
        let (calledBefore, calledNow) = (CalledAddresses(old), CalledAddresses(new))
        let gone = Self.goneEndpoints(old, new)
        for sandbox in new.sandboxes {
            var ends: [ConnectionEnd] = []
            for endpoint in sandbox.endpoints {
                guard case .overlay(let id) = endpoint.network else { continue }
                ends += (gone[id] ?? []).map { .answered($0) }
            }
            // A container that is new has called nobody yet.
            if let before = known[sandbox.id] {
                ends += calledNow.added(to: sandbox, since: before, calledBefore).map { .called($0) }
            }
            if !ends.isEmpty { byScope[.sandbox(sandbox.id)] = ends }
        }
        if let ingress = new.ingress, let ends = gone[ingress.overlayID] {
            byScope[.ingress] = ends.map { .answered($0) }
        }
        let openedBefore = Set(Self.opened(old))
        let node =
            Self.nodeEnds(old, new) + Self.bridgeEnds(old, new, made)
            + Self.opened(new).filter { !openedBefore.contains($0) }
        if !node.isEmpty { byScope[.node] = node }
        if kept.isEmpty { return }
        let live = Live(new)
        for (scope, ends) in kept {
            let more = ends.filter { !live.contains($0) && byScope[scope]?.contains($0) != true }
            if !more.isEmpty { byScope[scope, default: []] += more }
        }
    }

    /// What connections may lead to.
    private struct Live {
        private var addresses: Set<IPAddress>
        private let ports: [(numbers: ClosedRange<UInt16>, address: IPAddress)]
        private let opened: Set<ConnectionEnd>
        private let bridged: Set<IPAddress>
        private let subnets: Set<IPNetwork>

        init(_ network: NodeNetwork) {
            addresses = Set(network.overlays.flatMap(\.remotes.values).flatMap(\.addresses.all))
            for local in ConnectionEnds.localAddresses(network).values { addresses.formUnion(local) }
            addresses.formUnion(network.sandboxes.flatMap(\.meshTargets).map(\.localTarget))
            ports =
                network.sandboxes.flatMap(\.published).map { ($0.published.hostPorts, $0.target) }
                + network.meshAtNode.flatMap { port in port.backends.map { (port.publishedPorts, $0.address) } }
            opened = Set(ConnectionEnds.opened(network))
            bridged = ConnectionEnds.bridgeAddresses(network)
            subnets = Set(network.bridges.flatMap(\.addresses.all).map(\.masked))
        }

        func contains(_ end: ConnectionEnd) -> Bool {
            switch end {
            case .answered(let address): addresses.contains(address)
            case .port(let number, let address): leads(number...number, to: address)
            case .row(let numbers, let address): leads(numbers, to: address)
            case .of(let address): bridged.contains(address)
            case .within(let network): subnets.contains(network)
            // These lead nowhere, whatever has come since.
            case .unled, .unledRow: !opened.contains(end)
            case .called: false
            }
        }

        private func leads(_ numbers: ClosedRange<UInt16>, to address: IPAddress) -> Bool {
            ports.contains { $0.numbers.overlaps(numbers) && $0.address == address }
        }
    }

    /// Addresses that an overlay has lost, on whatever node.
    static func goneEndpoints(_ old: NodeNetwork, _ new: NodeNetwork) -> [String: [IPAddress]] {
        var gone: [String: [IPAddress]] = [:]
        let oldLocal = localAddresses(old)
        let newLocal = localAddresses(new)
        for overlay in new.overlays {
            guard let before = old.overlays.first(where: { $0.id == overlay.id }) else { continue }
            let same = before.remotes == overlay.remotes
            if same, oldLocal[overlay.id] == newLocal[overlay.id] { continue }
            let present = Set(overlay.remotes.values.flatMap(\.addresses.all)).union(newLocal[overlay.id] ?? [])
            let lost = Set(before.remotes.values.flatMap(\.addresses.all)).union(oldLocal[overlay.id] ?? [])
                .subtracting(present)
            if !lost.isEmpty { gone[overlay.id] = lost.sorted() }
        }
        return gone
    }

    private static func localAddresses(_ network: NodeNetwork) -> [String: Set<IPAddress>] {
        var found: [String: Set<IPAddress>] = [:]
        for sandbox in network.sandboxes {
            for endpoint in sandbox.endpoints {
                if case .overlay(let id) = endpoint.network {
                    found[id, default: []].formUnion(endpoint.addresses.hosts.all)
                }
            }
        }
        return found
    }

    /// What a bridge has lost: an address of a container, or one of its own with all of its subnet. What is known of those of a new bridge is of a time
    /// before it.
    private static func bridgeEnds(_ old: NodeNetwork, _ new: NodeNetwork, _ made: Set<String>) -> [ConnectionEnd] {
        let before = Dictionary(old.bridges.map { ($0.id, $0.addresses) }) { first, _ in first }
        let after = Dictionary(new.bridges.map { ($0.id, $0.addresses) }) { first, _ in first }
        let gone = old.bridges.flatMap { bridge in
            bridge.addresses.all.filter { after[bridge.id]?.all.contains($0) != true }
        }
        let come = new.bridges.filter { before[$0.id] == nil && made.contains($0.linkName) }.flatMap(\.addresses.all)
        let subnets = Set((gone + come).map(\.masked))
        let lost = bridgeAddresses(old).subtracting(bridgeAddresses(new))
            .filter { address in !subnets.contains { $0.contains(address) } }
        return subnets.sorted { $0.first < $1.first }.map { .within($0) } + lost.sorted().map { .of($0) }
    }

    private static func bridgeAddresses(_ network: NodeNetwork) -> Set<IPAddress> {
        Set(
            network.sandboxes.flatMap(\.endpoints).flatMap { endpoint -> [IPAddress] in
                if case .bridge = endpoint.network { endpoint.addresses.hosts.all } else { [] }
            })
    }

    /// Ports of the node that lead somewhere, by what came to them before they did.
    static func opened(_ network: NodeNetwork) -> [ConnectionEnd] {
        let mesh = (network.ingress?.ports ?? []).map {
            ConnectionEnd.unled($0.transport, $0.publishedPorts, at: nil)
        }
        return mesh
            + network.sandboxes.flatMap(\.published).map(\.published).map {
                .unled($0.transport, $0.hostPorts, at: $0.hostAddress)
            }
    }

    /// Ports of the node that lead elsewhere or nowhere now: the address's next owner must not get their packets.
    private static func nodeEnds(_ old: NodeNetwork, _ new: NodeNetwork) -> [ConnectionEnd] {
        let kept = Set(new.sandboxes.flatMap(\.published))
        var ends: [ConnectionEnd] = old.sandboxes.flatMap(\.published).filter { !kept.contains($0) }
            .map { .ports($0.published.hostPorts, answeredFrom: $0.target) }
        let present = Set((new.ingress?.ports ?? []).map { PortRow($0.transport, $0.publishedPorts) })
        for port in old.meshAtNode where !present.contains(PortRow(port.transport, port.publishedPorts)) {
            let addresses = Set(port.backends.map(\.address)).sorted()
            ends += addresses.map { .ports(port.publishedPorts, answeredFrom: $0) }
        }
        // Tasks that the node's table led to: drained before, gone now.
        let localTargets = Set(new.sandboxes.flatMap(\.meshTargets).map(\.localTarget))
        let closed = Set(old.sandboxes.flatMap(\.meshTargets).map(\.localTarget)).subtracting(localTargets)
        return ends + closed.sorted().map { .answered($0) }
    }
}

/// Service addresses that sandboxes may call, by overlay.
struct CalledAddresses {
    private let byOverlay: [String: [IPAddress: [IPAddress]]]

    init(_ network: NodeNetwork) {
        byOverlay = Dictionary(network.overlays.map { ($0.id, $0.tasks) }) { first, _ in first }
    }

    /// Those of a sandbox, its own and those of its overlays.
    func all(of sandbox: Sandbox) -> Set<IPAddress> {
        var found = Set(sandbox.services.map(\.address))
        for id in sandbox.overlayIDs { found.formUnion((byOverlay[id] ?? [:]).keys) }
        return found
    }

    /// Those that a sandbox has now and had not before.
    func added(to sandbox: Sandbox, since before: Sandbox, _ old: CalledAddresses) -> [IPAddress] {
        let isSame = sandbox.services == before.services && sandbox.overlayIDs == before.overlayIDs
        if isSame, sandbox.overlayIDs.allSatisfy({ byOverlay[$0] == old.byOverlay[$0] }) { return [] }
        return all(of: sandbox).subtracting(old.all(of: before)).sorted()
    }
}
