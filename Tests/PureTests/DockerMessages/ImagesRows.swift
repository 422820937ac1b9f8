import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let images: [Row] = [
        Row(ImageError.notFound("name"), .notFound, "No such image: name"),
        Row(
            ImageError.invalidPlatform("text"), .invalidInput,
            "\"text\": unknown operating system or architecture: invalid argument"),
        Row(
            ImageError.platformMissing(reference: "reference", platform: "platform"), .notFound,
            "image with reference reference was found but does not provide the specified platform (platform)"),
        Row(ImageError.unsupportedLayer("mediaType"), .notImplemented, "layers of type mediaType are not supported"),
        Row(ImageError.nothingToPush("name"), .notFound, "An image does not exist locally with the tag: name"),
        Row(
            ImageError.nameInUse(reference: "reference", container: "container", image: "image"), .conflict,
            "conflict: unable to remove repository reference \"reference\" (must force) - container container is using its referenced image image"
        ),
        Row(
            ImageError.severalRepositories("image"), .conflict,
            "conflict: unable to delete image (must be forced) - image is referenced in multiple repositories"),
        Row(
            ImageError.usedByRunning(image: "image", container: "container"), .conflict,
            "conflict: unable to delete image (cannot be forced) - image is being used by running container container"),
        Row(
            ImageError.usedByStopped(image: "image", container: "container"), .conflict,
            "conflict: unable to delete image (must be forced) - image is being used by stopped container container"),
    ]
}
