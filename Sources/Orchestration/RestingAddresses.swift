package import Addressing
import HashTreeCollections
package import Model

/// Addresses that somebody had a moment ago: as long as there are others nobody gets them, since what was sent to their former owners may still come, and
/// who has asked for their names may still remember. Pure: it is told of states and of the time.
package struct RestingAddresses: Sendable {
    /// Seconds for which an address rests.
    package static let rest: Int64 = 60
    /// So many of a network are remembered; of more the oldest are forgotten.
    static let limit = 65_536

    private struct Network: Sendable {
        /// When each was given up.
        var since: [IPAddress: Timestamp] = [:]
        /// In the order in which they were given up; some have been given away since, or were given up once more.
        var order: [(address: IPAddress, since: Timestamp)] = []

        mutating func add(_ address: IPAddress, _ now: Timestamp) {
            since[address] = now
            order.append((address, now))
        }

        /// Forgets those whose time is over. What is in the order for nothing goes along when it is the most of it.
        mutating func forget(before end: Timestamp) {
            let over = order.prefix { $0.since <= end }.count
            let excess = max(over, order.count - RestingAddresses.limit)
            guard excess > 0 || order.count > 2 * since.count + 16 else { return }
            for entry in order.prefix(excess) where since[entry.address] == entry.since { since[entry.address] = nil }
            let known = since
            order = order.dropFirst(excess).filter { known[$0.address] == $0.since }
        }
    }

    private var networks: [String: Network] = [:]

    package init() {}

    /// Takes in what has happened between two states: what was held in the first and is not in the second rests from now on.
    ///
    /// - Parameter changes: What may have changed between the two.
    package mutating func follow(
        from former: SwarmState, to state: SwarmState, _ changes: SwarmChanges, at now: Timestamp
    ) {
        for id in changes.networks where state.networks.shared(id) == nil { networks[id] = nil }
        var given: [String: Set<IPAddress>] = [:]
        for id in changes.tasks {
            guard let old = former.tasks.shared(id)?.value, old.isLive else { continue }
            for attachment in old.networksAttachments ?? [] {
                given[attachment.network.id, default: []].formUnion(attachment.addresses.map(\.address))
            }
        }
        for id in changes.services {
            for held in former.services.shared(id)?.value.endpoint.virtualIPs ?? [] {
                if let address = held.addr?.address { given[held.networkID, default: []].insert(address) }
            }
        }
        if let ingress = former.ingressNetwork?.id {
            for id in changes.nodes {
                given[ingress, default: []].formUnion(
                    former.nodes.shared(id)?.value.membership?.ingressAddresses?.all ?? [])
            }
        }
        for (network, addresses) in given where state.networks.shared(network) != nil {
            for address in addresses.sorted() where !state.holds(address, in: network) {
                networks[network, default: Network()].add(address, now)
            }
        }
        forget(at: now)
    }

    /// Forgets those whose time is over.
    package mutating func forget(at now: Timestamp) {
        let end = now.advanced(bySeconds: -Self.rest)
        for id in networks.keys {
            networks[id]?.forget(before: end)
            if networks[id]?.since.isEmpty == true { networks[id] = nil }
        }
    }

    /// Whether an address of a network rests, if nobody has it by now.
    package func rests(_ address: IPAddress, in network: String) -> Bool { networks[network]?.since[address] != nil }

    /// Those of a network, the one first that rests for longest. Somebody may have been given one since.
    package func oldestFirst(in network: String) -> some Sequence<IPAddress> {
        let known = networks[network] ?? Network()
        return known.order.lazy.filter { known.since[$0.address] == $0.since }.map(\.address)
    }
}

extension SwarmState {
    /// Whether a task, a service or a node has an address in a network.
    package func holds(_ address: IPAddress, in network: String) -> Bool {
        tasks.lookup.holds(address, in: network) || services.lookup.holds(address, in: network)
            || nodes.lookup.ingressAddresses.contains(address) && ingressNetwork?.id == network
    }
}
