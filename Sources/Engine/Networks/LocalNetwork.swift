import Addressing
import Faults
import Model

/// A network of this node alone: bridges, and the two that are none.
struct LocalNetwork: Codable, Sendable, Identifiable {
    let id: String
    var name: String
    /// `bridge`, `host` or `null`.
    var driver: String
    var created: Timestamp
    var isInternal = false
    var isAttachable = false
    var options: [String: String] = [:]
    var labels: [String: String] = [:]
    /// Where addresses come from; empty for `host` and `null`.
    var ranges: [AddressRange] = []
    var gateway: IPv4Address?
    /// As the user gave it or as it was chosen: what inspect shows.
    var ipam = AddressManagement(driver: "default", config: [])

    /// Docker's own, which cannot be removed by hand.
    var isPredefined: Bool { ["bridge", "host", "none"].contains(name) }
    var isGatewayBridge: Bool { name == LocalNetwork.gatewayBridgeName }
    static let gatewayBridgeName = "docker_gwbridge"

    /// The bridge's link name.
    var bridgeName: String {
        options["com.docker.network.bridge.name"] ?? "br-\(id.prefix(12))"
    }
    var mtu: UInt32 { options["com.docker.network.driver.mtu"].flatMap(UInt32.init) ?? 1500 }
    var allowsTrafficBetweenContainers: Bool {
        flag("com.docker.network.bridge.enable_icc", default: !isGatewayBridge)
    }
    var masquerades: Bool { flag("com.docker.network.bridge.enable_ip_masquerade", default: true) }
    /// Where ports are published that name no address; `nil` for everywhere.
    var defaultBinding: IPv4Address? {
        options["com.docker.network.bridge.host_binding_ipv4"].flatMap { IPv4Address($0) }.flatMap {
            $0.isUnspecified ? nil : $0
        }
    }
    var gatewayNetwork: IPv4Network? {
        guard let gateway, let subnet = ranges.first(where: { $0.subnet.contains(gateway) })?.subnet else { return nil }
        return IPv4Network(address: gateway, prefixLength: subnet.prefixLength)
    }

    private func flag(_ option: String, default value: Bool) -> Bool {
        options[option].map { ["1", "t", "true"].contains($0.lowercased()) } ?? value
    }
}

/// Checks a request for a local network and turns it into one.
struct LocalNetworkPlanner {
    /// Subnets that a new network must not overlap: those of other local networks and of the swarm.
    var taken: [IPv4Network]
    /// Subnets that a chosen one must avoid besides: the host's routes.
    var routed: [IPv4Network]

    /// Options of the bridge driver that Apus knows. Source: Docker's bridge driver documentation.
    static let knownOptions: Set<String> = [
        "com.docker.network.bridge.name", "com.docker.network.bridge.enable_icc",
        "com.docker.network.bridge.enable_ip_masquerade", "com.docker.network.bridge.host_binding_ipv4",
        "com.docker.network.bridge.default_bridge", "com.docker.network.driver.mtu",
    ]

    /// - Throws: ``Refusal`` in Docker's words.
    func plan(_ request: NetworkRequest, id: String, at moment: Timestamp) throws -> LocalNetwork {
        try checkFeatures(request)
        var network = LocalNetwork(id: id, name: request.name, driver: "bridge", created: moment)
        network.isInternal = request.internal
        network.isAttachable = request.attachable
        network.options = request.options ?? [:]
        network.labels = request.labels ?? [:]
        if network.bridgeName.utf8.count > 15 {
            throw Refusal(.invalidInput, "invalid bridge name \(network.bridgeName): longer than 15 characters")
        }
        var pools = request.ipam?.config ?? []
        if pools.allSatisfy({ ($0.subnet ?? "").isEmpty }) {
            guard let chosen = SubnetChooser.bridges.choose(avoiding: taken + routed) else {
                throw Refusal(
                    .invalidInput,
                    "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"
                )
            }
            pools = [AddressPool(subnet: chosen.description, gateway: chosen.first.advanced(by: 1).description)]
        } else if pools.count > 1 {
            throw Refusal(.invalidInput, "bridge driver doesn't support multiple subnets")
        }
        for index in pools.indices {
            let (range, gateway) = try AddressPoolParser.parse(pools[index])
            guard !taken.contains(where: { $0.overlaps(range.subnet) }) else {
                throw Refusal(.forbidden, "Pool overlaps with other one on this address space")
            }
            var whole = range
            let door = gateway ?? whole.subnet.first.advanced(by: 1)
            whole.reserved.insert(door)
            network.ranges.append(whole)
            network.gateway = door
            if gateway == nil { pools[index].gateway = door.description }
        }
        network.ipam = AddressManagement(driver: "default", config: pools)
        network.ipam.options = request.ipam?.options ?? [:]
        return network
    }

    private func checkFeatures(_ request: NetworkRequest) throws {
        if request.enableIPv6 == true {
            throw Refusal(.notImplemented, "IPv6 on bridge networks is not implemented by apus yet")
        }
        if request.configOnly || !(request.configFrom?.network ?? "").isEmpty {
            throw Refusal(.notImplemented, "configuration-only networks are not implemented by apus yet")
        }
        if request.ingress { throw Refusal(.invalidInput, "Ingress network can only be of overlay type") }
        if let driver = request.ipam?.driver, !driver.isEmpty, driver != "default" {
            throw Refusal(.notFound, "plugin \"\(driver)\" not found")
        }
        for option in (request.options ?? [:]).keys.sorted() where !Self.knownOptions.contains(option) {
            if option.hasPrefix("com.docker.network.") {
                throw Refusal(.notImplemented, "network option \(option) is not implemented by apus")
            }
        }
    }
}

/// Reads one pool of a request.
enum AddressPoolParser {
    /// - Throws: ``Refusal`` in Docker's words, naming the offending value.
    static func parse(_ pool: AddressPool) throws -> (range: AddressRange, gateway: IPv4Address?) {
        let text = pool.subnet ?? ""
        guard let subnet = IPv4Network(text) else {
            throw Refusal(.invalidInput, "Invalid subnet \(text) : invalid CIDR address: \(text)")
        }
        guard subnet.prefixLength <= 30 else {
            throw Refusal(.invalidInput, "Invalid subnet \(text) : too small for a network")
        }
        var range: IPv4Network?
        if let text = pool.ipRange, !text.isEmpty {
            guard let parsed = IPv4Network(text) else {
                throw Refusal(.invalidInput, "Invalid ip-range \(text) : invalid CIDR address: \(text)")
            }
            guard subnet.contains(parsed) else {
                throw Refusal(.invalidInput, "no matching subnet for range \(text)")
            }
            range = parsed
        }
        var reserved: Set<IPv4Address> = []
        var gateway: IPv4Address?
        if let text = pool.gateway, !text.isEmpty {
            gateway = try address(text, "gateway", in: subnet)
            reserved.formUnion(gateway.map { [$0] } ?? [])
        }
        for (_, text) in pool.auxiliaryAddresses ?? [:] {
            reserved.insert(try address(text, "aux-address", in: subnet))
        }
        return (AddressRange(subnet: subnet, range: range, reserved: reserved), gateway)
    }

    private static func address(_ text: String, _ what: String, in subnet: IPv4Network) throws -> IPv4Address {
        guard let address = IPv4Address(text) else { throw Refusal(.invalidInput, "invalid \(what) address: \(text)") }
        guard subnet.contains(address) else { throw Refusal(.invalidInput, "no matching subnet for \(what) \(text)") }
        return address
    }
}
