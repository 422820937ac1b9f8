package import DockerClient

/// `--mount type=volume,source=a,target=/b,readonly`.
package enum MountOption {
    private static let switches = [
        "readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src", "bind-recursive",
    ]

    /// - Returns: The API's `Mount`.
    package static func parse(_ text: String) throws(ValueError) -> JSON {
        var mount: [(String, JSON)] = []
        var type = "volume"
        var bind: [(String, JSON)] = []
        var volume: [(String, JSON)] = []
        var temporary: [(String, JSON)] = []
        var image: [(String, JSON)] = []
        var labels: [String: String] = [:]
        var driver: String?
        var driverOptions: [String: String] = [:]
        for field in GoText.commaSeparated(text) {
            let (key, given) = GoText.pair(field)
            let name = key.lowercased()
            guard given != nil || switches.contains(name) else {
                throw ValueError("invalid field '\(field)' must be a key=value pair")
            }
            let value = given ?? "true"
            func flag() throws(ValueError) -> JSON {
                guard let isSet = Numbers.bool(value) else { throw ValueError("invalid value for \(key): \(value)") }
                return .bool(isSet)
            }
            switch name {
            case "type": type = value.lowercased()
            case "source", "src": mount.append(("Source", .string(value)))
            case "target", "dst", "destination": mount.append(("Target", .string(value)))
            case "readonly", "ro": mount.append(("ReadOnly", try flag()))
            case "consistency": mount.append(("Consistency", .string(value.lowercased())))
            case "bind-propagation": bind.append(("Propagation", .string(value.lowercased())))
            case "bind-nonrecursive": bind.append(("NonRecursive", try flag()))
            case "bind-create-src": bind.append(("CreateMountpoint", try flag()))
            case "bind-recursive":
                switch value {
                case "enabled": break
                case "disabled": bind.append(("NonRecursive", true))
                case "writable": bind.append(("ReadOnlyNonRecursive", true))
                case "readonly": bind.append(("ReadOnlyForceRecursive", true))
                default:
                    throw ValueError(
                        "invalid value for bind-recursive: \(value) (must be \"enabled\", \"disabled\", \"writable\", "
                            + "or \"readonly\")")
                }
            case "volume-nocopy": volume.append(("NoCopy", try flag()))
            case "volume-subpath": volume.append(("Subpath", .string(value)))
            case "volume-label":
                let label = GoText.pair(value)
                labels[label.key] = label.value ?? ""
            case "volume-driver": driver = value
            case "volume-opt":
                let option = GoText.pair(value)
                driverOptions[option.key] = option.value ?? ""
            case "image-subpath": image.append(("Subpath", .string(value)))
            case "tmpfs-size":
                guard let size = try? ByteCount.parse(value) else {  // The message names the field instead.
                    throw ValueError("invalid value for \(key): \(value)")
                }
                temporary.append(("SizeBytes", JSON(size)))
            case "tmpfs-mode":
                guard let mode = Int64(value, radix: 8) else { throw ValueError("invalid value for \(key): \(value)") }
                temporary.append(("Mode", JSON(mode)))
            default: throw ValueError("unexpected key '\(key)' in '\(field)'")
            }
        }
        if !labels.isEmpty { volume.append(("Labels", .map(labels))) }
        if driver != nil || !driverOptions.isEmpty {
            volume.append(
                ("DriverConfig", .fields(["Name": driver.map { .string($0) }, "Options": optional(driverOptions)])))
        }
        var result = JSON.object([.init("Type", .string(type))])
        for (name, value) in mount { result[name] = value }
        guard !result["Target"].text.isEmpty else { throw ValueError("target is required") }
        let groups: [(String, String, [(String, JSON)], String)] = [
            ("volume", "VolumeOptions", volume, "volume-*"), ("bind", "BindOptions", bind, "bind-*"),
            ("tmpfs", "TmpfsOptions", temporary, "tmpfs-*"), ("image", "ImageOptions", image, "image-*"),
        ]
        for (owner, name, options, words) in groups where !options.isEmpty {
            guard type == owner else {
                throw ValueError("cannot mix '\(words)' options with mount type '\(type)'")
            }
            result[name] = .object(options.map { JSON.Member($0, $1) })
        }
        return result
    }

    private static func optional(_ entries: [String: String]) -> JSON? { entries.isEmpty ? nil : .map(entries) }
}
