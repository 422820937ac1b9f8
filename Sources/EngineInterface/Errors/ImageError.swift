package import Faults

/// What images and their names do not allow.
package enum ImageError: Fault, Equatable {
    case notFound(String)
    case invalidPlatform(String)
    case platformMissing(reference: String, platform: String)
    case unsupportedLayer(String)
    case nothingToPush(String)
    case nameInUse(reference: String, container: String, image: String)
    case severalRepositories(String)
    case usedByRunning(image: String, container: String)
    case usedByStopped(image: String, container: String)

    package var kind: FaultKind {
        switch self {
        case .notFound, .platformMissing, .nothingToPush: .notFound
        case .invalidPlatform: .invalidInput
        case .unsupportedLayer: .notImplemented
        case .nameInUse, .severalRepositories, .usedByRunning, .usedByStopped: .conflict
        }
    }
}
