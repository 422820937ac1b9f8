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
                free: Int(clamping: capacity > gone ? capacity - gone : 0),
                unavailable: UInt64(clamping: range.unavailable + UInt128(used.count)))
        }
    }

    /// Which part of the addresses that a network can give somebody has, 0 to 1; of two families the fuller one, whose subnets count together, since they are
    /// filled one after the other. `nil` for a network of which the swarm gives no addresses.
    ///
    /// Told from counts that are kept. Only where a network gives a range of a subnet, all that are held in it are gone through for those in the range.
    package func usedAddressShare(of network: SwarmNetwork) -> Double? {
        let id = network.id
        var held = [tasks.lookup.addresses(in: id), services.lookup.addresses(in: id)]
        if ingressNetwork?.id == id { held.append(nodes.lookup.ingressAddresses) }
        let ranges = network.addressRanges
        return IPFamily.allCases.compactMap { family -> Double? in
            let own = ranges.filter { $0.subnet.family == family }
            let capacity = own.reduce(0.0) { $0 + Double($1.capacity) }
            guard capacity > 0 else { return nil }
            let isOfRange = own.contains { $0.range != nil }
            let used = held.reduce(0) { sum, addresses in
                guard isOfRange else { return sum + addresses.count(of: family) }
                return sum + addresses.elements.count { address in own.contains { $0.mayGive(address) } }
            }
            return min(1, Double(used) / capacity)
        }.max()
    }
}
