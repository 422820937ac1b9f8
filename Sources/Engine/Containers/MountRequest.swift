import Faults
import Model

/// One mount as `--mount` describes it, checked. Pure. Source: moby, `volume/mounts`.
struct MountRequest {
    private let mount: Mount

    init(_ mount: Mount) { self.mount = mount }

    private func invalid(_ why: String) -> APIError {
        APIError(.invalidInput, "invalid mount config for type \"\(mount.type)\": \(why)")
    }

    /// - Throws: ``APIError`` in Docker's words.
    func entry() throws(APIError) -> MountPlan.Entry {
        guard !mount.target.isEmpty else { throw invalid("field Target must not be empty") }
        try refuseForeignOptions()
        var entry =
            switch mount.type {
            case "bind": try bind()
            case "volume": try volume()
            case "tmpfs": try tmpfs()
            default: throw invalid("mount type unknown: \"\(mount.type)\"")
            }
        entry.isReadOnly = mount.readOnly
        return entry
    }

    /// Options of another type than the mount's.
    private func refuseForeignOptions() throws(APIError) {
        let given = [
            ("bind", "BindOptions", mount.bindOptions != nil), ("volume", "VolumeOptions", mount.volumeOptions != nil),
            ("tmpfs", "TmpfsOptions", mount.tmpfsOptions != nil),
        ]
        guard given.contains(where: { $0.0 == mount.type }) else { return }
        for (type, field, isGiven) in given where type != mount.type && isGiven {
            throw invalid("field \(field) must not be specified")
        }
    }

    private func bind() throws(APIError) -> MountPlan.Entry {
        guard !mount.source.isEmpty else { throw invalid("field Source must not be empty") }
        guard mount.source.hasPrefix("/") else {
            throw invalid("invalid mount path: '\(mount.source)' mount path must be absolute")
        }
        let options = mount.bindOptions ?? Mount.BindOptions()
        guard ["", "private", "rprivate", "shared", "rshared", "slave", "rslave"].contains(options.propagation) else {
            throw invalid("invalid propagation mode: \(options.propagation)")
        }
        if !mount.readOnly {
            if options.readOnlyNonRecursive {
                throw invalid("mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive")
            }
            if options.readOnlyForceRecursive {
                throw invalid("mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive")
            }
        }
        if options.readOnlyNonRecursive, options.readOnlyForceRecursive {
            throw invalid("mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive")
        }
        var entry = MountPlan.Entry(
            source: .bind(MountPlan.clean(mount.source), createIfMissing: options.createMountpoint),
            target: mount.target)
        entry.propagation = options.propagation
        entry.details.isShallow = options.nonRecursive
        entry.details.leavesSubmountsWritable = options.readOnlyNonRecursive
        entry.details.isWhollyReadOnly = options.readOnlyForceRecursive
        return entry
    }

    private func volume() throws(APIError) -> MountPlan.Entry {
        let options = mount.volumeOptions ?? Mount.VolumeOptions()
        var entry = MountPlan.Entry(source: .volume(mount.source.isEmpty ? nil : mount.source), target: mount.target)
        entry.copiesImageContent = !options.noCopy
        entry.driver = options.driverConfig?.name ?? ""
        entry.driverOptions = options.driverConfig?.options
        entry.labels = options.labels
        if !options.subpath.isEmpty {
            guard Self.isLocal(options.subpath) else {
                throw invalid("subpath must be a relative path within the volume")
            }
            guard !mount.source.isEmpty else { throw invalid("must not set Subpath when using anonymous volumes") }
            entry.details.subpath = options.subpath
        }
        return entry
    }

    private func tmpfs() throws(APIError) -> MountPlan.Entry {
        guard mount.source.isEmpty else { throw invalid("field Source must not be specified") }
        var options: [String] = []
        if let size = mount.tmpfsOptions?.sizeBytes, size > 0 { options.append("size=\(size)") }
        if let mode = mount.tmpfsOptions?.mode, mode > 0 { options.append("mode=\(String(mode, radix: 8))") }
        for option in mount.tmpfsOptions?.options ?? [] {
            guard option.count == 1, let name = option.first, ["exec", "noexec"].contains(name) else {
                throw invalid("invalid option: \(option.joined(separator: "="))")
            }
            options.append(name)
        }
        return MountPlan.Entry(source: .tmpfs(options: options.joined(separator: ",")), target: mount.target)
    }

    /// Whether a path is relative and leads to nothing above.
    private static func isLocal(_ path: String) -> Bool {
        guard !path.hasPrefix("/") else { return false }
        var depth = 0
        for part in path.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { return false }
        }
        return true
    }
}
