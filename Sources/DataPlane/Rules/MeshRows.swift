import Addressing
import Model
import Nftables

/// Ports of the mesh in a row, as a table has them: one element for the row, and one for each number of its backends, however many ports there are.
///
/// They lead to the same numbers, so that the destination's address alone is changed: nft and the kernel know no sum of a port and something else.
struct MeshRows {
    /// Row to chain.
    private(set) var entries: [String: String] = [:]
    /// Row and number to address.
    private(set) var members: [String: String] = [:]
    private(set) var chains: [String: String] = [:]
    /// Ports that are in no row, and those of rows that cannot be led as such.
    private(set) var others: [MeshPort] = []

    /// - Parameters:
    ///   - map: Where members are, and what of a packet the number goes through.
    ///   - number: How a number is written.
    ///   - isWhole: Whether a row can be one here.
    init(
        _ ports: [MeshPort], _ family: IPFamily, map: String, through carrier: Balancing.Carrier,
        number: (Int) -> String, where isWhole: (MeshPort) -> Bool
    ) {
        let balancing = Balancing.ports(map: map, through: carrier, family)
        var taken: [PortRow] = []
        for port in ports {
            let row = PortRow(port.transport, port.publishedPorts)
            // Of two that meet the first counts: the kernel would refuse the other, and all that is changed with it.
            guard port.isRow, isWhole(port), !taken.contains(where: { $0.meets(row) }) else {
                others += port.single
                continue
            }
            taken.append(row)
            let key = "\(port.transport) . \(row.ports.lowerBound)-\(row.ports.upperBound)"
            let backends = port.backends.filter { $0.address.family == family }
            // None refuses, by the chain that the skeleton has for it.
            var name = "n0"
            if !backends.isEmpty {
                let bySource = port.reach?.isBySource == true ? balancing.textBySource(of: backends.count) : nil
                name = bySource == nil ? "w\(backends.count)" : "x\(backends.count)"
                chains[name] = bySource ?? balancing.text(of: backends.count)
            }
            entries[key] = "goto \(name)"
            for (index, backend) in backends.enumerated() {
                members["\(key) . \(number(index))"] = "\(backend.address)"
            }
        }
        if !taken.isEmpty {
            others.removeAll { port in taken.contains { $0.meets(PortRow(port.transport, port.publishedPorts)) } }
        }
    }
}

extension MeshPort {
    /// Each of a row by itself.
    var single: [MeshPort] {
        guard isRow else { return [self] }
        return publishedPorts.map { number in
            MeshPort(
                transport: transport, publishedPort: number,
                backends: backends.map { Backend(address: $0.address, port: number) }, reach: reach)
        }
    }
}
