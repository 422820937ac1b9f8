import Faults
import Model

/// What a create request mounts, in one form for binds, volumes and tmpfs. Pure.
struct MountPlan {
    enum Source: Equatable {
        case bind(String, createIfMissing: Bool)
        /// `nil` for an anonymous volume.
        case volume(String?)
        case tmpfs(options: String)
    }

    struct Entry: Equatable {
        var source: Source
        var target: String
        var isReadOnly = false
        var mode = ""
        var propagation = ""
        var copiesImageContent = true
    }

    private(set) var entries: [Entry] = []

    /// - Throws: ``Refusal`` in Docker's words.
    /// - Parameter inherited: Places that have a mount of another container's: no anonymous volume is made there.
    init(_ configuration: ContainerConfiguration, _ host: HostConfiguration, inherited: Set<String> = []) throws {
        for text in host.binds ?? [] { try add(Self.parse(text)) }
        for mount in host.mounts ?? [] { try add(Self.entry(mount)) }
        for (target, options) in (host.tmpfs ?? [:]).sorted(by: { $0.key < $1.key }) {
            try add(Entry(source: .tmpfs(options: options), target: target))
        }
        for target in (configuration.volumes ?? [:]).keys.sorted()
        where !entries.contains(where: { $0.target == Self.clean(target) }) && !inherited.contains(Self.clean(target)) {
            try add(Entry(source: .volume(nil), target: target))
        }
    }

    private mutating func add(_ entry: Entry) throws {
        var entry = entry
        guard entry.target.hasPrefix("/") else {
            throw Refusal(
                .invalidInput, "invalid mount config: invalid mount path: '\(entry.target)' mount path must be absolute"
            )
        }
        entry.target = Self.clean(entry.target)
        guard entry.target != "/" else {
            throw Refusal(.invalidInput, "invalid volume specification: destination can't be '/'")
        }
        if entries.contains(where: { $0.target == entry.target }) {
            throw Refusal(.invalidInput, "Duplicate mount point: \(entry.target)")
        }
        entries.append(entry)
    }

    /// Without `.`, `..` that stay inside, and doubled slashes.
    static func clean(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    private static func parse(_ text: String) throws -> Entry {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        func refuse(_ why: String) -> Refusal {
            Refusal(.invalidInput, "invalid volume specification: '\(text)'\(why)")
        }
        guard (1...3).contains(parts.count), !parts.contains("") else { throw refuse("") }
        guard parts.count >= 2 else { return Entry(source: .volume(nil), target: parts[0]) }
        guard parts[1].hasPrefix("/") else {
            let type = parts[0].hasPrefix("/") ? "bind" : "volume"
            throw refuse(
                ": invalid mount config for type \"\(type)\": invalid mount path: '\(parts[1])' mount path must be absolute"
            )
        }
        let (source, target) = (parts[0], parts[1])
        let isBind = source.hasPrefix("/")
        if !isBind, !ContainerNames.isValid(source) {
            throw Refusal(
                .invalidInput,
                "create \(source): \"\(source)\" includes invalid characters for a local volume name, only "
                    + "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
            )
        }
        var entry = Entry(
            source: isBind ? .bind(clean(source), createIfMissing: true) : .volume(source), target: target)
        if parts.count == 3 {
            entry.mode = parts[2]
            for option in parts[2].split(separator: ",") {
                switch option {
                case "ro": entry.isReadOnly = true
                case "rw", "z", "Z", "cached", "delegated", "consistent": continue
                case "nocopy": entry.copiesImageContent = false
                case "private", "rprivate", "shared", "rshared", "slave", "rslave": entry.propagation = String(option)
                default: throw refuse(": invalid mode: \(parts[2])")
                }
            }
        }
        return entry
    }

    private static func entry(_ mount: Mount) throws -> Entry {
        var entry: Entry
        switch mount.type {
        case "bind":
            guard mount.source.hasPrefix("/") else {
                throw Refusal(
                    .invalidInput,
                    "invalid mount config for type \"bind\": invalid mount path: '\(mount.source)' mount path must be absolute"
                )
            }
            entry = Entry(
                source: .bind(clean(mount.source), createIfMissing: mount.bindOptions?.createMountpoint ?? false),
                target: mount.target)
            entry.propagation = mount.bindOptions?.propagation ?? ""
        case "volume":
            if let driver = mount.volumeOptions?.driverConfig?.name, !["", "local"].contains(driver) {
                throw Refusal(.notFound, "error looking up volume plugin \(driver): plugin \"\(driver)\" not found")
            }
            if mount.volumeOptions?.subpath.isEmpty == false {
                throw Refusal(.notImplemented, "volume-subpath is not implemented by apus yet")
            }
            entry = Entry(source: .volume(mount.source.isEmpty ? nil : mount.source), target: mount.target)
            entry.copiesImageContent = !(mount.volumeOptions?.noCopy ?? false)
        case "tmpfs":
            var options: [String] = []
            if let size = mount.tmpfsOptions?.sizeBytes, size > 0 { options.append("size=\(size)") }
            if let mode = mount.tmpfsOptions?.mode, mode > 0 { options.append("mode=\(String(mode, radix: 8))") }
            entry = Entry(source: .tmpfs(options: options.joined(separator: ",")), target: mount.target)
        default:
            throw Refusal(
                .invalidInput, "invalid mount config for type \"\(mount.type)\": mount type unknown: \"\(mount.type)\"")
        }
        entry.isReadOnly = mount.readOnly
        return entry
    }
}
