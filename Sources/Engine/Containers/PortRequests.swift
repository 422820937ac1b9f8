import Addressing
import DataPlane
import EngineInterface
import Model

/// A container's port bindings as requests for ports of the node. Pure.
struct PortRequests {
    private let record: ContainerRecord

    init(_ record: ContainerRecord) { self.record = record }

    /// - Parameter defaultBinding: The address that a network publishes on when a binding names none.
    /// - Throws: ``ContainerOptionError``.
    func requests(defaultBinding: (String) -> IPAddress?) throws -> [PortReservations.Request] {
        guard !record.isOnHostNetwork, let way = record.endpoints.first(where: \.isInBridge),
            let target = way.address?.address
        else { return [] }
        let usual = defaultBinding(way.networkID)
        let bindings = record.hostConfig.portBindings ?? [:]
        var requests: [PortReservations.Request] = []
        for (text, list) in bindings.sorted(by: { $0.key < $1.key }) {
            guard let key = PortKey(text) else {
                throw ContainerOptionError.invalidPort(text)
            }
            for binding in list ?? [] {
                // Nothing is published on IPv6 yet; the binding for IPv4 that clients send beside it is.
                if binding.hostIp.contains(":") { continue }
                let (first, last) = try Self.range(binding.hostPort)
                requests.append(
                    PortReservations.Request(
                        transport: key.transport,
                        hostAddress: IPAddress(ipv4: binding.hostIp).flatMap { $0.isUnspecified ? nil : $0 } ?? usual,
                        first: first, last: last, targetAddress: target, targetPort: key.port))
            }
        }
        if record.hostConfig.publishAllPorts {
            for text in (record.configuration.exposedPorts ?? [:]).keys.sorted() where bindings[text] == nil {
                guard let key = PortKey(text) else { continue }
                requests.append(
                    PortReservations.Request(
                        transport: key.transport, hostAddress: usual, first: 0, last: 0, targetAddress: target,
                        targetPort: key.port))
            }
        }
        return requests
    }

    static func range(_ text: String) throws -> (UInt16, UInt16) {
        if text.isEmpty || text == "0" { return (0, 0) }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0, radix: 10) }
        if parts.count == 1, let port = parts[0] { return (port, port) }
        if parts.count == 2, let low = parts[0], let high = parts[1], low <= high { return (low, high) }
        throw ContainerOptionError.invalidPort(text)
    }
}
