import DockerMessages
import DockerTypes
import Faults
import HTTPTypes
import NIOHTTP1

/// The one place where a fault becomes a status.
enum FaultStatus {
    static func status(of kind: FaultKind) -> HTTPResponse.Status {
        switch kind {
        case .invalidInput: .badRequest
        case .notFound: .notFound
        case .conflict: .conflict
        case .notModified: .notModified
        case .forbidden: .forbidden
        case .notImplemented: .notImplemented
        case .unavailable: .serviceUnavailable
        case .internalError: .internalServerError
        }
    }

    /// The status and words for whatever a route threw.
    static func answer(to error: any Error) -> (status: HTTPResponse.Status, message: String) {
        switch error {
        case let fault as any Fault: (status(of: fault.kind), DockerMessage.text(of: fault))
        case is CancellationError: (.serviceUnavailable, "context canceled")
        // A body that breaks off, and one that is not what its head says. Both are the client's doing.
        case HTTPParserError.invalidEOFState, is ClientGone: (.badRequest, "unexpected EOF")
        case let error as HTTPParserError: (.badRequest, error.debugDescription)
        default: (.internalServerError, "\(error)")
        }
    }
}
