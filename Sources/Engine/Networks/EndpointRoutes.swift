import Addressing
import Faults

/// Whether the networks of one container can be told apart by their addresses. Pure.
enum EndpointRoutes {
    /// - Throws: ``APIError`` in Docker's words when two of the joined networks overlap: packets would go to either.
    static func check(_ endpoints: [EndpointRecord]) throws(APIError) {
        var seen: [IPNetwork] = []
        for endpoint in endpoints where endpoint.isJoined {
            let own = endpoint.addresses?.all ?? []
            for address in own {
                if let other = seen.first(where: { $0.overlaps(address.masked) }) {
                    throw APIError(
                        .forbidden,
                        "cannot program address \(address) in sandbox interface because it conflicts with existing route \(other)"
                    )
                }
            }
            seen += own.map(\.masked)
        }
    }
}
