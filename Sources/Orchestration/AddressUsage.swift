package import Addressing
import HashTreeCollections
package import Model

/// How many addresses of one subnet of a network are used, by what the objects of the swarm hold. Pure.
package struct AddressUsage: Sendable, Equatable {
    package var subnet: IPNetwork
    /// Held by tasks, services and nodes.
    package var used: Int
    /// Given up a moment ago; they are given away again when nothing else is left, so they are among ``free``.
    package var resting: Int
    /// What new tasks and services can get: of the range, where the network has one. No more than `Int.max`.
    package var free: Int
    /// What new tasks and services could get if nobody had any: of the range, where the network has one. No more than `Int.max`.
    package var capacity: Int
    /// All addresses of the subnet that are not to be had: those used, the gateway's, auxiliary ones, and the subnet's own.
    package var unavailable: UInt64
}

extension SwarmState {
    /// Of each subnet of a network, in the order in which the network has them.
    package func addressUsage(of network: SwarmNetwork, _ resting: RestingAddresses) -> [AddressUsage] {
        let id = network.id
        var held = Set(tasks.lookup.addresses(in: id).elements)
        held.formUnion(services.lookup.addresses(in: id).elements)
        if ingressNetwork?.id == id { held.formUnion(nodes.lookup.ingressAddresses.elements) }
        let rests = resting.oldestFirst(in: id).filter { !held.contains($0) }
        return network.addressRanges.map { range in
            let used = held.filter(range.subnet.contains)
            let capacity = range.capacity
            // What somebody has beside the range is not missing in it.
            let gone = UInt128(used.count { range.mayGive($0) })
            return AddressUsage(
                subnet: range.subnet, used: used.count, resting: rests.count { range.mayGive($0) },
                free: Int(clamping: capacity > gone ? capacity - gone : 0), capacity: Int(clamping: capacity),
                unavailable: UInt64(clamping: range.unavailable + UInt128(used.count)))
        }
    }
}
