import Addressing
import EngineInterface
import Faults
import LinuxSystem
package import Model
import Orchestration
import StateStore

extension Manager {
    /// All that this manager knows of, in the order in which they were made; networks made at the same time by their ids.
    package func swarmNetworks() -> [SwarmNetwork] {
        model.objects.networks.values.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    /// Returns the new network's id once the store has it. Its name, numbers and subnets are nobody else's.
    /// - Throws: What ``NetworkAllocator`` refuses; ``ClusterError`` `.contended` when others were faster all the time.
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

    /// Ids of the networks that a removal would be refused for.
    package func networksInUse() -> Set<String> {
        let state = model.objects
        return Set(
            state.networks.keys.filter { id in
                state.hasServices(inNetwork: id)
                    || state.sharedTasks(inNetwork: id).contains { state.keeps(id, for: $0.value) }
            })
    }

    /// - Throws: ``SwarmNetworkError/inUse(network:user:)`` naming a service or a task that uses it.
    package func removeNetwork(id: String) async throws {
        try await guarded { state in
            guard let network = state.networks[id] else { throw SwarmObjectError.notFound(.network, id) }
            if network.spec.ingress == true, let service = state.servicesOnMesh.min() {
                throw SwarmNetworkError.ingressNeeded(by: service)
            }
            if let service = state.services(inNetwork: id).map(\.id).min() {
                throw SwarmNetworkError.inUse(network: id, user: .service(service))
            }
            let keeping = state.sharedTasks(inNetwork: id).filter { state.keeps(id, for: $0.value) }
            if let task = keeping.map(\.value.id).min() {
                throw SwarmNetworkError.inUse(network: id, user: .task(task))
            }
            return StoreTransaction(
                conditions: [.present(network.key)], deletes: [network.key, .name(.networks, network.spec.name)])
        }
    }

    /// What a network has of addresses; `nil` for one that is not there.
    package func addressStatus(ofNetwork id: String) -> NetworkStatus? {
        guard let network = model.objects.networks[id] else { return nil }
        return NetworkStatus(
            Dictionary(
                addresses.usage(of: network).map { usage in
                    (
                        usage.subnet.description,
                        NetworkStatus.Subnet(
                            inUse: usage.unavailable, available: UInt64(clamping: usage.free),
                            resting: usage.resting > 0 ? UInt64(clamping: usage.resting) : nil)
                    )
                }
            ) { first, _ in first })
    }

    /// The same of all networks, in the order of their names, for metrics.
    package func subnetCounts() -> [SubnetCount] {
        model.objects.networks.values.sorted { ($0.spec.name, $0.id) < ($1.spec.name, $1.id) }.flatMap { network in
            addresses.usage(of: network).map {
                SubnetCount(
                    network: network.spec.name, networkID: network.id, subnet: $0.subnet.description, used: $0.used,
                    free: $0.free, resting: $0.resting)
            }
        }
    }
}

extension SwarmState {
    /// Whether a task is a reason to keep a network: it has an address there and is to run on a node that is up. What ends already,
    /// or is lost with its node, keeps nothing; its endpoint goes with its container.
    func keeps(_ networkID: String, for task: SwarmTask) -> Bool {
        guard task.isLive, task.isWanted, task.isAttachment || services.shared(task.serviceID) != nil,
            (task.networksAttachments ?? []).contains(where: { $0.network.id == networkID })
        else { return false }
        guard let nodeID = task.nodeID else { return true }
        return nodes.shared(nodeID).map { $0.value.status.state != .down } ?? false
    }
}
