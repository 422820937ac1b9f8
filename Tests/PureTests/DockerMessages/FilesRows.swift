import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let files: [Row] = [
        Row(
            FileError.notFound(path: "path", container: "container"), .notFound,
            "Could not find the file path in container container"),
        Row(FileError.notDirectory("path"), .invalidInput, "Bad parameter: path is not a directory"),
        Row(FileError.targetNotDirectory, .invalidInput, "extraction point is not a directory"),
        Row(FileError.readOnlyVolume, .forbidden, "mounted volume is marked read-only"),
        Row(FileError.readOnlyRoot, .forbidden, "container rootfs is marked read-only"),
    ]
}
