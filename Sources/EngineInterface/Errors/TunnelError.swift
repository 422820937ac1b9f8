package import Faults

/// Why a manager cannot ask another node about a container.
package enum TunnelError: Fault, Equatable {
    case nodeUnreachable(String)
    case nodeTooOld(String)
    case noAnswer(String)
    case brokenOff(String)
    case limitReached(String)
    case requestTooLarge
    case badAnswer(String)
    /// The node's own refusal, in its words.
    case refused(FaultKind, String)

    package var kind: FaultKind {
        switch self {
        case .nodeUnreachable, .nodeTooOld, .noAnswer, .brokenOff, .limitReached: .unavailable
        case .requestTooLarge: .invalidInput
        case .badAnswer: .internalError
        case .refused(let kind, _): kind
        }
    }
}
