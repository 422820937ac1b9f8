import EngineInterface

extension FileError: MessageConvertible {
    var message: String {
        switch self {
        case .notFound(let path, let container):
            "Could not find the file \(path) in container \(container)"
        case .notDirectory(let path):
            "Bad parameter: \(path) is not a directory"
        case .targetNotDirectory:
            "extraction point is not a directory"
        case .readOnlyVolume:
            "mounted volume is marked read-only"
        case .readOnlyRoot:
            "container rootfs is marked read-only"
        }
    }
}
