package import Faults

/// What becomes of a request about one of the swarm's objects: it is not there, or not as the client believes.
package enum SwarmObjectError: Fault, Equatable {
    case notFound(SwarmObjectKind, String)
    case ambiguous(SwarmObjectKind, String, matches: Int)
    case outOfSequence

    package var kind: FaultKind {
        switch self {
        case .notFound: .notFound
        case .ambiguous, .outOfSequence: .internalError
        }
    }
}

/// What clients refer to in a swarm.
package enum SwarmObjectKind: Sendable, Equatable {
    case cluster
    case network
    case node
    case service
    case task
}

/// What of a node cannot be changed at present.
package enum NodeError: Fault, Equatable {
    case lastManager
    case losesQuorum
    case isManager(String)
    case notDown(String)

    package var kind: FaultKind { .invalidInput }
}
