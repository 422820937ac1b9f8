import Addressing
import Model
import NameService

/// Computes what a container can look up: the names on each of its networks. Pure.
struct NameTableComposer {
    var containers: [any NetworkMember]
    var networks: [LocalNetwork]
    var swarm: SwarmNetworkState?

    /// Whether the container has the embedded resolver: on any network but Docker's default bridge.
    static func hasResolver(_ container: any NetworkMember) -> Bool {
        guard !container.isOnHostNetwork else { return false }
        return container.endpoints.contains {
            $0.networkName != "bridge" && $0.networkName != LocalNetwork.gatewayBridgeName
        }
    }

    func table(for container: any NetworkMember) -> NameTable {
        var tables: [NameTable.Network] = []
        var pointers: [IPAddress: String] = [:]
        var forwards = false
        for endpoint in container.endpoints where endpoint.isJoined {
            if let overlay = endpoint.overlay {
                // Ingress carries what comes from outside; nothing is looked up on it.
                if overlay.isIngress { continue }
                add(Self.linked(overlayNames(endpoint, &pointers), endpoint), to: &tables)
            } else if let network = networks.first(where: { $0.id == endpoint.networkID }) {
                if !network.isInternal { forwards = true }
                if network.name == "bridge" || network.isGatewayBridge { continue }
                add(Self.linked(bridgeNames(network, &pointers), endpoint), to: &tables)
            }
        }
        return NameTable(networks: tables, pointers: pointers, forwards: forwards)
    }

    private func add(_ network: NameTable.Network, to tables: inout [NameTable.Network]) { tables.append(network) }

    /// Names that the container alone has for others on the network.
    private static func linked(_ table: NameTable.Network, _ endpoint: EndpointRecord) -> NameTable.Network {
        var table = table
        for text in endpoint.wish?.links ?? [] {
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
        guard let network = swarm?.networks.first(where: { $0.network.id == endpoint.networkID }) else { return table }
        let reserved = ServiceNames(swarm?.networks ?? [], on: network)
        for other in network.endpoints {
            var names = other.names
            if !other.containerID.isEmpty { names += [other.containerID, String(other.containerID.prefix(12))] }
            names.removeAll(where: reserved.contains)
            let addresses = other.addresses.all
            for name in names { table.add(name, addresses) }
            guard let name = names.first else { continue }
            for address in addresses { pointers[address] = "\(name).\(endpoint.networkName)" }
        }
        for service in network.services {
            let virtual = service.virtualAddresses?.all ?? []
            let answer = virtual.isEmpty ? service.tasks : virtual
            for name in Set([service.name] + service.aliases) { table.add(name, answer) }
            table.add("tasks.\(service.name)", service.tasks)
            for address in virtual { pointers[address] = "\(service.name).\(endpoint.networkName)" }
        }
        return table
    }

    /// What a container is called on a network.
    static func names(of container: any NetworkMember, _ endpoint: EndpointRecord) -> Set<String> {
        var names: Set<String> = [container.name, container.id, container.shortID]
        names.formUnion(endpoint.wish?.aliases ?? [])
        if !container.hostname.isEmpty { names.insert(container.hostname) }
        return names
    }
}

/// The names that are services' own: who has a place on a network chooses what it is called there, and none of these.
private struct ServiceNames {
    private static let tasks = "tasks."

    private var keys: Set<String> = []

    /// - Parameter network: Its services' names and aliases are theirs there; and a service's name with its network's is its own everywhere.
    init(_ networks: [SwarmNetworkState.Network], on network: SwarmNetworkState.Network) {
        for service in network.services { keys.formUnion(([service.name] + service.aliases).compactMap(Self.key)) }
        for other in networks {
            for service in other.services {
                keys.formUnion(
                    ([service.name] + service.aliases).compactMap { Self.key("\($0).\(other.network.spec.name)") })
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
