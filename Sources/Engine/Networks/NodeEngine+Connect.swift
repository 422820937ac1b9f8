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
            try await containers.update(record.id) { record in
                record.endpoints.append(
                    EndpointRecord(networkID: found.identifier, networkName: found.name, wish: settings))
            }
            guard let current = containers.record(record.id), current.isRunning, !current.state.restarting else {
                return
            }
            do { try await joinRunning(record.id, found.name) } catch {
                try await containers.update(record.id) { $0.endpoints.removeAll { $0.networkName == found.name } }
                try await network.refresh()
                throw error
            }
        }
    }

    /// Gives a running container its place in a network that its record names already.
    private func joinRunning(_ id: String, _ name: String) async throws {
        let all = try await allNetworks()
        let joined = try await containers.allot(id) { record, others in
            let taken = Set(record.endpoints.filter(\.isJoined).map(\.interfaceName))
            guard let place = record.endpoints.firstIndex(where: { $0.networkName == name }),
                let free = (0...taken.count).first(where: { !taken.contains("eth\($0)") })
            else { return }
            try self.allot(&record.endpoints[place], at: free, of: record, among: others, all)
            try EndpointRoutes.check(record.endpoints)
        }
        try await network.join(id)
        for endpoint in joined.endpoints where endpoint.networkName == name {
            events.publish("network", "connect", endpoint.networkID, ["container": id, "name": name, "type": "bridge"])
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
            try await containers.update(record.id) { record in
                record.endpoints.removeAll { $0.networkName == found.name }
            }
            guard containers.record(record.id)?.isRunning == true else { return }
            try await network.refresh()
            events.publish(
                "network", "disconnect", found.identifier,
                ["container": record.id, "name": found.name, "type": "bridge"])
        }
    }

    private func refuse(_ network: NetworkResource, _ record: ContainerRecord) throws {
        if network.name == "host" || record.isOnHostNetwork {
            throw Refusal(
                .invalidInput, "container cannot be disconnected from host network or connected to host network")
        }
        if network.name == "none" || record.networkMode == "none" {
            throw Refusal(
                .forbidden,
                "container cannot be connected to multiple networks with one of the networks in private (none) mode")
        }
        if network.scope == "swarm" {
            throw Refusal(
                .notImplemented, "attaching containers to swarm network \(network.name) is not implemented by apus yet")
        }
    }
}
