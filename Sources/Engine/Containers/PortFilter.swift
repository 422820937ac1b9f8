import EngineInterface
import Model

/// What `publish` and `expose` of a list look for: `80`, `80/udp`, `8000-8080/tcp`. Source: Engine API 1.50, `ContainerList`.
struct PortFilter {
    private let ports: ClosedRange<UInt16>
    private let transport: TransportProtocol

    /// - Throws: ``FilterError`` naming the filter and its value.
    init(_ text: String, of filter: String) throws(FilterError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let bounds = (parts.first ?? "").split(separator: "-", omittingEmptySubsequences: false)
            .map { UInt16($0, radix: 10) }
        guard parts.count <= 2, bounds.count <= 2,
            let transport = TransportProtocol(rawValue: parts.count == 2 ? parts[1].lowercased() : "tcp"),
            let low = bounds.first ?? nil, let high = bounds.last ?? nil, low <= high
        else { throw FilterError.invalid(name: filter, value: text) }
        ports = low...high
        self.transport = transport
    }

    func matches(_ ports: ClosedRange<UInt16>, _ transport: TransportProtocol) -> Bool {
        ports.overlaps(self.ports) && transport == self.transport
    }

    /// - Parameter key: As in `80/tcp`, or of a row.
    func matches(_ key: String) -> Bool {
        if let row = PortRow(key) { return matches(row.ports, row.transport) }
        return PortKey(key).map { matches($0.port...$0.port, $0.transport) } ?? false
    }
}
