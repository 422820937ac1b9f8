package import Faults

/// Why the processes of a container cannot be listed.
package enum ProcessListError: Fault, Equatable {
    case renamedColumn(column: String, name: String)
    case noProcessColumn
    case programMissing
    case failed(String)

    package var kind: FaultKind {
        switch self {
        case .renamedColumn, .noProcessColumn, .failed: .invalidInput
        case .programMissing: .unavailable
        }
    }
}
