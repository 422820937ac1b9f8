package import Faults

/// Why files cannot be copied out of a container or into one.
package enum FileError: Fault, Equatable {
    case notFound(path: String, container: String)
    case notDirectory(String)
    case targetNotDirectory
    case readOnlyVolume
    case readOnlyRoot

    package var kind: FaultKind {
        switch self {
        case .notFound: .notFound
        case .notDirectory, .targetNotDirectory: .invalidInput
        case .readOnlyVolume, .readOnlyRoot: .forbidden
        }
    }
}
