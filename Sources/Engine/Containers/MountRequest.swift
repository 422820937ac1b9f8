import EngineInterface
import Model

/// One mount as `--mount` describes it, checked. Pure. Source: moby, `volume/mounts`.
struct MountRequest {
    private let mount: Mount

    init(_ mount: Mount) { self.mount = mount }

    private func invalid(_ reason: InvalidMountReason) -> MountError { .invalid(type: mount.type, reason: reason) }

    /// - Throws: ``MountError``.
    func entry() throws(MountError) -> MountPlan.Entry {
        guard !mount.target.isEmpty else { throw invalid(.noTarget) }
        try refuseForeignOptions()
        var entry =
            switch mount.type {
            case "bind": try bind()
            case "volume": try volume()
            case "tmpfs": try tmpfs()
            default: throw invalid(.unknownType(mount.type))
            }
        entry.isReadOnly = mount.readOnly
        return entry
    }

    /// Options of another type than the mount's.
    private func refuseForeignOptions() throws(MountError) {
        let given = [
            ("bind", "BindOptions", mount.bindOptions != nil), ("volume", "VolumeOptions", mount.volumeOptions != nil),
            ("tmpfs", "TmpfsOptions", mount.tmpfsOptions != nil),
        ]
        guard given.contains(where: { $0.0 == mount.type }) else { return }
        for (type, field, isGiven) in given where type != mount.type && isGiven {
            throw invalid(.foreignOptions(field))
        }
    }

    private func bind() throws(MountError) -> MountPlan.Entry {
        guard !mount.source.isEmpty else { throw invalid(.noSource) }
        guard mount.source.hasPrefix("/") else {
            throw invalid(.relativePath(mount.source))
        }
        let options = mount.bindOptions ?? Mount.BindOptions()
        guard ["", "private", "rprivate", "shared", "rshared", "slave", "rslave"].contains(options.propagation) else {
            throw invalid(.unknownPropagation(options.propagation))
        }
        if !mount.readOnly {
            if options.readOnlyNonRecursive {
                throw invalid(.writableNonRecursive)
            }
            if options.readOnlyForceRecursive {
                throw invalid(.writableForceRecursive)
            }
        }
        if options.readOnlyNonRecursive, options.readOnlyForceRecursive {
            throw invalid(.nonAndForceRecursive)
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

    private func volume() throws(MountError) -> MountPlan.Entry {
        let options = mount.volumeOptions ?? Mount.VolumeOptions()
        var entry = MountPlan.Entry(source: .volume(mount.source.isEmpty ? nil : mount.source), target: mount.target)
        entry.copiesImageContent = !options.noCopy
        entry.driver = options.driverConfig?.name ?? ""
        entry.driverOptions = options.driverConfig?.options
        entry.labels = options.labels
        if !options.subpath.isEmpty {
            guard Self.isLocal(options.subpath) else {
                throw invalid(.subpathLeadsOut)
            }
            guard !mount.source.isEmpty else { throw invalid(.subpathOfAnonymous) }
            entry.details.subpath = options.subpath
        }
        return entry
    }

    private func tmpfs() throws(MountError) -> MountPlan.Entry {
        guard mount.source.isEmpty else { throw invalid(.sourceGiven) }
        var options: [String] = []
        if let size = mount.tmpfsOptions?.sizeBytes, size > 0 { options.append("size=\(size)") }
        if let mode = mount.tmpfsOptions?.mode, mode > 0 { options.append("mode=\(String(mode, radix: 8))") }
        for option in mount.tmpfsOptions?.options ?? [] {
            guard option.count == 1, let name = option.first, ["exec", "noexec"].contains(name) else {
                throw invalid(.invalidOption(option.joined(separator: "=")))
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
