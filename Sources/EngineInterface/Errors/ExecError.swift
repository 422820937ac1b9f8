package import Faults

/// Why a command cannot be run in a container, or not again.
package enum ExecError: Fault, Equatable {
    case notFound(String)
    case noCommand
    case alreadyRunning(String)
    case alreadyRun(String)
    case notRunning(String)

    package var kind: FaultKind {
        switch self {
        case .notFound: .notFound
        case .noCommand: .invalidInput
        case .alreadyRunning, .alreadyRun, .notRunning: .conflict
        }
    }
}
