package import Addressing
package import Faults

/// What a swarm's specification may not say.
package enum SwarmSpecError: Fault, Equatable {
    case notDefault
    case shortCertificateLife
    case negativeHeartbeat
    /// A setting of the swarm's raft, by its name, that is no count of 64 bits.
    case raftCount(String)
    /// The swarm's label about where services publish.
    case invalidPublishing(String)

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
