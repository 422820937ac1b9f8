import Addressing
import HashTreeCollections
import Model

/// The addresses that networks have left, and the next of them.
///
/// What is in use is looked up among the objects that own it. The allocators' places in their circles are kept from one run to
/// the next, and what was given up a moment ago, so that a freed address rests for a while.
struct AddressSupply {
    /// What was given up a moment ago; whoever plans tells it of states.
    var resting = RestingAddresses()
    private var allocators: [String: AddressAllocator] = [:]
    /// Taken in this pass, by network.
    private var taken: [String: Set<IPAddress>] = [:]
    /// Where no address was left in this pass.
    private var exhausted: Set<Space> = []
    /// What is held where no address is left beside just that: there is none as long as it is the same, and nobody looks.
    private var full: [Space: Holdings] = [:]

    /// The addresses of a family in a network.
    private struct Space: Hashable {
        let network: String
        let family: IPFamily

        static func all(of network: String) -> [Space] { IPFamily.allCases.map { Space(network: network, family: $0) } }
    }

    /// Addresses that are held in a network.
    private struct Holdings: Sendable, Equatable {
        var tasks: HeldAddresses
        var services: HeldAddresses
        var nodes: HeldAddresses
        /// Asked for by services, which may not have them.
        var kept: CountedSet<IPAddress>
    }

    /// Begins a pass: nothing is taken in it yet.
    mutating func begin(_ scope: PlanScope, _ state: SwarmState) {
        taken = [:]
        exhausted = []
        if scope.isWhole { full = [:] }
        renew(scope.networks, state)
    }

    // MARK: Networks

    /// Makes allocators for networks that are new or have other subnets.
    private mutating func renew(_ networks: Set<String>, _ state: SwarmState) {
        var fresh: [String: AddressAllocator] = [:]
        for id in networks {
            guard let network = state.networks.shared(id) else {
                allocators[id] = nil
                for space in Space.all(of: id) { full[space] = nil }
                continue
            }
            let allocator = AddressAllocator(network.value.addressRanges)
            if allocators[id]?.ranges != allocator.ranges { fresh[id] = allocator }
        }
        if fresh.isEmpty { return }
        let history = Self.history(of: Set(fresh.keys), state)
        for (id, allocator) in fresh {
            var allocator = allocator
            for address in history[id] ?? [] { allocator.resume(after: address) }
            allocators[id] = allocator
            for space in Space.all(of: id) { full[space] = nil }
        }
    }

    /// Addresses of services and tasks in each network, those that have ended included, the oldest first: a new leader goes on where the
    /// one before was.
    private static func history(of networks: Set<String>, _ state: SwarmState) -> [String: [IPAddress]] {
        var found: [String: [(Timestamp, IPAddress)]] = [:]
        for service in state.services.shared {
            for held in service.value.endpoint.virtualIPs ?? [] where networks.contains(held.networkID) {
                guard let address = held.addr?.address else { continue }
                found[held.networkID, default: []].append((service.value.createdAt, address))
            }
        }
        for id in networks {
            for task in state.tasks.lookup.byNetwork[id].values {
                for attachment in task.value.networksAttachments ?? [] where attachment.network.id == id {
                    found[id, default: []] += attachment.addresses.map { (task.value.createdAt, $0.address) }
                }
            }
        }
        return found.mapValues { $0.sorted { $0 < $1 }.map(\.1) }
    }

    /// Whether an address is one that a network may give: of its ranges, and nobody's by itself.
    func mayGive(_ address: IPAddress, in network: String) -> Bool {
        (allocators[network]?.ranges ?? []).contains { $0.mayGive(address) }
    }

    /// The families of a network's subnets, IPv4 first.
    func families(of network: String) -> [IPFamily] {
        let present = Set((allocators[network]?.ranges ?? []).map(\.subnet.family))
        return IPFamily.allCases.filter(present.contains)
    }

    /// Whether no address was left in a network when it held what it holds in this state.
    func isFull(_ network: String, _ state: SwarmState) -> Bool {
        let known = Space.all(of: network).compactMap { full[$0] }
        return known.isEmpty ? false : known.contains(Self.holdings(in: network, state))
    }

    /// The family that has none left; IPv4 where that is not known.
    func lackingFamily(in network: String) -> IPFamily {
        Space.all(of: network).first { exhausted.contains($0) }?.family ?? .v4
    }

    // MARK: Taking

    /// An address of each family that the network has; `nil`, and none taken, when one has none left.
    /// - Parameters:
    ///   - chosen: Those that are taken already: none of their families is wanted beside them.
    ///   - isWanted: Of which families.
    mutating func takeAll(
        in network: String, beside chosen: [IPNetwork] = [], _ draft: SwarmDraft,
        where isWanted: (IPFamily) -> Bool = { _ in true }
    ) -> [IPNetwork]? {
        var found: [IPNetwork] = []
        let families = families(of: network).filter(isWanted)
        if families.isEmpty { return nil }
        for family in families {
            if let own = chosen.first(where: { $0.family == family }) {
                found.append(own)
            } else if let address = take(family, in: network, draft) {
                found.append(address)
            } else {
                giveBack(found, in: network)
                return nil
            }
        }
        return found
    }

    /// The next address of a family; `nil` when none is left.
    mutating func take(_ family: IPFamily, in network: String, _ draft: SwarmDraft) -> IPNetwork? {
        let space = Space(network: network, family: family)
        guard !exhausted.contains(space) else { return nil }
        if let known = full[space], known == Self.holdings(in: network, draft.base) {
            exhausted.insert(space)
            return nil
        }
        var own = taken.removeValue(forKey: network) ?? []
        defer { taken[network] = own }
        let found =
            allocators[network]?.allocate(family) {
                own.contains($0) || resting.rests($0, in: network) || Self.holds($0, in: network, draft)
                    || Self.isKept($0, in: network, draft)
            } ?? restingLongest(family, in: network, own, draft)
        if let found {
            own.insert(found.address)
            return found
        }
        exhausted.insert(space)
        let held = Self.holdings(in: network, draft.base)
        if own.isEmpty, held == Self.holdings(in: network, draft.state) { full[space] = held }
        return nil
    }

    /// The address that has rested for longest, when nothing else is left: nobody waits for the end of its rest.
    private func restingLongest(_ family: IPFamily, in network: String, _ own: Set<IPAddress>, _ draft: SwarmDraft)
        -> IPNetwork?
    {
        let ranges = allocators[network]?.ranges ?? []
        for address in resting.oldestFirst(in: network) where address.family == family {
            guard let range = ranges.first(where: { $0.mayGive(address) }), !own.contains(address),
                !Self.holds(address, in: network, draft), !Self.isKept(address, in: network, draft)
            else { continue }
            return IPNetwork(address: address, prefixLength: range.subnet.prefixLength)
        }
        return nil
    }

    /// Takes an address that the user asks for; `nil` when it is in use, kept back, no host's, or in none of the network's subnets.
    /// - Parameter service: The id of the service that asks for it.
    mutating func take(
        _ address: IPAddress, in network: String, for service: String?, _ draft: SwarmDraft
    ) -> IPNetwork? {
        guard let range = allocators[network]?.ranges.first(where: { $0.subnet.contains(address) }),
            !range.reserved.contains(address), range.isHost(address), taken[network]?.contains(address) != true,
            !Self.holds(address, in: network, draft), !Self.isKept(address, in: network, besides: service, draft)
        else { return nil }
        taken[network, default: []].insert(address)
        return IPNetwork(address: address, prefixLength: range.subnet.prefixLength)
    }

    /// Gives back what was taken in this pass.
    mutating func giveBack(_ addresses: [IPNetwork], in network: String) {
        for address in addresses { taken[network]?.remove(address.address) }
    }

    /// Gives back what a task was to have, so that others look for an address in the network again.
    mutating func release(_ attachment: NetworkAttachment) {
        for space in Space.all(of: attachment.network.id) { exhausted.remove(space) }
        giveBack(attachment.addresses, in: attachment.network.id)
    }

    // MARK: Who has what

    /// Whether somebody has an address, or had it before this pass: what is given up in a pass is free from the next one on.
    private static func holds(_ address: IPAddress, in network: String, _ draft: SwarmDraft) -> Bool {
        holds(address, in: network, draft.state) || holds(address, in: network, draft.base)
    }

    /// Whether an address is kept for a service that asks for it: nobody else gets it.
    private static func isKept(
        _ address: IPAddress, in network: String, besides service: String? = nil, _ draft: SwarmDraft
    ) -> Bool {
        let keepers = draft.state.services.lookup.keepers(of: address, in: network)
        return keepers.contains { $0.key != service }
    }

    private static func holds(_ address: IPAddress, in network: String, _ state: SwarmState) -> Bool {
        state.tasks.lookup.holds(address, in: network) || state.services.lookup.holds(address, in: network)
            || state.nodes.lookup.ingressAddresses.contains(address) && state.ingressNetwork?.id == network
    }

    private static func holdings(in network: String, _ state: SwarmState) -> Holdings {
        Holdings(
            tasks: state.tasks.lookup.addresses(in: network), services: state.services.lookup.addresses(in: network),
            nodes: state.ingressNetwork?.id == network ? state.nodes.lookup.ingressAddresses : HeldAddresses(),
            kept: state.services.lookup.keptAddresses(in: network))
    }
}
