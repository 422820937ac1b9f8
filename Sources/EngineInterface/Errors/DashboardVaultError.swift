package import Faults

/// What the swarm does not keep of the dashboard's accounts.
package enum DashboardVaultError: Fault, Equatable {
    case tooMany(most: Int)
    case invalidName(String)

    package var kind: FaultKind {
        switch self {
        case .tooMany: .conflict
        case .invalidName: .invalidInput
        }
    }
}
