package import Addressing
package import Model

/// A subnet that a node says is in use where it is, or is not to be used there.
package struct SubnetClaim: Hashable, Sendable {
    /// What there is: something that the node routes, its own addresses and bridges among it; a name server that it asks; or nothing but its operator's
    /// word that nothing is to be chosen there (`--avoid-subnet`).
    package enum Kind: String, Sendable { case route, resolver, avoided }

    package var subnet: IPNetwork
    package var kind: Kind

    package init(_ subnet: IPNetwork, _ kind: Kind) {
        self.kind = kind
        self.subnet = subnet.masked
    }

    /// Bits of a prefix that is a way out rather than somebody's network: default routes come in halves and quarters, too.
    static let shortestPrefix = 8
}

extension NodeDescription {
    /// What the node says is in use or to be kept clear of, without ways out.
    package var subnetClaims: [SubnetClaim] {
        let avoided = Set((avoidedSubnets ?? []).map(\.masked))
        let routes = (routedSubnets ?? []).map(\.masked).map {
            SubnetClaim($0, avoided.contains($0) ? .avoided : .route)
        }
        let servers = (resolvers ?? []).map { SubnetClaim(IPNetwork($0), .resolver) }
        return (routes + servers).filter { $0.subnet.prefixLength >= SubnetClaim.shortestPrefix }
    }
}

/// What all nodes say is in use, and how far it is believed when a subnet is to be chosen. Pure.
///
/// It is advice: nobody can check it, and a worker may say anything. So it is followed as far as something is left. Where it leaves nothing, each node's
/// word counts for its narrowest subnets, up to a quarter of the blocks that are to be chosen from; where that leaves nothing either, managers' alone;
/// and in the end nobody's, rather than that no network can be made. What is chosen against somebody's word is told as a conflict
/// (``NetworkConflict``).
package struct SubnetClaims: Sendable {
    private struct Node: Sendable {
        var isManager: Bool
        var subnets: Set<IPNetwork>
    }

    /// What part of the blocks a node may keep to itself: one of so many.
    static let share: UInt128 = 4

    private let nodes: [Node]

    package init(_ state: SwarmState) {
        nodes = state.nodes.shared.compactMap { node in
            let subnets = Set((node.value.description?.subnetClaims ?? []).map(\.subnet))
            if subnets.isEmpty { return nil }
            return Node(isManager: node.value.grantedRole == .manager, subnets: subnets)
        }
    }

    /// - Parameters:
    ///   - blocks: What is chosen from.
    ///   - choose: Gives a subnet that overlaps none of those it is given, each once; `nil` when there is none.
    package func choose(within blocks: [IPNetwork], _ choose: ([IPNetwork]) -> IPNetwork?) -> IPNetwork? {
        func union(_ parts: [Set<IPNetwork>]) -> [IPNetwork] { parts.reduce(into: Set()) { $0.formUnion($1) }.sorted() }
        if let chosen = choose(union(nodes.map(\.subnets))) { return chosen }
        let believed = nodes.map { (isManager: $0.isManager, subnets: Self.narrowest($0.subnets, of: blocks)) }
        return choose(union(believed.map(\.subnets)))
            ?? choose(union(believed.filter(\.isManager).map(\.subnets)))
            ?? choose([])
    }

    /// The narrowest of some subnets, as many as fit into a node's share of the blocks of their family.
    static func narrowest(_ subnets: Set<IPNetwork>, of blocks: [IPNetwork]) -> Set<IPNetwork> {
        var kept: Set<IPNetwork> = []
        for family in IPFamily.allCases {
            let blocks = blocks.filter { $0.family == family }
            let index = SubnetIndex(blocks)
            var left = blocks.reduce(UInt128(0)) { sum(of: $0, and: $1) } / share
            let inOrder = subnets.filter { $0.family == family }.sorted {
                ($1.prefixLength, $0.address) < ($0.prefixLength, $1.address)
            }
            for subnet in inOrder {
                // Of what contains others of them those are counted twice: it may be believed less for it, never more.
                let taken = index.overlapping(subnet).reduce(UInt128(0)) { total, block in
                    sum(of: total, and: subnet.contains(block) ? block : subnet)
                }
                // Others are wider still, or beside the blocks.
                if taken > left { continue }
                left -= taken
                kept.insert(subnet)
            }
        }
        return kept
    }

    private static func sum(of total: UInt128, and subnet: IPNetwork) -> UInt128 {
        let bits = subnet.family.width - subnet.prefixLength
        let size = bits < UInt128.bitWidth ? UInt128(1) << UInt128(truncatingIfNeeded: bits) : .max
        let (sum, isOver) = total.addingReportingOverflow(size)
        return isOver ? .max : sum
    }
}
