/// Subnets, of which those are found that overlap another one without looking at all of them.
package struct SubnetIndex: Sendable {
    /// Host bits clear, each once.
    private let sorted: [IPNetwork]
    private let all: Set<IPNetwork>
    private let lengths: [IPFamily: Set<Int>]

    package init(_ subnets: some Sequence<IPNetwork>) {
        let all = Set(subnets.map(\.masked))
        self.all = all
        sorted = all.sorted()
        lengths = Dictionary(grouping: all, by: \.family).mapValues { Set($0.map(\.prefixLength)) }
    }

    package var isEmpty: Bool { sorted.isEmpty }

    /// Those that have an address in common with a subnet: the widest first, those inside of it in ascending order, so many at the most.
    package func overlapping(_ subnet: IPNetwork, limit: Int = .max) -> [IPNetwork] {
        let subnet = subnet.masked
        // What contains it is told by its own address: one look for each length that there is.
        var found = (lengths[subnet.family] ?? []).filter { $0 < subnet.prefixLength }.sorted()
            .map { IPNetwork(address: subnet.address, prefixLength: $0).masked }.filter(all.contains)
        for inner in sorted.dropFirst(count(before: subnet)) {
            guard found.count < limit, subnet.contains(inner) else { break }
            found.append(inner)
        }
        return Array(found.prefix(limit))
    }

    /// How many subnets are before one: all that are inside of it follow each other behind those.
    private func count(before subnet: IPNetwork) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = low + (high - low) / 2
            guard sorted.indices.contains(middle) else { break }
            if sorted[middle] < subnet { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
