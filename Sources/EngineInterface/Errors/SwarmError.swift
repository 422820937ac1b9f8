package import Addressing
package import Faults
package import Model

/// What a node's membership of a swarm does not allow.
package enum SwarmError: Fault, Equatable {
    case notMember
    case networkWithoutSwarm
    case notManager
    case alreadyMember
    case nothingToLeave
    case changing
    case unreadable(reason: String, directory: String)
    case leaderless
    case dataPathPortOutOfRange(Int)
    case invalidIngressPool(String)
    case ingressPoolRouted(String, by: IPNetwork)
    case ingressUnusable(IPNetwork, IngressTrouble)
    case noToken
    case invalidToken
    case noManagerNamed
    case networkOfWorker
    case networkNotFound(String)
    case invalidAddress(field: String, text: String)
    case noOwnAddress
    case startTimeout
    case joinTimeout
    case leavesLastManager
    case leavesWithoutQuorum(remaining: Int, all: Int)
    case leavesManagers
    case leavesUnknownManagers
    case neitherAddressNorInterface(field: String, text: String)
    case managerUnreachable(address: String, reason: String)
    case joinRefused(ManagerRefusal)
    case rootMismatch(digest: String)

    package var kind: FaultKind {
        switch self {
        case .notMember, .notManager, .alreadyMember, .nothingToLeave, .changing, .unreadable, .leaderless,
            .startTimeout, .joinTimeout, .leavesLastManager, .leavesWithoutQuorum, .leavesManagers,
            .leavesUnknownManagers, .managerUnreachable, .ingressUnusable:
            .unavailable
        case .networkWithoutSwarm, .rootMismatch: .internalError
        case .invalidIngressPool, .ingressPoolRouted, .dataPathPortOutOfRange, .noToken, .invalidToken, .noManagerNamed,
            .invalidAddress, .noOwnAddress,
            .neitherAddressNorInterface:
            .invalidInput
        case .networkOfWorker: .forbidden
        case .networkNotFound: .notFound
        case .joinRefused(let reply): reply.kind
        }
    }
}

/// What a manager has answered over gRPC instead of a result.
package struct ManagerRefusal: Sendable, Equatable {
    package let kind: FaultKind
    /// The gRPC code as Go's library spells it, as in `PermissionDenied`.
    package let code: String
    /// The manager's own words, sentences for clients among them.
    package let message: String

    package init(_ kind: FaultKind, code: String, _ message: String) {
        self.code = code
        self.kind = kind
        self.message = message
    }
}
