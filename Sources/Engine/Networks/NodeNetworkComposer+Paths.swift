import Addressing
import Model
import PathProbes

extension NodeNetworkComposer {
    /// Which ways to other nodes are measured, and who is answered; `nil` where there is nobody else.
    func pathDemand() -> PathDemand? {
        guard let facts, let nodeID, let own = ownPeer?.address else { return nil }
        let peers = facts.peers.values.filter { $0.address.family == own.family && $0.address != own }
        if peers.isEmpty { return nil }
        var shared: Set<String> = []
        for id in joined.keys where networks[id] == nil {
            for endpoint in (facts.networks[id]?.endpoints ?? [:]).values { shared.insert(endpoint.nodeID) }
        }
        let nodes = peers.map { PathTarget(id: $0.nodeID, address: $0.address, isShared: shared.contains($0.nodeID)) }
        let managers = Set(facts.settings?.managers ?? [])
        return PathDemand(
            device: ProbeDevice.Setting(own: own, port: facts.settings?.dataPathPort ?? 4789), linkMTU: underlayMTU,
            targets: PathTarget.choose(nodes, for: nodeID), members: peers.map(\.address).sorted(),
            managers: nodes.filter { managers.contains($0.address) }.sorted { $0.id < $1.id },
            controlPorts: (facts.settings?.controlPorts ?? []).sorted())
    }
}
