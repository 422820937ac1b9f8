import Addressing
import Model

extension DirectPort {
    /// The elements of a set of transport, port and address that mean these, of one family: none in which another begins, as the kernel takes no such.
    static func elements(_ all: [DirectPort], _ family: IPFamily) -> [String] {
        struct Place: Hashable { let transport: TransportProtocol, address: IPAddress }
        var rows: [Place: [ClosedRange<UInt16>]] = [:]
        for port in all where port.address.family == family {
            rows[Place(transport: port.transport, address: port.address), default: []].append(port.ports)
        }
        return rows.flatMap { place, rows in
            var merged: [ClosedRange<UInt16>] = []
            for row in rows.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                var whole = row
                if let last = merged.last, last.overlaps(row) {
                    _ = merged.popLast()
                    whole = last.lowerBound...max(last.upperBound, row.upperBound)
                }
                merged.append(whole)
            }
            return merged.map { row in
                let numbers = row.count == 1 ? "\(row.lowerBound)" : "\(row.lowerBound)-\(row.upperBound)"
                return "\(place.transport) . \(numbers) . \(place.address)"
            }
        }
    }
}
