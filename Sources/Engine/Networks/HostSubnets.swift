import Addressing
import Netlink

/// What the node's own network uses of the address space, gathered row by row. Pure.
///
/// A host may have any number of routes, as one that takes part in BGP: what is kept is bounded, and of more than that what lies where networks are cut
/// from comes first.
struct HostSubnets: Equatable {
    /// As many as managers take of a node.
    static let maximum = 1024
    /// Bits of a prefix that is a way out rather than somebody's network: default routes come in halves and quarters, too.
    static let shortestPrefix = 8
    /// Addresses that sites use as they like: RFC 1918, RFC 6598, RFC 2544, RFC 1112, RFC 4193.
    static let privateBlocks = [
        IPNetwork(address: IPAddress(10, 0, 0, 0), prefixLength: 8),
        IPNetwork(address: IPAddress(172, 16, 0, 0), prefixLength: 12),
        IPNetwork(address: IPAddress(192, 168, 0, 0), prefixLength: 16),
        IPNetwork(address: IPAddress(100, 64, 0, 0), prefixLength: 10),
        IPNetwork(address: IPAddress(198, 18, 0, 0), prefixLength: 15),
        IPNetwork(address: IPAddress(240, 0, 0, 0), prefixLength: 4),
        .v6(IPv6Network(address: IPv6Address(high: 0xfc00 << 48, low: 0), prefixLength: 7)),
    ]

    private var near: Set<IPNetwork> = []
    private var far: Set<IPNetwork> = []
    private var addresses: Set<IPAddress> = []

    /// Takes a route of any table. What leads nowhere is nobody's network, and what Apus has put there is no reason to keep from its own networks.
    mutating func add(_ route: Route) {
        guard route.kind == .unicast, route.protocol != ownProtocol, route.table != Route.localTable else { return }
        add(route.destination)
    }

    /// Takes an address of the node's own: where no route leads to its subnet it is one subnet by itself.
    mutating func add(_ address: LinkAddress) {
        guard addresses.count < Self.maximum, !address.network.address.isLoopback else { return }
        addresses.insert(address.network.address)
    }

    mutating func add(_ subnet: IPNetwork) {
        let subnet = subnet.masked
        guard subnet.prefixLength >= Self.shortestPrefix, !Self.isEverywhere(subnet) else { return }
        if Self.privateBlocks.contains(where: { $0.overlaps(subnet) }) {
            if near.count < Self.maximum || near.contains(subnet) { near.insert(subnet) }
        } else if far.count < Self.maximum {
            far.insert(subnet)
        }
    }

    /// Addresses that every host has or hears: loopback, link-local, multicast.
    private static func isEverywhere(_ subnet: IPNetwork) -> Bool {
        switch subnet {
        case .v4(let network):
            // 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4
            let number = network.first.number
            return number >> 24 == 127 || number >> 16 == 0xa9fe || number >> 28 == 0xe
        case .v6(let network):
            let top = network.first.high >> 48
            return top == 0xfe80 || top >> 8 == 0xff || (network.first.high == 0 && network.prefixLength == 128)
        }
    }

    /// At most ``maximum``, those of private blocks first; each in ascending order.
    var subnets: [IPNetwork] {
        let index = SubnetIndex(Array(near) + Array(far))
        let alone = addresses.map { IPNetwork($0) }.filter { address in
            !Self.isEverywhere(address) && index.overlapping(address, limit: 1).isEmpty
        }
        let nearAlone = alone.filter { address in Self.privateBlocks.contains { $0.overlaps(address) } }
        let first = near.union(nearAlone).sorted()
        return Array((first + far.union(alone).subtracting(first).sorted()).prefix(Self.maximum))
    }
}
