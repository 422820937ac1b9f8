package import Addressing
package import Faults

/// What a swarm's specification may not say.
package enum SwarmSpecError: Fault, Equatable {
    case notDefault
    case shortCertificateLife
    case negativeHeartbeat

    package var kind: FaultKind { .invalidInput }
}

/// Blocks of addresses that a swarm's networks cannot be cut from.
package enum DefaultPoolError: Fault, Equatable {
    case sizeOutOfRange(Int)
    case invalidBase(String)
    case smallBase(text: String, prefixLength: Int)
    case overlap(IPNetwork, IPNetwork)

    package var kind: FaultKind { .invalidInput }
}
