package import Faults

/// What volumes do not allow.
package enum VolumeError: Fault, Equatable {
    case notFound(String)
    case invalidName(String)
    case notCreated(name: String, reason: VolumeOptionError)
    case inUse(name: String, users: [String])
    case notMounted(place: String, reason: VolumeMountFailure)
    case subpathUnreachable(volume: String, subpath: String, cause: Cause)
    case subpathMissing(volume: String, subpath: String)

    package var kind: FaultKind {
        switch self {
        case .notCreated(_, let reason): reason.kind
        case .notFound: .notFound
        case .invalidName: .invalidInput
        case .inUse: .conflict
        case .notMounted, .subpathUnreachable, .subpathMissing: .internalError
        }
    }
}

/// Why what a volume is made of cannot be mounted.
package enum VolumeMountFailure: Error, Equatable {
    case noDevice
    case kernel(attempt: String, reason: String)
    case serverUnknown(name: String, reason: String)
    case serverWithoutAddress(String)
}

/// Drivers and options that no volume can have.
package enum VolumeOptionError: Fault, Equatable {
    case unknownDriver(String)
    case unknownOption(String)
    case missingOption(String)
    case sizeWithoutQuota

    package var kind: FaultKind {
        switch self {
        case .unknownDriver: .notFound
        case .unknownOption, .missingOption, .sizeWithoutQuota: .invalidInput
        }
    }
}
