package import Faults

/// Why a network of the swarm cannot be made or removed.
package enum SwarmNetworkError: Fault, Equatable {
    case networkUnread(id: String, reason: String)
    case ingressPresent(String)
    case nameTaken(String)
    case unsupportedOption(String)
    case identifiersExhausted
    case poolsExhausted
    case inUse(network: String, user: SwarmNetworkUser)

    package var kind: FaultKind {
        switch self {
        case .networkUnread, .identifiersExhausted, .poolsExhausted: .unavailable
        case .ingressPresent, .nameTaken: .conflict
        case .unsupportedOption: .notImplemented
        case .inUse: .invalidInput
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
    case invalidAddress(String)
    case addressOutside(String)
    case notAllocated(reason: String)
    case allocationTimeout
    case refused(network: String, reply: ManagerRefusal)

    package var kind: FaultKind {
        switch self {
        case .notMember, .notOfNode, .notAttachable: .forbidden
        case .limitReached, .allocationTimeout: .unavailable
        case .invalidAddress, .addressOutside: .invalidInput
        case .notAllocated: .conflict
        case .refused(_, let reply): reply.kind
        }
    }
}
