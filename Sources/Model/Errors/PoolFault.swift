package import Addressing

/// What is wrong with a pool as it is written, before anybody asks whether it can be had. Source: moby, api/types/network/ipam.go.
package enum PoolFault: Equatable, Sendable {
    /// What of a pool is a block of addresses.
    package enum Block: Sendable { case subnet, range }

    case notation(Block, text: String)
    /// Addresses beyond its prefix; with the block that was meant.
    case hostBits(Block, IPNetwork)
    case rangeFamily(text: String, subnet: IPFamily)
    case wideRange(text: String, subnet: IPNetwork)
    case rangeOutside(text: String, subnet: IPNetwork)
    case gateway(text: String, AddressFault)
    /// By its name.
    case auxiliary(name: String, AddressFault)
}

/// What is wrong with an address of a pool.
package enum AddressFault: Equatable, Sendable {
    case notation
    case family(subnet: IPFamily)
    case outside(subnet: IPNetwork)
}
