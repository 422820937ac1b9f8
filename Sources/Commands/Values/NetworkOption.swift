package import DockerClient

/// `--network name` or `--network name=a,alias=b,ip=c`.
package struct NetworkOption: Sendable, Equatable {
    package var name = ""
    package var aliases: [String] = []
    package var driverOptions: [String: String] = [:]
    package var ipv4 = ""
    package var ipv6 = ""
    package var macAddress = ""
    package var linkLocal: [String] = []
    package var gatewayPriority: Int64 = 0

    package init() {}

    package static func parse(_ text: String) throws(ValueError) -> NetworkOption {
        var option = NetworkOption()
        guard text.contains("=") || text.contains(",") else {
            option.name = text
            return option
        }
        for field in GoText.commaSeparated(text) {
            let (key, given) = GoText.pair(field)
            guard let value = given else { throw ValueError("invalid field \(field)") }
            let trimmed = value.split(separator: " ").joined()
            switch key.lowercased() {
            case "name": option.name = trimmed
            case "alias": option.aliases.append(trimmed)
            case "driver-opt":
                let (name, setting) = GoText.pair(trimmed)
                guard let setting, !name.isEmpty else {
                    throw ValueError("invalid key value pair format in driver options")
                }
                option.driverOptions[name.lowercased()] = setting.lowercased()
            case "ip": option.ipv4 = trimmed
            case "ip6": option.ipv6 = trimmed
            case "mac-address":
                guard AddressText.isMAC(trimmed) else {
                    throw ValueError("\(GoText.quoted(trimmed)) is not a valid mac address")
                }
                option.macAddress = trimmed
            case "link-local-ip": option.linkLocal.append(trimmed)
            case "gw-priority":
                guard let priority = Numbers.integer(trimmed) else {
                    throw ValueError(
                        "invalid gw-priority: strconv.ParseInt: parsing \(GoText.quoted(trimmed)): invalid syntax")
                }
                option.gatewayPriority = priority
            default: throw ValueError("invalid field key \(key)")
            }
        }
        guard !option.name.isEmpty else { throw ValueError("network name/id is not specified") }
        return option
    }

    /// As a service's `Networks` take it; the name is to be replaced by the id.
    package func attachment(id: String) -> JSON {
        .fields([
            "Target": .string(id), "Aliases": aliases.isEmpty ? nil : .strings(aliases),
            "DriverOpts": driverOptions.isEmpty ? nil : .map(driverOptions),
        ])
    }

    /// As a container's `EndpointsConfig` takes it.
    package func endpoint() -> JSON {
        var settings: JSON = .fields([
            "Aliases": aliases.isEmpty ? nil : .strings(aliases),
            "DriverOpts": driverOptions.isEmpty ? nil : .map(driverOptions),
            "MacAddress": macAddress.isEmpty ? nil : .string(macAddress),
            "GwPriority": gatewayPriority == 0 ? nil : JSON(gatewayPriority),
        ])
        if !ipv4.isEmpty || !ipv6.isEmpty || !linkLocal.isEmpty {
            settings["IPAMConfig"] = .fields([
                "IPv4Address": ipv4.isEmpty ? nil : .string(ipv4), "IPv6Address": ipv6.isEmpty ? nil : .string(ipv6),
                "LinkLocalIPs": linkLocal.isEmpty ? nil : .strings(linkLocal),
            ])
        }
        return settings
    }
}

/// `--ulimit nofile=1024:2048`.
package enum UserLimitOption {
    private static let names: Set<String> = [
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
        "rttime", "sigpending", "stack",
    ]

    /// - Returns: The API's `Ulimit`.
    package static func parse(_ text: String) throws(ValueError) -> JSON {
        let (name, value) = GoText.pair(text)
        guard let value else { throw ValueError("invalid ulimit argument: \(text)") }
        guard names.contains(name) else { throw ValueError("invalid ulimit type: \(name)") }
        let parts = value.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2 else {
            throw ValueError("too many limit value arguments - \(value), can only have up to two, `soft[:hard]`")
        }
        let soft = try Numbers.parseInteger(String(parts[0]))
        let hard = parts.count == 2 ? try Numbers.parseInteger(String(parts[1])) : soft
        guard hard == -1 || soft <= hard else {
            throw ValueError("ulimit soft limit must be less than or equal to hard limit: \(soft) > \(hard)")
        }
        return ["Name": .string(name), "Hard": JSON(hard), "Soft": JSON(soft)]
    }
}
