package import Addressing
package import EngineInterface
import Model

/// The blocks of addresses that a swarm's overlays are cut from, as `swarm init --default-addr-pool` gives them. Pure. Source: moby,
/// `daemon/cluster/swarm.go`.
package struct DefaultAddressPools: Sendable, Equatable {
    /// Prefix length of a network's subnet when nobody says one.
    package static let usualSize = 24
    /// A network has a gateway and room for more.
    private static let smallestSize = 29

    private let bases: [IPNetwork]
    private let size: Int

    /// - Parameter size: 0 for the usual one.
    /// - Throws: ``DefaultPoolError`` naming the offending value.
    package init(_ texts: [String], size: Int) throws(DefaultPoolError) {
        self.size = size == 0 ? Self.usualSize : size
        var bases: [IPNetwork] = []
        guard (1...Self.smallestSize).contains(self.size) else {
            throw .sizeOutOfRange(size)
        }
        for text in texts {
            guard let base = IPNetwork(ipv4: text)?.masked else {
                throw .invalidBase(text)
            }
            guard self.size >= base.prefixLength else {
                throw .smallBase(text: text, prefixLength: base.prefixLength)
            }
            if let other = bases.first(where: { $0.overlaps(base) }) {
                throw .overlap(base, other)
            }
            bases.append(base)
        }
        self.bases = bases
    }

    /// Where subnets come from; `nil` for the usual place.
    package var chooser: SubnetChooser? {
        bases.isEmpty ? nil : SubnetChooser(pools: bases.map { SubnetChooser.Pool(base: $0, prefixLength: size) })
    }
}

extension ClusterObject {
    /// What the swarm was made with; it was checked then.
    var addressPools: SubnetChooser? {
        (try? DefaultAddressPools(defaultAddrPool ?? [], size: subnetSize))?.chooser
    }
}
