import DockerClient
package import Model
import Templates

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
        let request = try NetworkCreation.request(name: call.arguments[0], call.flags)
        let answer = try await call.client().json(.post("/networks/create", sending: request))
        let warning = answer["Warning"].text
        if !warning.isEmpty { Console.error("WARNING: \(warning)") }
        Console.line(answer["Id"].text)
    }
}

/// The body of `POST /networks/create`.
package enum NetworkCreation {
    /// - Throws: `ExitError` for pools that do not fit each other.
    package static func request(name: String, _ flags: ParsedFlags) throws -> NetworkRequest {
        var addressing = AddressManagement(
            driver: flags.string("ipam-driver") ?? "default",
            config: try pools(
                subnets: flags.list("subnet"), ranges: flags.list("ip-range"), gateways: flags.list("gateway"),
                auxiliary: flags.dictionary("aux-address") ?? [:]))
        addressing.options = flags.dictionary("ipam-opt") ?? [:]
        var request = NetworkRequest()
        request.name = name
        request.driver = flags.string("driver") ?? "bridge"
        request.scope = flags.string("scope") ?? ""
        request.enableIPv4 = flags.isSetOrNil("ipv4")
        request.enableIPv6 = flags.isSetOrNil("ipv6")
        request.ipam = addressing
        request.internal = flags.isSet("internal")
        request.attachable = flags.isSet("attachable")
        request.ingress = flags.isSet("ingress")
        request.configOnly = flags.isSet("config-only")
        if let source = flags.text("config-from") {
            var reference = NetworkRequest.ConfigurationSource()
            reference.network = source
            request.configFrom = reference
        }
        request.options = flags.dictionary("opt") ?? [:]
        request.labels = flags.dictionary("label") ?? [:]
        return request
    }

    /// One pool a subnet; ranges, gateways and auxiliary addresses go to the subnet that holds them.
    package static func pools(
        subnets: [String], ranges: [String], gateways: [String], auxiliary: [String: String]
    ) throws(ExitError) -> [AddressPool] {
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
        var pools = subnets.map { AddressPool(subnet: $0) }
        func place(
            _ what: String, _ address: String, _ field: WritableKeyPath<AddressPool, String?>
        ) throws(ExitError) {
            guard let index = subnets.firstIndex(where: { AddressText.network($0, contains: address) }) else {
                throw ExitError(1, "no matching subnet for \(what) \(address)")
            }
            if let other = pools[index][keyPath: field] {
                throw ExitError(
                    1,
                    "cannot configure multiple \(what)s (\(address), \(other)) on the same subnet (\(subnets[index]))")
            }
            pools[index][keyPath: field] = address
        }
        for range in ranges { try place("range", range, \.ipRange) }
        for gateway in gateways { try place("gateway", gateway, \.gateway) }
        for (name, address) in auxiliary.sorted(by: { $0.key < $1.key }) {
            guard let index = subnets.firstIndex(where: { AddressText.network($0, contains: address) }) else {
                throw ExitError(1, "no matching subnet for aux-address \(address)")
            }
            pools[index].auxiliaryAddresses = (pools[index].auxiliaryAddresses ?? [:]).merging([name: address]) { $1 }
        }
        return pools
    }
}
