package import Model
import Templates

/// `--network name` or `--network name=a,alias=b,ip=c`.
package struct NetworkOption: Sendable, Equatable {
    package var name = ""
    package var aliases: [String] = []
    /// In small letters.
    package var driverOptions: [String: String] = [:]
    package var ipv4 = ""
    package var ipv6 = ""
    package var macAddress = ""
    package var linkLocal: [String] = []
    /// The network with the highest leads outside.
    package var gatewayPriority: Int64 = 0

    package init() {}

    /// - Throws: In Docker's words: an unknown field, a value that is none, no name.
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
                guard let priority = GoText.integer(trimmed) else {
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

    /// As a service's `Networks` take it.
    ///
    /// - Parameter id: In place of the name.
    /// - Throws: For more than one address: a service asks for one in a network.
    package func attachment(id: String) throws(ValueError) -> NetworkAttachmentConfig {
        var attachment = NetworkAttachmentConfig()
        attachment.target = id
        attachment.aliases = aliases.isEmpty ? nil : aliases
        var options = driverOptions
        // The `docker` command passes over them here.
        guard ipv4.isEmpty || ipv6.isEmpty else {
            throw ValueError("a service may ask for one address in a network: ip or ip6")
        }
        let address = ipv4.isEmpty ? ipv6 : ipv4
        if !address.isEmpty { options[NetworkAttachmentConfig.serviceAddressOption] = address }
        attachment.driverOpts = options.isEmpty ? nil : options
        return attachment
    }

    /// As a container's `EndpointsConfig` takes it.
    package func endpoint() -> EndpointSettings {
        var settings = EndpointSettings()
        settings.aliases = aliases.isEmpty ? nil : aliases
        settings.driverOpts = driverOptions.isEmpty ? nil : driverOptions
        settings.macAddress = macAddress
        settings.gwPriority = Int(clamping: gatewayPriority)
        guard !ipv4.isEmpty || !ipv6.isEmpty || !linkLocal.isEmpty else { return settings }
        var addresses = EndpointSettings.AddressRequest()
        addresses.iPv4Address = ipv4.isEmpty ? nil : ipv4
        addresses.iPv6Address = ipv6.isEmpty ? nil : ipv6
        addresses.linkLocalIPs = linkLocal.isEmpty ? nil : linkLocal
        settings.ipamConfig = addresses
        return settings
    }
}

/// `--ulimit nofile=1024:2048`.
package enum UserLimitOption {
    private static let names: Set<String> = [
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
        "rttime", "sigpending", "stack",
    ]

    /// - Throws: An unknown limit, or numbers of which the soft one is above the hard one.
    package static func parse(_ text: String) throws(ValueError) -> UserLimit {
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
        var limit = UserLimit()
        limit.name = name
        limit.hard = hard
        limit.soft = soft
        return limit
    }
}
