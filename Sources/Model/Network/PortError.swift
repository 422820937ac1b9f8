package import Addressing
package import Faults

/// Ports of the node that a container cannot have.
package enum PortError: Fault, Equatable {
    case notPublished(endpoint: String, id: String, reason: PortRefusal)

    package var kind: FaultKind { .internalError }
}

/// Why a port of the node cannot be taken.
package enum PortRefusal: Error, Equatable {
    case noneFree
    case allocated(address: IPAddress, port: UInt16)
    case notBound(
        address: IPAddress, port: UInt16, target: IPAddress, targetPort: UInt16, transport: TransportProtocol,
        reason: BindRefusal)
}

/// What the kernel says of an address that a socket is to be bound to.
package enum BindRefusal: Sendable, Equatable {
    case addressInUse
    case addressNotAvailable
}
