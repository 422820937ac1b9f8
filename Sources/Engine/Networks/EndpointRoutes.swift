import Addressing
import EngineInterface

/// Whether the networks of one container can be told apart by their addresses. Pure.
enum EndpointRoutes {
    /// - Throws: ``EndpointError/conflictingRoute(address:route:)`` when two of the joined networks overlap: packets would go to either.
    static func check(_ endpoints: [EndpointRecord]) throws(EndpointError) {
        var seen: [IPNetwork] = []
        for endpoint in endpoints where endpoint.isJoined {
            let own = endpoint.addresses?.all ?? []
            for address in own {
                if let other = seen.first(where: { $0.overlaps(address.masked) }) {
                    throw .conflictingRoute(address: address, route: other)
                }
            }
            seen += own.map(\.masked)
        }
    }
}
