import Faults
import LinuxSystem
package import Model
import Orchestration
import StateStore

extension Manager {
    package func swarmNetworks() -> [SwarmNetwork] {
        model.objects.networks.values.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    package func createNetwork(_ request: NetworkRequest) async throws -> String {
        let id = RandomID.swarm()
        try await guarded { state in
            let network = try NetworkAllocator(state: state).allocate(request, id: id, at: .now)
            let name = StoreKey.name(.networks, network.spec.name)
            return StoreTransaction(
                conditions: [.absent(network.key), .absent(name)],
                puts: [.init(network.key, try network.storedBytes), .init(name, Array(id.utf8))])
        }
        return id
    }

    package func removeNetwork(id: String) async throws {
        try await guarded { state in
            guard let network = state.networks[id] else { throw Refusal(.notFound, "network \(id) not found") }
            if network.spec.ingress == true {
                throw Refusal(.notImplemented, "removing the ingress network is not implemented by apus yet")
            }
            func inUse(by what: String) -> Refusal {
                Refusal(
                    .invalidInput, "rpc error: code = FailedPrecondition desc = network \(id) is in use by \(what)")
            }
            for service in state.services.values.sorted(by: { $0.id < $1.id })
            where service.spec.attachedNetworks.contains(where: { $0.target == id }) {
                throw inUse(by: "service \(service.id)")
            }
            for task in state.tasks.values.sorted(by: { $0.id < $1.id })
            where task.isLive && (task.networksAttachments ?? []).contains(where: { $0.network.id == id }) {
                throw inUse(by: "task \(task.id)")
            }
            return StoreTransaction(
                conditions: [.present(network.key)], deletes: [network.key, .name(.networks, network.spec.name)])
        }
    }
}
