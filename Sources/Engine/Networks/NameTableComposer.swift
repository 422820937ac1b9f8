import Addressing
import Model
import NameService

/// Computes what a container can look up, from nothing: the names on each of its networks. Pure.
///
/// ``NameDirectory`` has the same by key.
struct NameTableComposer {
    var containers: [any NetworkMember]
    var networks: [LocalNetwork]
    var facts: NetworkFacts?

    /// Whether the container has the embedded resolver: on any network but Docker's default bridge.
    static func hasResolver(_ container: any NetworkMember) -> Bool {
        guard !container.isOnHostNetwork else { return false }
        return container.endpoints.contains {
            $0.networkName != "bridge" && $0.networkName != LocalNetwork.gatewayBridgeName
        }
    }

    /// Whether it was told whom to ask: they are asked as it would reach them itself, on internal networks those that are on them.
    static func hasNameServers(_ container: any NetworkMember) -> Bool {
        container.nameServers.contains { IPAddress($0) != nil }
    }

    func table(for container: any NetworkMember) -> NameTable {
        var tables: [NameTable.Network] = []
        var pointers: [IPAddress: String] = [:]
        var forwards = Self.hasNameServers(container)
        for endpoint in container.endpoints where endpoint.isJoined {
            if let overlay = endpoint.overlay {
                // Ingress carries what comes from outside; nothing is looked up on it.
                if overlay.isIngress { continue }
                tables.append(Self.linked(overlayNames(endpoint, &pointers), endpoint))
            } else if let network = networks.first(where: { $0.id == endpoint.networkID }) {
                if !network.isClosed { forwards = true }
                if network.name == "bridge" || network.isGatewayBridge { continue }
                let own =
                    network.isOfSwarm == true ? overlayNames(endpoint, &pointers) : bridgeNames(network, &pointers)
                tables.append(Self.linked(own, endpoint))
            }
        }
        return NameTable(networks: tables, pointers: pointers, forwards: forwards)
    }

    /// Names that the container alone has for others on the network.
    private static func linked(_ table: NameTable.Network, _ endpoint: EndpointRecord) -> NameTable.Network {
        var table = table
        for text in endpoint.requested?.links ?? [] {
            // They were read when the endpoint was made.
            guard let link = try? LinkText(text), let key = DomainName(link.name)?.key,
                let addresses = table.names[key]
            else { continue }
            table.add(link.alias, addresses)
        }
        return table
    }

    private func bridgeNames(_ network: LocalNetwork, _ pointers: inout [IPAddress: String]) -> NameTable.Network {
        var table = NameTable.Network(name: network.name)
        for other in containers {
            for endpoint in other.endpoints where endpoint.networkID == network.id && endpoint.isJoined {
                guard let addresses = endpoint.addresses?.hosts.all else { continue }
                for name in Self.names(of: other, endpoint) { table.add(name, addresses) }
                for address in addresses { pointers[address] = "\(other.name).\(network.name)" }
            }
        }
        return table
    }

    private func overlayNames(_ endpoint: EndpointRecord, _ pointers: inout [IPAddress: String]) -> NameTable.Network {
        var table = NameTable.Network(name: endpoint.networkName)
        guard let facts, let network = facts.networks[endpoint.networkID] else { return table }
        let reserved = ReservedNames(facts, on: network)
        for other in network.endpoints.values {
            let names = NameDirectory.names(of: other).filter { !reserved.contains($0) }
            let addresses = other.addresses.all
            for name in names { table.add(name, addresses) }
            guard let name = names.first else { continue }
            for address in addresses { pointers[address] = "\(name).\(endpoint.networkName)" }
        }
        for known in network.services.values {
            guard let service = known.service else { continue }
            let virtual = service.virtualAddresses?.all ?? []
            let answer = virtual.isEmpty ? Array(known.backends) : virtual
            for name in Set([service.name] + service.aliases) { table.add(name, answer) }
            for name in NameDirectory.taskNames(of: service) { table.add(name, Array(known.backends)) }
            for address in virtual { pointers[address] = "\(service.name).\(endpoint.networkName)" }
        }
        return table
    }

    /// Of a name that is longer than a label of the DNS (RFC 1035 §2.3.4) what fits into one: nobody could ask for the whole. An id has one digit more.
    private static func label(_ name: String) -> String {
        name.utf8.count > 63 && !name.contains(".") ? String(name.prefix(63)) : name
    }

    /// What of that is shown, in Docker's order: the name, which answers to an address as well, the aliases, the short id and the hostname.
    static func shownNames(of container: any NetworkMember, _ endpoint: EndpointRecord) -> [String] {
        let all = [container.name] + (endpoint.requested?.aliases ?? []) + [container.shortID, container.hostname]
        var seen: Set<String> = []
        return all.filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    /// What a container is called on a network.
    static func names(of container: any NetworkMember, _ endpoint: EndpointRecord) -> Set<String> {
        var names: Set<String> = [label(container.name), label(container.id), container.shortID]
        names.formUnion(endpoint.requested?.aliases ?? [])
        if !container.hostname.isEmpty { names.insert(container.hostname) }
        return names
    }
}

/// The names that are services' own: who has a place on a network chooses what it is called there, and none of these.
private struct ReservedNames {
    private static let tasks = "tasks."

    private var keys: Set<String> = []

    /// - Parameter network: Its services' names and aliases are theirs there; and a service's name with its network's is its own everywhere.
    init(_ facts: NetworkFacts, on network: NetworkFacts.Network) {
        for service in network.services.values.compactMap(\.service) {
            keys.formUnion(([service.name] + service.aliases).compactMap(Self.key))
        }
        for other in facts.networks.values {
            guard let name = other.network?.spec.name else { continue }
            for service in other.services.values.compactMap(\.service) {
                keys.formUnion(([service.name] + service.aliases).compactMap { Self.key("\($0).\(name)") })
            }
        }
    }

    func contains(_ name: String) -> Bool {
        // What is no name nobody can ask for.
        guard let key = Self.key(name) else { return true }
        return key.hasPrefix(Self.tasks) || keys.contains(key)
    }

    private static func key(_ name: String) -> String? { DomainName(name)?.key }
}
