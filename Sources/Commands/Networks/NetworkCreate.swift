package import DockerClient

extension Command {
    static let networkCreate = Command(
        "network create", arity: .exactly(1),
        help: """
            Usage:  apus network create [OPTIONS] NETWORK

            Create a network

            Options:
                  --attachable           Let containers of `run` join
                  --aux-address map      Addresses that are taken already, by name (default map[])
                  --config-from string   Network to take the settings of
                  --config-only          Keep settings, make no network
              -d, --driver string        Kind of network (default "bridge")
                  --gateway strings      Gateway of the subnet
                  --ingress              Make it the network of the routing mesh
                  --internal             No way outside
                  --ip-range strings     Part of the subnet that addresses come from
                  --ipam-driver string   Who gives out addresses (default "default")
                  --ipam-opt map         Option for who gives out addresses (default map[])
                  --ipv4                 Give IPv4 addresses (default true)
                  --ipv6                 Give IPv6 addresses
                  --label list           Label of the network
              -o, --opt map              Option for the driver (default map[])
                  --scope string         Where the network is
                  --subnet strings       Subnet in CIDR notation
            """
    ) { call in
        let body = try NetworkRequest.body(name: call.words[0], call.flags)
        let answer = try await call.client().json(.post("/networks/create", [], body))
        let warning = answer["Warning"].text
        if !warning.isEmpty { Console.error("WARNING: \(warning)") }
        Console.line(answer["Id"].text)
    }
}

/// The body of `POST /networks/create`.
package enum NetworkRequest {
    package static func body(name: String, _ flags: ParsedFlags) throws -> JSON {
        let pools = try pools(
            subnets: flags.list("subnet"), ranges: flags.list("ip-range"), gateways: flags.list("gateway"),
            auxiliary: GoText.dictionary(flags.list("aux-address")))
        func isSet(_ name: String) -> JSON { .bool(flags.isSet(name)) }
        let options = flags.list("ipam-opt")
        let addressing = JSON.fields([
            "Driver": .string(flags.string("ipam-driver") ?? "default"), "Options": .map(GoText.dictionary(options)),
            "Config": .array(pools),
        ])
        let source = flags.string("config-from") ?? ""
        return .fields([
            "Name": .string(name), "Driver": .string(flags.string("driver") ?? "bridge"),
            "Scope": .string(flags.string("scope") ?? ""),
            "EnableIPv4": flags.has("ipv4") ? isSet("ipv4") : nil,
            "EnableIPv6": flags.has("ipv6") ? isSet("ipv6") : nil,
            "IPAM": addressing, "Internal": isSet("internal"), "Attachable": isSet("attachable"),
            "Ingress": isSet("ingress"), "ConfigOnly": isSet("config-only"),
            "ConfigFrom": source.isEmpty ? nil : ["Network": .string(source)],
            "Options": .map(GoText.dictionary(flags.list("opt"))),
            "Labels": .map(GoText.dictionary(flags.list("label"))),
        ])
    }

    /// One pool a subnet; ranges, gateways and auxiliary addresses go to the subnet that holds them.
    package static func pools(
        subnets: [String], ranges: [String], gateways: [String], auxiliary: [String: String]
    ) throws(ExitError) -> [JSON] {
        guard subnets.count >= ranges.count, subnets.count >= gateways.count else {
            throw ExitError(1, "every ip-range or gateway must have a corresponding subnet")
        }
        for (index, subnet) in subnets.enumerated() {
            for other in subnets[..<index] where AddressText.isNetwork(subnet) && AddressText.isNetwork(other) {
                if AddressText.network(other, contains: subnet) || AddressText.network(subnet, contains: other) {
                    throw ExitError(1, "multiple overlapping subnet configuration is not supported")
                }
            }
        }
        var pools = subnets.map { JSON.object([JSON.Member("Subnet", .string($0))]) }
        func place(_ what: String, _ address: String, _ field: String) throws(ExitError) {
            guard let index = subnets.firstIndex(where: { AddressText.network($0, contains: address) }) else {
                throw ExitError(1, "no matching subnet for \(what) \(address)")
            }
            guard pools[index][field].isNull else {
                throw ExitError(
                    1,
                    "cannot configure multiple \(field == "IPRange" ? "ranges" : "gateways") (\(address), "
                        + "\(pools[index][field].text)) on the same subnet (\(subnets[index]))")
            }
            pools[index][field] = .string(address)
        }
        for range in ranges { try place("range", range, "IPRange") }
        for gateway in gateways { try place("gateway", gateway, "Gateway") }
        for (name, address) in auxiliary.sorted(by: { $0.key < $1.key }) {
            guard let index = subnets.firstIndex(where: { AddressText.network($0, contains: address) }) else {
                throw ExitError(1, "no matching subnet for aux-address \(address)")
            }
            pools[index]["AuxiliaryAddresses"][name] = .string(address)
        }
        return pools
    }
}
