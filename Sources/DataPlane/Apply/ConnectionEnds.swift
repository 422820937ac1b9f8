import Addressing

/// Which tracked connections have lost what they lead to, between two wanted values.
///
/// A backend that is only drained stays: its connections go on. Its endpoint's end is what ends them; else a caller that
/// keeps sending UDP would stay with the dead address, and TCP would hang instead of being reset.
struct ConnectionEnds {
    private(set) var byScope: [Scope: [ConnectionEnd]] = [:]

    /// - Parameter kept: What an earlier round was to forget in namespaces in which something failed. What has come again since is left.
    init(from old: NodeNetwork, to new: NodeNetwork, kept: [Scope: [ConnectionEnd]] = [:]) {
        let gone = Self.goneEndpoints(old, new)
        for sandbox in new.sandboxes {
            var ends: [ConnectionEnd] = []
            for endpoint in sandbox.endpoints {
                guard case .overlay(let id) = endpoint.network else { continue }
                ends += (gone[id] ?? []).map { .answered($0) }
            }
            if !ends.isEmpty { byScope[.sandbox(sandbox.id)] = ends }
        }
        if let ingress = new.ingress, let ends = gone[ingress.overlayID] {
            byScope[.ingress] = ends.map { .answered($0) }
        }
        let node = Self.nodeEnds(old, new)
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
        private var addresses: Set<IPv4Address>
        private let ports: [(number: UInt16, address: IPv4Address)]

        init(_ network: NodeNetwork) {
            addresses = Set(network.overlays.flatMap(\.remoteEndpoints).map(\.address))
            for local in ConnectionEnds.localAddresses(network).values { addresses.formUnion(local) }
            addresses.formUnion(network.sandboxes.compactMap { $0.meshDoor?.door })
            ports =
                network.sandboxes.flatMap(\.published).map { ($0.hostPort, $0.targetAddress) }
                + network.meshAtNode.flatMap { port in port.backends.map { (port.publishedPort, $0.address) } }
        }

        func contains(_ end: ConnectionEnd) -> Bool {
            switch end {
            case .answered(let address): addresses.contains(address)
            case .port(let number, let address): ports.contains { $0.number == number && $0.address == address }
            }
        }
    }

    /// Addresses that an overlay has lost, on whatever node.
    private static func goneEndpoints(_ old: NodeNetwork, _ new: NodeNetwork) -> [String: [IPv4Address]] {
        var gone: [String: [IPv4Address]] = [:]
        let oldLocal = localAddresses(old)
        let newLocal = localAddresses(new)
        for overlay in new.overlays {
            guard let before = old.overlays.first(where: { $0.id == overlay.id }) else { continue }
            let same = before.remoteEndpoints == overlay.remoteEndpoints
            if same, oldLocal[overlay.id] == newLocal[overlay.id] { continue }
            let present = Set(overlay.remoteEndpoints.map(\.address)).union(newLocal[overlay.id] ?? [])
            let lost = Set(before.remoteEndpoints.map(\.address)).union(oldLocal[overlay.id] ?? []).subtracting(present)
            if !lost.isEmpty { gone[overlay.id] = lost.sorted() }
        }
        return gone
    }

    private static func localAddresses(_ network: NodeNetwork) -> [String: Set<IPv4Address>] {
        var found: [String: Set<IPv4Address>] = [:]
        for sandbox in network.sandboxes {
            for endpoint in sandbox.endpoints {
                if case .overlay(let id) = endpoint.network { found[id, default: []].insert(endpoint.address.address) }
            }
        }
        return found
    }

    /// Ports of the node that lead elsewhere or nowhere now: the address's next owner must not get their packets.
    private static func nodeEnds(_ old: NodeNetwork, _ new: NodeNetwork) -> [ConnectionEnd] {
        let kept = Set(new.sandboxes.flatMap(\.published))
        var ends: [ConnectionEnd] = old.sandboxes.flatMap(\.published).filter { !kept.contains($0) }
            .map { .port($0.hostPort, answeredFrom: $0.targetAddress) }
        let present = Set((new.ingress?.ports ?? []).map { "\($0.transport) \($0.publishedPort)" })
        for port in old.meshAtNode where !present.contains("\(port.transport) \(port.publishedPort)") {
            let addresses = Set(port.backends.map(\.address)).sorted()
            ends += addresses.map { .port(port.publishedPort, answeredFrom: $0) }
        }
        // Tasks that the node's table led to: drained before, gone now.
        let doors = Set(new.sandboxes.compactMap { $0.meshDoor?.door })
        let closed = Set(old.sandboxes.compactMap { $0.meshDoor?.door }).subtracting(doors)
        return ends + closed.sorted().map { .answered($0) }
    }
}
