package import EngineInterface
import Faults
import Model

extension NodeNetworkService {
    package func pruneNetworks(_ filters: Filters) async throws -> [String] {
        let wanted = try PruneFilters(filters, now: .now)
        // A container that does not run holds no network, as in Docker.
        let used = Set(
            members.members.flatMap(\.endpoints).filter(\.isJoined).flatMap { [$0.networkName, $0.networkID] })
        var candidates = networks.all.filter { network in
            !network.isPredefined && !network.isGatewayBridge && network.isConfiguration != true
                && network.isOfSwarm != true
                && used.isDisjoint(with: [network.name, network.id])
                && wanted.match(labels: network.labels, created: network.created)
        }.map { (name: $0.name, id: $0.id) }
        if let catalog, await catalog.isManager() {
            let busy = await catalog.networksInUse()
            candidates += try await catalog.swarmNetworks().filter { network in
                network.spec.ingress != true && !busy.contains(network.id)
                    && used.isDisjoint(with: [network.spec.name, network.id])
                    && wanted.match(labels: network.spec.labels, created: network.createdAt)
            }.map { (name: $0.spec.name, id: $0.id) }
        }
        var removed: [String] = []
        for network in candidates.sorted(by: { ($0.name, $0.id) < ($1.name, $1.id) }) {
            do {
                try await removeNetwork(network.id)
                removed.append(network.name)
            } catch let refusal as any Fault where [.forbidden, .invalidInput, .notFound].contains(refusal.kind) {
                continue  // Somebody has begun to use it meanwhile, or removed it.
            }
        }
        events.publish("network", "prune", "", ["reclaimed": "0"])
        return removed
    }
}
