import DockerClient
import DockerTypes
import Model
import Templates

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

    /// How to join each network; nothing is said of a single one that no flag says anything of.
    func endpoints() throws -> [String: EndpointSettings?]? {
        let all = try networks()
        let links = call.flags.texts("link")
        guard !all.isEmpty else { return ["default": try standardNetwork().endpoint()] }
        var endpoints: [String: EndpointSettings?] = [:]
        for network in all {
            var endpoint = network.endpoint()
            let isOwn = !["default", "bridge", "host", "none"].contains(network.name)
            if isOwn { endpoint.links = links }
            if all.count > 1 || endpoint != EndpointSettings() { endpoints[network.name] = endpoint }
        }
        return endpoints
    }

    /// The default network, to which the flags for one network go without `--network`.
    private func standardNetwork() throws -> NetworkOption {
        let flags = call.flags
        var standard = NetworkOption()
        standard.name = "default"
        guard flags.list("network-alias").isEmpty, flags.list("net-alias").isEmpty else {
            throw ExitError(1, "network-scoped aliases are only supported for user-defined networks")
        }
        standard.ipv4 = flags.string("ip") ?? ""
        standard.ipv6 = flags.string("ip6") ?? ""
        standard.macAddress = flags.string("mac-address") ?? ""
        return standard
    }

    // MARK: Devices

    func devices() throws -> [DeviceMapping]? {
        let devices = try call.flags.list("device").map { item -> DeviceMapping in
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
            var device = DeviceMapping()
            device.pathOnHost = source
            device.pathInContainer = target
            device.cgroupPermissions = mode
            return device
        }
        return devices.isEmpty ? nil : devices
    }

    func weights() throws -> [JSONValue]? {
        try call.flags.texts("blkio-weight-device")?.map { try JSONValue(encoding: DeviceOption.weight($0)) }
    }

    func rates(_ name: String, inBytes: Bool) throws -> [JSONValue]? {
        try call.flags.texts(name)?.map { try JSONValue(encoding: DeviceOption.rate($0, inBytes: inBytes)) }
    }

    func gpus() throws -> [JSONValue]? {
        try call.flags.texts("gpus")?.map { try JSONValue(encoding: DeviceOption.processors($0)) }
    }

    // MARK: Security

    func setSecurity(of host: inout HostConfiguration) throws {
        var options: [String] = []
        for option in call.flags.list("security-opt") {
            if option == "systempaths=unconfined" {
                host.maskedPaths = []
                host.readonlyPaths = []
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
        host.securityOpt = options.isEmpty ? nil : options
    }
}

/// `--restart on-failure:3`.
enum RestartOption {
    static func parse(_ text: String) throws -> RestartPolicy {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, !(parts[0].isEmpty && parts.count == 2) else {
            throw ExitError(
                1, "invalid restart policy format: \(parts[0].isEmpty ? "no policy provided before colon" : text)")
        }
        var policy = RestartPolicy()
        policy.name = parts[0].isEmpty ? "no" : parts[0]
        if parts.count == 2 {
            guard let number = Int(parts[1]) else {
                throw ExitError(1, "invalid restart policy format: maximum retry count must be an integer")
            }
            policy.maximumRetryCount = number
        }
        return policy
    }
}
