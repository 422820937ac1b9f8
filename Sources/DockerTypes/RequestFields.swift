package import Faults
package import Foundation
import Model

/// Fields of requests that nothing is done with: each either has no effect with Docker either, or is refused by name when a request asks for
/// something by it. Every other field of the API's definition is read by the code that acts on it or refuses it; a test goes through the whole
/// definition. `docs/options.md` is printed from this table.
package struct RequestField: Sendable {
    /// What becomes of a request that has the field.
    package enum Fate: Sendable, Equatable {
        /// Accepted as Docker accepts it, for this reason.
        case withoutEffect(String)
        /// Not to be had: a request with a value there is answered with 501.
        case refused
    }

    /// Docker's name of the request's type, as routes give it.
    package let body: String
    /// Names from the top, `[]` after those of lists, `*` for any key: what is below is meant, too.
    package let path: String
    package let fate: Fate

    private static let windows = "Docker's engine on Windows alone knows it"
    private static let answers = "belongs to answers: the engine gives it its value"
    private static let labels = "SELinux labels are off, as with a Docker that was not started with --selinux-enabled"

    package static let all: [RequestField] =
        rows(
            "ContainerConfigWrapper",
            [
                "ArgsEscaped": .withoutEffect(windows),
                "AttachStdin": .withoutEffect(
                    "tells clients what to attach; the engine attaches what a client asks for"),
                "AttachStdout": .withoutEffect("as AttachStdin"), "AttachStderr": .withoutEffect("as AttachStdin"),
                "OnBuild": .withoutEffect("acts where an image is built on another"),
                "HostConfig.Cgroup": .withoutEffect("Docker has no use for it"),
                "HostConfig.ConsoleSize": .withoutEffect("clients set the size of a terminal when they are attached"),
                "HostConfig.ContainerIDFile": .withoutEffect("the file is the client's to write"),
                "HostConfig.CpuCount": .withoutEffect(windows), "HostConfig.CpuPercent": .withoutEffect(windows),
                "HostConfig.IOMaximumBandwidth": .withoutEffect(windows),
                "HostConfig.IOMaximumIOps": .withoutEffect(windows), "HostConfig.KernelMemoryTCP": .refused,
                "HostConfig.Mounts[].Consistency": .withoutEffect("Docker's desktop products alone know it"),
                "HostConfig.Mounts[].ImageOptions": .refused,
            ]) + answered("ContainerConfigWrapper", "NetworkingConfig.EndpointsConfig.*.")
        + answered("NetworkConnect", "EndpointConfig.")
        + rows(
            "UpdateConfig",
            [
                "CpuCount": .withoutEffect(windows), "CpuPercent": .withoutEffect(windows),
                "IOMaximumBandwidth": .withoutEffect(windows), "IOMaximumIOps": .withoutEffect(windows),
                "KernelMemoryTCP": .refused,
            ])
        + rows("CreateOptions", ["ClusterVolumeSpec": .refused])
        + rows(
            "ServiceSpec",
            [
                "EndpointSpec.Ports[].Name": .withoutEffect("a name for people"),
                "TaskTemplate.ContainerSpec.Mounts[].Consistency": .withoutEffect(
                    "Docker's desktop products alone know it"),
                "TaskTemplate.ContainerSpec.Mounts[].ImageOptions": .refused,
                "TaskTemplate.ContainerSpec.Privileges.SELinuxContext": .withoutEffect(labels),
            ])
        + rows("AuthConfig", ["email": .withoutEffect("registries have not asked for it since Docker 1.11")])

    /// Values of other fields that have no effect either, in words.
    package static let values: [(field: String, values: String, reason: String)] = [
        ("HostConfig.SecurityOpt", "`label=…`, `disable`", labels),
        (
            "HostConfig.Binds", "modes `z`, `Z`, `cached`, `delegated`, `consistent`",
            labels + "; the others are as Mounts[].Consistency"
        ),
        (
            "TaskTemplate.Placement.Preferences[].Spread.SpreadDescriptor",
            "texts that name no label of a node or an engine", "Docker's scheduler passes over them, too"
        ),
        (
            "IPAM.Config",
            "subnets of a family that the network does not have, and addresses of them but in an overlay",
            "Docker passes over them, too"
        ),
        ("IPAM.Options", "all", "the default driver of addresses has none"),
        (
            "Options of networks, DriverOpts of endpoints and of services' networks",
            "names that begin neither with `com.docker.network.` nor, of services, with `apus.`",
            "drivers pass over what they do not know"
        ),
        (
            "Spec.Raft",
            "`SnapshotInterval`, `KeepOldSnapshots`, `LogEntriesForSlowFollowers`; ticks that Docker's clients send unasked",
            "kept and shown: etcd keeps the swarm's state, and snapshots of it by its own rules; other ticks are refused"
        ),
    ]

    private static let cache = "there is no builder, so that its cache is always empty"

    /// Parameters of queries that have no effect, by operation.
    package static let parameters: [(operation: String, name: String, reason: String)] = [
        ("DELETE /images/{name}", "noprune", "no image has parents that would go with it: none is built here"),
        ("GET /images/json", "all", "there are no images of a build's steps that would be hidden"),
        ("GET /images/json", "digests", "digests are shown in any case, as by Docker"),
        ("GET /images/json", "manifests", "as of `GET /images/{name}/json`"),
        (
            "GET /images/{name}/json", "manifests",
            "an image is for one platform; Docker shows manifests only where it keeps images in containerd's store"
        ),
        ("POST /build/prune", "all", cache), ("POST /build/prune", "keep-storage", cache),
        ("POST /build/prune", "max-used-space", cache), ("POST /build/prune", "min-free-space", cache),
        ("POST /build/prune", "reserved-space", cache),
        (
            "POST /containers/{id}/start", "detachKeys",
            "a start attaches nobody, and Docker's engine does not read it either"
        ),
    ]

    private static func rows(_ body: String, _ fates: [String: Fate]) -> [RequestField] {
        fates.sorted { $0.key < $1.key }.map { RequestField(body: body, path: $0.key, fate: $0.value) }
    }

    private static func answered(_ body: String, _ prefix: String) -> [RequestField] {
        let names = [
            "NetworkID", "EndpointID", "Gateway", "IPAddress", "IPPrefixLen", "IPv6Gateway", "GlobalIPv6Address",
            "GlobalIPv6PrefixLen", "DNSNames",
        ]
        return rows(body, Dictionary(names.map { (prefix + $0, .withoutEffect(answers)) }) { $1 })
    }

    /// Refuses a body that asks for something which is not to be had.
    /// - Parameter name: Docker's name of the body's type.
    package static func check(_ data: Data, of name: String) throws(APIError) {
        for field in all where field.body == name && field.fate == .refused {
            // The few bodies with such a name in them are read for it; it need not stand where it asks for something.
            guard let last = field.parts.last, data.firstRange(of: Data("\"\(last)\"".utf8)) != nil,
                let value = try? JSONDecoder().decode(JSONValue.self, from: data),
                field.isAsked(in: value, field.parts[...])
            else { continue }
            throw APIError(.notImplemented, "\(field.path) is not implemented by apus yet")
        }
    }

    private var parts: [String] {
        path.split(separator: ".").flatMap { $0.hasSuffix("[]") ? [String($0.dropLast(2)), "[]"] : [String($0)] }
    }

    /// Whether there is a value other than Go's zero at the path.
    private func isAsked(in value: JSONValue, _ path: ArraySlice<String>) -> Bool {
        guard let name = path.first else { return !value.isZero }
        switch value {
        case .array(let items) where name == "[]": return items.contains { isAsked(in: $0, path.dropFirst()) }
        case .object(let fields) where name == "*":
            return fields.values.contains { isAsked(in: $0, path.dropFirst()) }
        // Go does not look at the case of names.
        case .object(let fields):
            return fields.contains {
                $0.key.lowercased() == name.lowercased() && isAsked(in: $0.value, path.dropFirst())
            }
        default: return false
        }
    }
}

extension JSONValue {
    fileprivate var isZero: Bool {
        switch self {
        case .null: true
        case .bool(let value): !value
        case .number(let value): value == 0
        case .string(let value): value.isEmpty
        case .array(let items): items.isEmpty
        case .object(let fields): fields.values.allSatisfy(\.isZero)
        }
    }
}
