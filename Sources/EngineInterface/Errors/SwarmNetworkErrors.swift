package import Faults

/// Why a network of the swarm cannot be made or removed.
package enum SwarmNetworkError: Fault, Equatable {
    case networkUnread(id: String, reason: String)
    case ingressPresent(String)
    case ingressAttachable
    /// A service that publishes ports through it, by its id.
    case ingressNeeded(by: String)
    case identifiersExhausted
    case poolsExhausted
    case inUse(network: String, user: SwarmNetworkUser)

    package var kind: FaultKind {
        switch self {
        case .networkUnread, .identifiersExhausted, .poolsExhausted: .unavailable
        case .ingressPresent: .conflict
        case .inUse, .ingressAttachable, .ingressNeeded: .invalidInput
        }
    }
}

/// What keeps a network of the swarm, by its id.
package enum SwarmNetworkUser: Sendable, Equatable {
    case service(String)
    case task(String)
}

/// Why a container has no place on a network of the swarm.
package enum AttachmentError: Fault, Equatable {
    case notMember(node: String)
    case limitReached(node: String)
    case notOfNode(task: String, node: String)
    case notAttachable(String)
    case notAllocated(reason: String)
    case allocationTimeout
    case refused(network: String, reply: ManagerRefusal)

    package var kind: FaultKind {
        switch self {
        case .notMember, .notOfNode, .notAttachable: .forbidden
        case .limitReached, .allocationTimeout: .unavailable
        case .notAllocated: .conflict
        case .refused(_, let reply): reply.kind
        }
    }
}
