package import Faults

/// What went wrong in the swarm's own machinery. What users are refused are the cases of `EngineInterface/Errors` instead.
package struct ClusterError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart.
    package enum Code: Sendable, Equatable {
        /// A certificate, key or signing request is not what it should be.
        case badCertificate
        /// A file of the node's membership cannot be read as one.
        case badMembership
        /// A peer sent what the protocol does not allow.
        case badMessage
        /// A manager cannot be reached or does not accept this node.
        case managerUnreachable
        /// The manager has dropped this session: the node begins a new one.
        case sessionLost
        /// The store holds an object that cannot be read.
        case badObject
        /// The store changed faster than an update could be retried.
        case contended
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var kind: FaultKind {
        switch code {
        case .badCertificate, .badMessage: .invalidInput
        case .badMembership, .badObject: .internalError
        case .managerUnreachable, .sessionLost, .contended: .unavailable
        }
    }

    package var description: String { message }
}
