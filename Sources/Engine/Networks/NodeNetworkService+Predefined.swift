import EngineInterface
import Model

/// The node's own networks as a service can name them.
extension NodeNetworkService {
    /// What clients find that look a service's network up in the swarm, as they do before they name it: every node's own.
    func predefined(_ reference: String, scope: String?) async -> NetworkResource? {
        guard scope == "swarm", let network = PredefinedNetwork(rawValue: reference), let catalog,
            await catalog.isMember(), let own = networks.named(reference)
        else { return nil }
        var resource = NetworkResource()
        resource.name = reference
        resource.identifier = reference
        resource.created = own.created
        resource.scope = "swarm"
        resource.driver = network.driver
        resource.enableIPv4 = true
        resource.ipam = AddressManagement(driver: "default", config: [])
        return resource
    }
}
