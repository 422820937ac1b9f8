import Addressing
import EngineInterface
import LinuxSystem
import Model

/// Networks that are made to be taken by others (`--config-only`, `--config-from`): settings under a name.
extension NodeNetworkService {
    /// The request with what it takes from another network.
    /// - Throws: ``NetworkConfigurationError``.
    func configured(_ request: NetworkRequest) throws(NetworkConfigurationError) -> NetworkRequest {
        let source = request.configFrom?.network ?? ""
        if request.configOnly {
            if !source.isEmpty { throw .dependent }
            if request.internal || request.attachable || request.ingress || !request.scope.isEmpty {
                throw .operatorField
            }
            return request
        }
        if source.isEmpty { return request }
        let addressing = request.ipam
        let isPlain =
            ["", "default"].contains(addressing?.driver ?? "") && (addressing?.options ?? [:]).isEmpty
            && (addressing?.config ?? []).isEmpty && (request.options ?? [:]).isEmpty && (request.labels ?? [:]).isEmpty
            && request.enableIPv6 != true
        guard isPlain else { throw .ownSettings }
        guard let found = networks.network(source) ?? networks.named(source), found.isConfiguration == true else {
            throw .notFound(source)
        }
        var request = request
        request.configFrom = nil
        request.ipam = found.ipam
        request.enableIPv4 = found.lacksIPv4 != true
        request.enableIPv6 = found.configuresIPv6 == true
        request.options = found.options
        request.labels = found.labels
        return request
    }

    /// Keeps settings. Addresses are taken by networks that use them.
    func createConfiguration(_ request: NetworkRequest) async throws -> LocalNetwork {
        var network = LocalNetwork(id: RandomID.docker(), name: request.name, driver: "null", created: .now)
        network.options = request.options ?? [:]
        network.labels = request.labels ?? [:]
        // Only to refuse what cannot be.
        let pools = (request.ipam?.config ?? []).filter { !($0.subnet ?? "").isEmpty }
        if request.families.isEmpty { throw NetworkError.noFamily }
        _ = try AddressPoolRules.parse(pools, avoiding: [], families: request.families, mayBeLinks: true)
        network.lacksIPv4 = request.families.contains(.v4) ? nil : true
        network.configuresIPv6 = request.families.contains(.v6) ? true : nil
        network.ipam = AddressManagement(driver: "default", config: request.ipam?.config ?? [])
        network.ipam.options = request.ipam?.options ?? [:]
        network.isConfiguration = true
        try await networks.add(network)
        events.publish("network", "create", network.id, ["name": network.name, "type": network.driver])
        return network
    }

    /// - Throws: ``NetworkConfigurationError/inUse(_:)`` for settings that a network was made of.
    func checkConfiguration(_ id: String) throws(NetworkConfigurationError) {
        guard let network = networks.network(id), network.isConfiguration == true else { return }
        if networks.all.contains(where: { $0.configFrom == network.name }) { throw .inUse(network.name) }
    }
}
