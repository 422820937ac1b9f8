package import Model
import Templates

/// `--mount type=volume,source=a,target=/b,readonly`.
package struct MountOption {
    private static let switches = [
        "readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src", "bind-recursive",
    ]

    private var mount = Mount()
    private var driver: String?
    private var driverOptions: [String: String] = [:]

    /// - Throws: In Docker's words: an unknown field, a value that is none, no target, options of another type's.
    package static func parse(_ text: String) throws(ValueError) -> Mount {
        var option = MountOption()
        option.mount.type = "volume"
        for field in GoText.commaSeparated(text) {
            let (key, given) = GoText.pair(field)
            let name = key.lowercased()
            guard given != nil || switches.contains(name) else {
                throw ValueError("invalid field '\(field)' must be a key=value pair")
            }
            let value = given ?? "true"
            let isKnown =
                if name.hasPrefix("bind-") {
                    try option.takeBind(name, key, value)
                } else if name.hasPrefix("volume-") {
                    try option.takeVolume(name, key, value)
                } else {
                    try option.take(name, key, value)
                }
            guard isKnown else { throw ValueError("unexpected key '\(key)' in '\(field)'") }
        }
        return try option.whole()
    }

    /// - Returns: Whether there is such a field, here and below.
    private mutating func take(_ name: String, _ key: String, _ value: String) throws(ValueError) -> Bool {
        switch name {
        case "type": mount.type = value.lowercased()
        case "source", "src": mount.source = value
        case "target", "dst", "destination": mount.target = value
        case "readonly", "ro": mount.readOnly = try Self.flag(key, value)
        case "consistency": mount.consistency = value.lowercased()
        case "image-subpath":
            var options = mount.imageOptions ?? Mount.ImageOptions()
            options.subpath = value
            mount.imageOptions = options
        case "tmpfs-size":
            guard let size = try? ByteCount.parse(value) else {  // The message names the field instead.
                throw ValueError("invalid value for \(key): \(value)")
            }
            var options = mount.tmpfsOptions ?? Mount.TmpfsOptions()
            options.sizeBytes = size
            mount.tmpfsOptions = options
        case "tmpfs-mode":
            guard let mode = Int(value, radix: 8) else { throw ValueError("invalid value for \(key): \(value)") }
            var options = mount.tmpfsOptions ?? Mount.TmpfsOptions()
            options.mode = mode
            mount.tmpfsOptions = options
        default: return false
        }
        return true
    }

    private mutating func takeBind(_ name: String, _ key: String, _ value: String) throws(ValueError) -> Bool {
        var options = mount.bindOptions ?? Mount.BindOptions()
        switch name {
        case "bind-propagation": options.propagation = value.lowercased()
        case "bind-nonrecursive": options.nonRecursive = try Self.flag(key, value)
        case "bind-create-src": options.createMountpoint = try Self.flag(key, value)
        case "bind-recursive":
            switch value {
            // As without it.
            case "enabled": return true
            case "disabled": options.nonRecursive = true
            case "writable": options.readOnlyNonRecursive = true
            case "readonly": options.readOnlyForceRecursive = true
            default:
                throw ValueError(
                    "invalid value for bind-recursive: \(value) (must be \"enabled\", \"disabled\", \"writable\", "
                        + "or \"readonly\")")
            }
        default: return false
        }
        mount.bindOptions = options
        return true
    }

    private mutating func takeVolume(_ name: String, _ key: String, _ value: String) throws(ValueError) -> Bool {
        var options = mount.volumeOptions ?? Mount.VolumeOptions()
        switch name {
        case "volume-nocopy": options.noCopy = try Self.flag(key, value)
        case "volume-subpath": options.subpath = value
        case "volume-label":
            let label = GoText.pair(value)
            options.labels = (options.labels ?? [:]).merging([label.key: label.value ?? ""]) { $1 }
        case "volume-driver": driver = value
        case "volume-opt":
            let option = GoText.pair(value)
            driverOptions[option.key] = option.value ?? ""
        default: return false
        }
        mount.volumeOptions = options
        return true
    }

    private static func flag(_ key: String, _ value: String) throws(ValueError) -> Bool {
        guard let isSet = Numbers.bool(value) else { throw ValueError("invalid value for \(key): \(value)") }
        return isSet
    }

    private func whole() throws(ValueError) -> Mount {
        guard !mount.target.isEmpty else { throw ValueError("target is required") }
        let groups = [
            ("volume", mount.volumeOptions != nil), ("bind", mount.bindOptions != nil),
            ("tmpfs", mount.tmpfsOptions != nil), ("image", mount.imageOptions != nil),
        ]
        for (owner, isGiven) in groups where isGiven && mount.type != owner {
            throw ValueError("cannot mix '\(owner)-*' options with mount type '\(mount.type)'")
        }
        guard driver != nil || !driverOptions.isEmpty else { return mount }
        var whole = mount
        whole.volumeOptions?.driverConfig = Driver(
            name: driver ?? "", options: driverOptions.isEmpty ? nil : driverOptions)
        return whole
    }
}
