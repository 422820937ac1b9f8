package import Faults

/// What networks that are settings for others, and those that take them, do not allow.
package enum NetworkConfigurationError: Fault, Equatable {
    case operatorField
    case dependent
    case ownSettings
    case notFound(String)
    case inUse(String)
    case noEndpoint

    package var kind: FaultKind {
        switch self {
        case .operatorField, .dependent, .ownSettings, .inUse, .noEndpoint: .forbidden
        case .notFound: .notFound
        }
    }
}
