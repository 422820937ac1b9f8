import Addressing
import EngineInterface
import Model

/// The three files that an engine gives a container: `/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf`. Pure text.
enum ContainerFiles {
    static func hostname(_ record: ContainerRecord) -> String { record.configuration.hostname + "\n" }

    /// What stands for the host's address in `--add-host NAME:host-gateway`.
    static let hostGateway = "host-gateway"

    /// - Parameters:
    ///   - hostFile: The host's own `/etc/hosts`, for containers on the host's network.
    ///   - hostGateway: Where containers reach the host.
    /// - Throws: ``ContainerOptionError`` for a name that is to be the host's where no address of it is known.
    static func hosts(
        _ record: ContainerRecord, hostFile: String?, hostGateway: IPAddress?, links: [LinkedContainer] = []
    ) throws -> String {
        var text =
            hostFile
                ?? """
                127.0.0.1\tlocalhost
                ::1\tlocalhost ip6-localhost ip6-loopback
                fe00::\tip6-localnet
                ff00::\tip6-mcastprefix
                ff02::1\tip6-allnodes
                ff02::2\tip6-allrouters

                """
        for entry in record.hostConfig.extraHosts ?? [] {
            guard let colon = entry.firstIndex(of: ":") else { continue }
            var address = String(entry[entry.index(after: colon)...])
            if address == Self.hostGateway {
                guard let hostGateway else {
                    throw ContainerOptionError.hostGatewayUnknown
                }
                address = hostGateway.description
            }
            text += "\(address)\t\(entry[..<colon])\n"
        }
        for link in links { text += "\(link.address)\t\(link.names)\n" }
        let configuration = record.configuration
        let names =
            configuration.domainname.isEmpty
            ? configuration.hostname : "\(configuration.hostname).\(configuration.domainname) \(configuration.hostname)"
        for endpoint in record.endpoints {
            if endpoint.networkName == LocalNetwork.gatewayBridgeName || endpoint.overlay?.isIngress == true {
                continue
            }
            for address in endpoint.addresses?.hosts.all ?? [] { text += "\(address)\t\(names)\n" }
        }
        return text
    }

    /// - Parameter upstream: The host's `resolv.conf`.
    static func resolvConf(_ record: ContainerRecord, upstream: String, defaultServers: [IPAddress]) -> String {
        let host = record.hostConfig
        if NameTableComposer.hasResolver(record) {
            var text = "nameserver 127.0.0.11\n"
            let search = host.nameSearch?.filter { $0 != "." } ?? searchDomains(upstream)
            if !search.isEmpty { text += "search \(search.joined(separator: " "))\n" }
            let options = host.nameServerOptions ?? []
            let dots = options.contains { $0.hasPrefix("ndots:") } ? [] : ["ndots:0"]
            text += "options \((dots + options).joined(separator: " "))\n"
            return text
        }
        let own = host.nameServers ?? []
        if own.isEmpty, (host.nameSearch ?? []).isEmpty, (host.nameServerOptions ?? []).isEmpty, defaultServers.isEmpty
        {
            if record.isOnHostNetwork { return upstream }
            return upstream.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
                let fields = line.split(whereSeparator: \.isWhitespace)
                return fields.count < 2 || fields[0] != "nameserver" || isUsable(fields[1], by: record)
            }.joined(separator: "\n")
        }
        let given =
            defaultServers.isEmpty
            ? servers(upstream).filter { isUsable($0, by: record) } : defaultServers.map(\.description)
        var lines = (own.isEmpty ? given : own).map {
            "nameserver \($0)"
        }
        let search = host.nameSearch?.filter { $0 != "." } ?? searchDomains(upstream)
        if !search.isEmpty { lines.append("search \(search.joined(separator: " "))") }
        if let options = host.nameServerOptions, !options.isEmpty {
            lines.append("options \(options.joined(separator: " "))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func fields(_ text: String, after keyword: String) -> [String] {
        text.split(whereSeparator: \.isNewline).flatMap { line -> [String] in
            let fields = line.split(whereSeparator: \.isWhitespace).map(String.init)
            return fields.first == keyword ? Array(fields.dropFirst()) : []
        }
    }
    private static func searchDomains(_ text: String) -> [String] { fields(text, after: "search") }
    private static func servers(_ text: String) -> [String] { fields(text, after: "nameserver") }

    /// Whether a container without a resolver of ours may ask this server of the host: not one on the host's loopback or behind a link of
    /// the host, and one of IPv6 only where the container has such an address.
    private static func isUsable(_ server: some StringProtocol, by record: ContainerRecord) -> Bool {
        if record.isOnHostNetwork { return true }
        guard let address = IPAddress(server), !address.isLoopback else { return false }
        return address.family == .v4 || record.endpoints.contains { $0.addresses?.v6 != nil }
    }
}
