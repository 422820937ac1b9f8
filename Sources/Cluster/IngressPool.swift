import Addressing
import EngineInterface
import Model
import Orchestration

/// The numbers of a new swarm's ingress network: those that are asked for, or the first that nothing routes where the swarm begins. They stay.
enum IngressPool {
    /// The last two bytes of an address tell connections apart in a task, and a small swarm has some addresses.
    private static let sizes = 16...28

    /// - Parameters:
    ///   - text: as `--ingress-pool` has it; empty: none is asked for.
    ///   - hasPools: The swarm has pools of its own, of which the network is one.
    ///   - routed: What the first node routes.
    /// - Returns: `nil` for one of the swarm's pools.
    /// - Throws: ``SwarmError``.
    static func choose(_ text: String, hasPools: Bool, routed: [IPNetwork]) throws(SwarmError) -> IPNetwork? {
        if text.isEmpty {
            return hasPools
                ? nil : NetworkAllocator.ingressPools.first { pool in !routed.contains { $0.overlaps(pool) } }
        }
        guard let subnet = IPNetwork(ipv4: text)?.masked, sizes.contains(subnet.prefixLength), isUsable(subnet.address)
        else { throw .invalidIngressPool(text) }
        if let other = routed.first(where: { $0.overlaps(subnet) }) {
            throw .ingressPoolRouted(text, by: other)
        }
        return subnet
    }

    /// The same, of which this node has tried whether it carries them: of those that nobody asks for, the first that it does.
    ///
    /// - Parameters:
    ///   - pools: The swarm's own, if it is given any.
    ///   - trying: Says why the node cannot have a subnet; `nil` where it can.
    static func choose(
        _ text: String, pools: SubnetChooser?, routed: [IPNetwork],
        trying: (IPNetwork) async throws -> IngressTrouble?
    ) async throws -> IPNetwork? {
        guard text.isEmpty, pools == nil else {
            let subnet = try choose(text, hasPools: pools != nil, routed: routed)
            if let first = subnet ?? pools?.choose(avoiding: []), let trouble = try await trying(first) {
                throw SwarmError.ingressUnusable(first, trouble)
            }
            return subnet
        }
        let free = NetworkAllocator.ingressPools.filter { pool in !routed.contains { $0.overlaps(pool) } }
        var refusal: SwarmError?
        for pool in free.isEmpty ? Array(NetworkAllocator.ingressPools.prefix(1)) : free {
            guard let trouble = try await trying(pool) else { return pool }
            refusal = refusal ?? .ingressUnusable(pool, trouble)
        }
        if let refusal { throw refusal }
        return nil
    }

    /// Neither this network's, nor the loopback's, nor multicast's.
    private static func isUsable(_ address: IPAddress) -> Bool {
        guard case .v4(let address) = address else { return false }
        let first = address.number >> 24
        return first != 0 && first != 127 && !(224...239).contains(first)
    }
}
