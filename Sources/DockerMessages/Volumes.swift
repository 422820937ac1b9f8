import EngineInterface

extension VolumeError: MessageConvertible {
    var message: String {
        switch self {
        case .notFound(let name):
            "get \(name): no such volume"
        case .invalidName(let name):
            "create \(name): \"\(name)\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
        case .notCreated(let name, let reason):
            "create \(name): \(reason.message)"
        case .inUse(let name, let users):
            "remove \(name): volume is in use - [\(users.joined(separator: ", "))]"
        case .notMounted(let place, let reason):
            "error while mounting volume '\(place)': \(reason.message)"
        case .subpathUnreachable(let volume, let subpath, let cause):
            "cannot access path \(volume)/\(subpath): \(cause.message)"
        case .subpathMissing(let volume, let subpath):
            "cannot access path \(volume)/\(subpath): lstat \(volume)/\(subpath): no such file or directory"
        }
    }
}

extension VolumeMountFailure: MessageConvertible {
    var message: String {
        switch self {
        case .noDevice:
            "missing device in volume options"
        case .kernel(let attempt, let reason):
            "failed to mount local volume: \(attempt): \(reason)"
        case .serverUnknown(let name, let reason):
            "error resolving passed in network volume address: lookup \(name): \(reason)"
        case .serverWithoutAddress(let name):
            "error resolving passed in network volume address: \(name)"
        }
    }
}

extension VolumeOptionError: MessageConvertible {
    var message: String {
        switch self {
        case .unknownDriver(let name):
            "error looking up volume plugin \(name): plugin \"\(name)\" not found"
        case .unknownOption(let name):
            "invalid option: \"\(name)\""
        case .missingOption(let name):
            "missing required option: \"\(name)\""
        case .sizeWithoutQuota:
            "quota size requested but no quota support"
        }
    }
}
