package import DockerClient

/// `--mount type=volume,source=a,target=/b,readonly`.
package struct MountOption {
    private static let switches = [
        "readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src", "bind-recursive",
    ]

    private var type = "volume"
    private var mount: [JSON.Member] = []
    private var bind: [JSON.Member] = []
    private var volume: [JSON.Member] = []
    private var temporary: [JSON.Member] = []
    private var image: [JSON.Member] = []
    private var labels: [String: String] = [:]
    private var driver: String?
    private var driverOptions: [String: String] = [:]

    /// - Returns: The API's `Mount`.
    package static func parse(_ text: String) throws(ValueError) -> JSON {
        var option = MountOption()
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
        case "type": type = value.lowercased()
        case "source", "src": mount.append(.init("Source", .string(value)))
        case "target", "dst", "destination": mount.append(.init("Target", .string(value)))
        case "readonly", "ro": mount.append(.init("ReadOnly", try Self.flag(key, value)))
        case "consistency": mount.append(.init("Consistency", .string(value.lowercased())))
        case "image-subpath": image.append(.init("Subpath", .string(value)))
        case "tmpfs-size":
            guard let size = try? ByteCount.parse(value) else {  // The message names the field instead.
                throw ValueError("invalid value for \(key): \(value)")
            }
            temporary.append(.init("SizeBytes", JSON(size)))
        case "tmpfs-mode":
            guard let mode = Int64(value, radix: 8) else { throw ValueError("invalid value for \(key): \(value)") }
            temporary.append(.init("Mode", JSON(mode)))
        default: return false
        }
        return true
    }

    private mutating func takeBind(_ name: String, _ key: String, _ value: String) throws(ValueError) -> Bool {
        switch name {
        case "bind-propagation": bind.append(.init("Propagation", .string(value.lowercased())))
        case "bind-nonrecursive": bind.append(.init("NonRecursive", try Self.flag(key, value)))
        case "bind-create-src": bind.append(.init("CreateMountpoint", try Self.flag(key, value)))
        case "bind-recursive":
            switch value {
            case "enabled": break
            case "disabled": bind.append(.init("NonRecursive", true))
            case "writable": bind.append(.init("ReadOnlyNonRecursive", true))
            case "readonly": bind.append(.init("ReadOnlyForceRecursive", true))
            default:
                throw ValueError(
                    "invalid value for bind-recursive: \(value) (must be \"enabled\", \"disabled\", \"writable\", "
                        + "or \"readonly\")")
            }
        default: return false
        }
        return true
    }

    private mutating func takeVolume(_ name: String, _ key: String, _ value: String) throws(ValueError) -> Bool {
        switch name {
        case "volume-nocopy": volume.append(.init("NoCopy", try Self.flag(key, value)))
        case "volume-subpath": volume.append(.init("Subpath", .string(value)))
        case "volume-label":
            let label = GoText.pair(value)
            labels[label.key] = label.value ?? ""
        case "volume-driver": driver = value
        case "volume-opt":
            let option = GoText.pair(value)
            driverOptions[option.key] = option.value ?? ""
        default: return false
        }
        return true
    }

    private static func flag(_ key: String, _ value: String) throws(ValueError) -> JSON {
        guard let isSet = Numbers.bool(value) else { throw ValueError("invalid value for \(key): \(value)") }
        return .bool(isSet)
    }

    private func whole() throws(ValueError) -> JSON {
        var volume = volume
        if !labels.isEmpty { volume.append(.init("Labels", .map(labels))) }
        if driver != nil || !driverOptions.isEmpty {
            let options = driverOptions.isEmpty ? JSON?.none : .map(driverOptions)
            volume.append(
                .init("DriverConfig", .fields(["Name": driver.map { .string($0) }, "Options": options])))
        }
        var result = JSON.object([.init("Type", .string(type))])
        for member in mount { result[member.name] = member.value }
        guard !result["Target"].text.isEmpty else { throw ValueError("target is required") }
        let groups = [
            ("volume", "VolumeOptions", volume), ("bind", "BindOptions", bind),
            ("tmpfs", "TmpfsOptions", temporary), ("image", "ImageOptions", image),
        ]
        for (owner, name, options) in groups where !options.isEmpty {
            guard type == owner else {
                throw ValueError("cannot mix '\(owner)-*' options with mount type '\(type)'")
            }
            result[name] = .object(options)
        }
        return result
    }
}
