package import Faults
package import GRPCCore

extension RPCError {
    /// The code that tells a peer of a fault.
    /// - Parameter message: What a user is to read in the end; the fault itself, printed, when nobody will.
    package init(_ fault: any Fault, message: String? = nil) {
        let code: RPCError.Code =
            switch fault.kind {
            case .invalidInput: .invalidArgument
            case .notFound: .notFound
            case .conflict: .alreadyExists
            case .notModified: .aborted
            case .forbidden: .permissionDenied
            case .notImplemented: .unimplemented
            case .unavailable: .unavailable
            case .internalError: .internalError
            }
        self.init(code: code, message: message ?? "\(fault)")
    }

    /// What a peer's code means here.
    package var faultKind: FaultKind {
        switch code {
        case .invalidArgument, .outOfRange, .failedPrecondition: .invalidInput
        case .notFound: .notFound
        case .alreadyExists: .conflict
        case .permissionDenied, .unauthenticated: .forbidden
        case .unimplemented: .notImplemented
        case .unavailable, .aborted, .deadlineExceeded, .cancelled, .resourceExhausted: .unavailable
        default: .internalError
        }
    }
}
