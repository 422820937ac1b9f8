import EngineInterface
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
        var details = ContainerRecord.MountDetails()
        /// What a volume is made with, should it not be there.
        var driver = ""
        var driverOptions: [String: String]?
        var labels: [String: String]?
    }

    private(set) var entries: [Entry] = []

    /// - Throws: ``MountError``, ``VolumeError``.
    /// - Parameters:
    ///   - inherited: Places that have a mount of another container's: no anonymous volume is made there.
    ///   - leavesSubmountsWritable: The client is of a time when read-only mounts were so at the top only.
    init(
        _ configuration: ContainerConfiguration, _ host: HostConfiguration, inherited: Set<String> = [],
        leavesSubmountsWritable: Bool = false
    ) throws {
        for text in host.binds ?? [] {
            var entry = try Self.parse(text)
            entry.driver = host.volumeDriver
            try add(entry)
        }
        for mount in host.mounts ?? [] { try add(MountRequest(mount).entry()) }
        if leavesSubmountsWritable {
            for index in entries.indices { entries[index].details.leavesSubmountsWritable = true }
        }
        for (target, options) in (host.tmpfs ?? [:]).sorted(by: { $0.key < $1.key }) {
            try add(Entry(source: .tmpfs(options: options), target: target))
        }
        for target in (configuration.volumes ?? [:]).keys.sorted()
        where !entries.contains(where: { $0.target == Self.clean(target) }) && !inherited.contains(Self.clean(target)) {
            var entry = Entry(source: .volume(nil), target: target)
            entry.driver = host.volumeDriver
            try add(entry)
        }
    }

    private mutating func add(_ entry: Entry) throws {
        var entry = entry
        guard entry.target.hasPrefix("/") else {
            throw MountError.relativeTarget(entry.target)
        }
        entry.target = Self.clean(entry.target)
        guard entry.target != "/" else {
            throw MountError.targetIsRoot
        }
        if entries.contains(where: { $0.target == entry.target }) {
            throw MountError.duplicateTarget(entry.target)
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
        guard (1...3).contains(parts.count), !parts.contains("") else { throw MountError.invalidText(text) }
        guard parts.count >= 2 else { return Entry(source: .volume(nil), target: parts[0]) }
        guard parts[1].hasPrefix("/") else {
            let type = parts[0].hasPrefix("/") ? "bind" : "volume"
            throw MountError.relativeTargetInText(text: text, type: type, path: parts[1])
        }
        let (source, target) = (parts[0], parts[1])
        let isBind = source.hasPrefix("/")
        if !isBind, !ContainerNames.isValid(source) {
            throw VolumeError.invalidName(source)
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
                default: throw MountError.unknownModeInText(text: text, mode: parts[2])
                }
            }
        }
        return entry
    }
}
