package import Faults

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

    package var kind: FaultKind {
        switch self {
        case .notMember, .notManager, .alreadyMember, .nothingToLeave, .changing, .unreadable, .leaderless,
            .startTimeout, .joinTimeout, .leavesLastManager, .leavesWithoutQuorum, .leavesManagers,
            .leavesUnknownManagers:
            .unavailable
        case .networkWithoutSwarm: .internalError
        case .dataPathPortOutOfRange, .noToken, .invalidToken, .noManagerNamed, .invalidAddress, .noOwnAddress,
            .neitherAddressNorInterface:
            .invalidInput
        case .networkOfWorker: .forbidden
        case .networkNotFound: .notFound
        }
    }
}
