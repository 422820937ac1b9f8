import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let volumes: [Row] = [
        Row(VolumeError.notFound("name"), .notFound, "get name: no such volume"),
        Row(
            VolumeError.invalidName("name"), .invalidInput,
            "create name: \"name\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
        ),
        Row(
            VolumeError.notCreated(name: "name", reason: .unknownDriver("name")), .notFound,
            "create name: error looking up volume plugin name: plugin \"name\" not found"),
        Row(
            VolumeError.notCreated(name: "name", reason: .unknownOption("name")), .invalidInput,
            "create name: invalid option: \"name\""),
        Row(
            VolumeError.notCreated(name: "name", reason: .missingOption("name")), .invalidInput,
            "create name: missing required option: \"name\""),
        Row(
            VolumeError.notCreated(name: "name", reason: .sizeWithoutQuota), .invalidInput,
            "create name: quota size requested but no quota support"),
        Row(VolumeError.inUse(name: "name", users: ["a", "b"]), .conflict, "remove name: volume is in use - [a, b]"),
        Row(
            VolumeError.notMounted(place: "place", reason: .noDevice), .internalError,
            "error while mounting volume 'place': missing device in volume options"),
        Row(
            VolumeError.notMounted(place: "place", reason: .kernel(attempt: "attempt", reason: "reason")),
            .internalError, "error while mounting volume 'place': failed to mount local volume: attempt: reason"),
        Row(
            VolumeError.notMounted(place: "place", reason: .serverUnknown(name: "name", reason: "reason")),
            .internalError,
            "error while mounting volume 'place': error resolving passed in network volume address: lookup name: reason"
        ),
        Row(
            VolumeError.notMounted(place: "place", reason: .serverWithoutAddress("name")), .internalError,
            "error while mounting volume 'place': error resolving passed in network volume address: name"),
        Row(
            VolumeError.subpathUnreachable(
                volume: "volume", subpath: "subpath", cause: Cause(VolumeError.notFound("v"))), .internalError,
            "cannot access path volume/subpath: get v: no such volume"),
        Row(
            VolumeError.subpathMissing(volume: "volume", subpath: "subpath"), .internalError,
            "cannot access path volume/subpath: lstat volume/subpath: no such file or directory"),
        Row(
            VolumeOptionError.unknownDriver("name"), .notFound,
            "error looking up volume plugin name: plugin \"name\" not found"),
        Row(VolumeOptionError.unknownOption("name"), .invalidInput, "invalid option: \"name\""),
        Row(VolumeOptionError.missingOption("name"), .invalidInput, "missing required option: \"name\""),
        Row(VolumeOptionError.sizeWithoutQuota, .invalidInput, "quota size requested but no quota support"),
    ]
}
