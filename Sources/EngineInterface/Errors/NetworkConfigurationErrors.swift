package import Faults
package import Model

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

extension NetworkRequest {
    /// What takes its settings from another network has none of its own: nobody would heed them.
    /// - Throws: ``NetworkConfigurationError/ownSettings``.
    package func checkIsPlain() throws(NetworkConfigurationError) {
        let isPlain =
            ["", "default"].contains(ipam?.driver ?? "") && (ipam?.options ?? [:]).isEmpty
            && (ipam?.config ?? []).isEmpty && (options ?? [:]).isEmpty && (labels ?? [:]).isEmpty
            && enableIPv6 != true
        guard isPlain else { throw .ownSettings }
    }
}
