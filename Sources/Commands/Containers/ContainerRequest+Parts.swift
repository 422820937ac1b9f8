import DockerClient
import Glibc
import LinuxSystem

extension ContainerRequest {
    // MARK: Networks

    /// Those of `--network`, the first with what the flags for one network say.
    func networks() throws -> [NetworkOption] {
        let flags = call.flags
        var networks = try (flags.list("network") + flags.list("net")).map { try NetworkOption.parse($0) }
        let aliases = flags.list("network-alias") + flags.list("net-alias")
        let addresses = [flags.string("ip") ?? "", flags.string("ip6") ?? ""]
        let mac = flags.string("mac-address") ?? ""
        guard mac.isEmpty || AddressText.isMAC(mac) else { throw ExitError(1, "\(mac) is not a valid mac address") }
        guard var first = networks.first else { return [] }
        let isOwn = !["default", "bridge", "host", "none"].contains(first.name) && !first.name.hasPrefix("container:")
        guard isOwn || aliases.isEmpty else {
            throw ExitError(1, "network-scoped aliases are only supported for user-defined networks")
        }
        if networks.count > 1, networks.contains(where: { ["host", "none"].contains($0.name) }) {
            throw ExitError(
                1, "conflicting options: cannot attach both user-defined and non-user-defined network-modes")
        }
        func conflict(_ flag: String, _ field: String) -> ExitError {
            ExitError(1, "conflicting options: cannot specify both --\(flag) and per-network \(field)")
        }
        if !aliases.isEmpty, !first.aliases.isEmpty { throw conflict("network-alias", "alias") }
        if !addresses[0].isEmpty, !first.ipv4.isEmpty { throw conflict("ip", "IPv4 address") }
        if !addresses[1].isEmpty, !first.ipv6.isEmpty { throw conflict("ip6", "IPv6 address") }
        if !mac.isEmpty, !first.macAddress.isEmpty { throw conflict("mac-address", "MAC address") }
        first.aliases += aliases
        if first.ipv4.isEmpty { first.ipv4 = addresses[0] }
        if first.ipv6.isEmpty { first.ipv6 = addresses[1] }
        if first.macAddress.isEmpty { first.macAddress = mac }
        first.linkLocal += flags.list("link-local-ip")
        networks[0] = first
        return networks
    }

    func endpoints() throws -> [JSON.Member] {
        var all = try networks()
        if all.isEmpty {
            // The flags for one network go to the default one.
            var standard = NetworkOption()
            standard.name = "default"
            standard.aliases = call.flags.list("network-alias") + call.flags.list("net-alias")
            guard standard.aliases.isEmpty else {
                throw ExitError(1, "network-scoped aliases are only supported for user-defined networks")
            }
            standard.ipv4 = call.flags.string("ip") ?? ""
            standard.ipv6 = call.flags.string("ip6") ?? ""
            standard.macAddress = call.flags.string("mac-address") ?? ""
            guard standard.macAddress.isEmpty || AddressText.isMAC(standard.macAddress) else {
                throw ExitError(1, "\(standard.macAddress) is not a valid mac address")
            }
            all = [standard]
        }
        let links = call.flags.list("link")
        return all.map { network in
            var endpoint = network.endpoint()
            let isOwn = !["default", "bridge", "host", "none"].contains(network.name)
            if !links.isEmpty, isOwn { endpoint["Links"] = .strings(links) }
            return JSON.Member(network.name, endpoint)
        }
    }

    // MARK: Devices

    func devices() throws -> JSON? {
        let devices = try call.flags.list("device").map { item -> JSON in
            let parts = item.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            func isMode(_ text: String) -> Bool { !text.isEmpty && text.allSatisfy { "rwm".contains($0) } }
            let source = parts[0]
            var target = source
            var mode = "rwm"
            switch parts.count {
            case 1: break
            case 2 where isMode(parts[1]): mode = parts[1]
            case 2: target = parts[1]
            case 3 where isMode(parts[2]):
                target = parts[1]
                mode = parts[2]
            default: throw ExitError(1, "invalid device specification: \(item)")
            }
            return [
                "PathOnHost": .string(source), "PathInContainer": .string(target), "CgroupPermissions": .string(mode),
            ]
        }
        return devices.isEmpty ? nil : .array(devices)
    }

    func weights() throws -> JSON? {
        let items = try call.flags.list("blkio-weight-device").map { item -> JSON in
            let (path, value) = try Self.devicePair(item)
            guard let weight = UInt16(value), weight == 0 || (10...1000).contains(weight) else {
                throw ExitError(1, "invalid weight for device: \(item)")
            }
            return ["Path": .string(path), "Weight": JSON(weight)]
        }
        return items.isEmpty ? nil : .array(items)
    }

    func rates(_ name: String, inBytes: Bool) throws -> JSON? {
        let items = try call.flags.list(name).map { item -> JSON in
            let (path, value) = try Self.devicePair(item)
            // The message is the flag's own, whatever is wrong with the number.
            guard let rate = inBytes ? (try? ByteCount.parse(value)) : Int64(value) else {
                throw ExitError(
                    1,
                    "invalid rate for device: \(item). The correct format is <device-path>:<number>"
                        + (inBytes
                            ? "[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
                            : ". Number must be a positive integer"))
            }
            return ["Path": .string(path), "Rate": JSON(rate)]
        }
        return items.isEmpty ? nil : .array(items)
    }

    private static func devicePair(_ item: String) throws -> (path: String, value: String) {
        guard let colon = item.lastIndex(of: ":") else { throw ExitError(1, "bad format: \(item)") }
        let path = String(item[..<colon])
        guard path.hasPrefix("/dev/") else { throw ExitError(1, "bad format for device path: \(item)") }
        return (path, String(item[item.index(after: colon)...]))
    }

    func gpus() throws -> JSON? {
        let requests = try call.flags.list("gpus").map { text -> JSON in
            var count: Int64 = 1
            var devices: [String] = []
            var driver = ""
            var capabilities = ["gpu"]
            for field in GoText.commaSeparated(text) {
                let (key, value) = GoText.pair(field)
                switch (key, value) {
                case ("all", nil), ("count", "all"?): count = -1
                case (let number, nil):
                    guard let parsed = Int64(number) else {
                        throw ExitError(1, "invalid count (\(number)): value must be either \"all\" or an integer")
                    }
                    count = parsed
                case ("count", let value?): count = Int64(value) ?? 1
                case ("device", let value?):
                    devices = GoText.commaSeparated(value)
                    count = 0
                case ("driver", let value?): driver = value
                case ("capabilities", let value?): capabilities = GoText.commaSeparated(value) + ["gpu"]
                default: throw ExitError(1, "unexpected key '\(key)' in '\(field)'")
                }
            }
            return .fields([
                "Driver": .string(driver), "Count": JSON(count), "DeviceIDs": devices.isEmpty ? nil : .strings(devices),
                "Capabilities": [.strings(capabilities)], "Options": .object([]),
            ])
        }
        return requests.isEmpty ? nil : .array(requests)
    }

    // MARK: Security

    func security() throws -> JSON {
        var options: [String] = []
        var result = JSON.object([])
        for option in call.flags.list("security-opt") {
            if option == "systempaths=unconfined" {
                result["MaskedPaths"] = []
                result["ReadonlyPaths"] = []
                continue
            }
            let separator = option.firstIndex { $0 == "=" || $0 == ":" }
            guard let separator, option[..<separator] == "seccomp" else {
                guard separator != nil || option == "no-new-privileges" else {
                    throw ExitError(1, "Invalid --security-opt: \(GoText.quoted(option))")
                }
                options.append(option)
                continue
            }
            let file = String(option[option.index(after: separator)...])
            guard file != "unconfined", file != "builtin" else {
                options.append(option)
                continue
            }
            do { options.append("seccomp=\(try JSON(parsing: try Paths.read(file)).compact())") } catch {
                let reason = (error as? ExitError)?.message ?? "\(error)"
                throw ExitError(1, "opening seccomp profile (\(file)) failed: \(reason)")
            }
        }
        if !options.isEmpty { result["SecurityOpt"] = .strings(options) }
        return result
    }
}

/// `--restart on-failure:3`.
enum RestartOption {
    static func parse(_ text: String) throws -> JSON {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, !(parts[0].isEmpty && parts.count == 2) else {
            throw ExitError(
                1, "invalid restart policy format: \(parts[0].isEmpty ? "no policy provided before colon" : text)")
        }
        var count: Int64 = 0
        if parts.count == 2 {
            guard let number = Int64(parts[1]) else {
                throw ExitError(1, "invalid restart policy format: maximum retry count must be an integer")
            }
            count = number
        }
        return ["Name": .string(parts[0].isEmpty ? "no" : parts[0]), "MaximumRetryCount": JSON(count)]
    }
}

enum LocalPath {
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return normalized(path) }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard let start = getcwd(&buffer, buffer.count) else { return path }
        return normalized(String(cString: start) + "/" + path)
    }

    /// Without `.`, `..` and double slashes.
    static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
