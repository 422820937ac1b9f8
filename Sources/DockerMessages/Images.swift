import EngineInterface

extension ImageError: MessageConvertible {
    var message: String {
        switch self {
        case .notFound(let name):
            "No such image: \(name)"
        case .invalidPlatform(let text):
            "\"\(text)\": unknown operating system or architecture: invalid argument"
        case .platformMissing(let reference, let platform):
            "image with reference \(reference) was found but does not provide the specified platform (\(platform))"
        case .unsupportedLayer(let mediaType):
            "layers of type \(mediaType) are not supported"
        case .nothingToPush(let name):
            "An image does not exist locally with the tag: \(name)"
        case .nameInUse(let reference, let container, let image):
            "conflict: unable to remove repository reference \"\(reference)\" (must force) - container \(container) is using its referenced image \(image)"
        case .severalRepositories(let image):
            "conflict: unable to delete \(image) (must be forced) - image is referenced in multiple repositories"
        case .usedByRunning(let image, let container):
            "conflict: unable to delete \(image) (cannot be forced) - image is being used by running container \(container)"
        case .usedByStopped(let image, let container):
            "conflict: unable to delete \(image) (must be forced) - image is being used by stopped container \(container)"
        }
    }
}
