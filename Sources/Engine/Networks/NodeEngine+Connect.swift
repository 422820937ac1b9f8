import EngineInterface
import Faults
package import Model

/// Joining networks and leaving them by hand.
extension NodeEngine {
    package func connectNetwork(_ reference: String, container: String, settings: EndpointSettings?) async throws {
        let record = try containers.find(container)
        let found = try Self.find(reference, in: try await allNetworks())
        try refuse(found, record)
        if record.endpoints.contains(where: { $0.networkName == found.name }) {
            throw Refusal(.forbidden, "endpoint with name \(record.name) already exists in network \(found.name)")
        }
        if let wish = settings?.ipamConfig?.iPv4Address, !wish.isEmpty, found.name == "bridge" {
            throw Refusal(.invalidInput, "user specified IP address is supported on user defined networks only")
        }
        try await serializer.run(record.id) {
            if containers.record(record.id)?.isRunning == true {
                throw Refusal(.notImplemented, "connecting a running container to a network is not implemented by apus yet")
            }
            try await containers.update(record.id) { record in
                record.endpoints.append(EndpointRecord(networkID: found.identifier, networkName: found.name, wish: settings))
            }
        }
    }

    package func disconnectNetwork(_ reference: String, container: String, force: Bool) async throws {
        let record = try containers.find(container)
        let found = try Self.find(reference, in: try await allNetworks())
        try refuse(found, record)
        guard record.endpoints.contains(where: { $0.networkName == found.name }) else {
            throw Refusal(.forbidden, "container \(record.id) is not connected to network \(found.name)")
        }
        try await serializer.run(record.id) {
            if containers.record(record.id)?.isRunning == true {
                throw Refusal(.notImplemented, "disconnecting a running container from a network is not implemented by apus yet")
            }
            try await containers.update(record.id) { record in record.endpoints.removeAll { $0.networkName == found.name } }
        }
    }

    private func refuse(_ network: NetworkResource, _ record: ContainerRecord) throws {
        if network.name == "host" || record.isOnHostNetwork {
            throw Refusal(
                .invalidInput, "container cannot be disconnected from host network or connected to host network")
        }
        if network.name == "none" || record.networkMode == "none" {
            throw Refusal(.forbidden, "container cannot be connected to multiple networks with one of the networks in private (none) mode")
        }
        if network.scope == "swarm" {
            throw Refusal(.notImplemented, "attaching containers to swarm network \(network.name) is not implemented by apus yet")
        }
    }
}
