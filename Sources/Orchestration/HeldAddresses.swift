import Addressing

/// The addresses of a network that somebody has, and how many there are of each family; copies share what they can.
struct HeldAddresses: Sendable, Equatable {
    private var holders = CountedSet<IPAddress>()
    private var ofIPv6 = 0

    mutating func insert(_ address: IPAddress) {
        if address.family == .v6, !holders.contains(address) { ofIPv6 += 1 }
        holders.insert(address)
    }

    mutating func remove(_ address: IPAddress) {
        guard holders.contains(address) else { return }
        holders.remove(address)
        if address.family == .v6, !holders.contains(address) { ofIPv6 -= 1 }
    }

    func contains(_ address: IPAddress) -> Bool { holders.contains(address) }
    /// How many different ones.
    var count: Int { holders.count }
    /// The same of a family.
    func count(of family: IPFamily) -> Int { family == .v6 ? ofIPv6 : holders.count - ofIPv6 }
    var isEmpty: Bool { holders.isEmpty }
    var elements: some Collection<IPAddress> { holders.elements }
}
