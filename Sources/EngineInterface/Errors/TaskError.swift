package import Faults

/// Why a node cannot run a swarm's task, or how it has failed.
package enum TaskError: Fault, Equatable {
    case notAssigned(String)
    case notContainer
    case containerMissing(String)
    case notStarted(Cause)
    /// It is in an encrypted network, and its node lacks something for that.
    case encryptionImpossible(String)
    case endedBeforeHealthy
    /// A port is to be published at places, and this node has none of them.
    case addressMissing([String])
    case exited(code: Int, reason: TaskExitReason)

    package var kind: FaultKind {
        switch self {
        case .notAssigned: .invalidInput
        case .notContainer: .notImplemented
        case .containerMissing: .notFound
        case .notStarted, .encryptionImpossible, .endedBeforeHealthy, .addressMissing, .exited: .internalError
        }
    }
}

/// What made a task's container end as it should not have.
package enum TaskExitReason: Sendable, Equatable {
    /// The program itself, or who stopped it.
    case program
    case unhealthy
    case outOfMemory
}
