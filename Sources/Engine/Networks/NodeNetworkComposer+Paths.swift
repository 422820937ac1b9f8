import Addressing
import EngineInterface
import Model
import PathProbes

extension NodeNetworkComposer {
    /// Which ways to other nodes are measured, and who is answered; `nil` where there is nobody else.
    func pathDemand() -> PathDemand? {
        guard let facts, let nodeID, let own = ownPeer?.address else { return nil }
        let peers = facts.peers.values.filter { $0.address.family == own.family && $0.address != own }
        if peers.isEmpty { return nil }
        var shared: Set<String> = []
        for id in joined.keys where networks[id] == nil { shared.formUnion(endpointNodes.nodes(in: id)) }
        let nodes = peers.map { PathTarget(id: $0.nodeID, address: $0.address, isShared: shared.contains($0.nodeID)) }
        let managers = Set(facts.settings?.managers ?? [])
        return PathDemand(
            device: ProbeDevice.Setting(own: own, port: facts.settings?.dataPathPort ?? 4789), linkMTU: underlayMTU,
            targets: PathTarget.choose(nodes, for: nodeID), members: peers.map(\.address).sorted(),
            managers: nodes.filter { managers.contains($0.address) }.sorted { $0.id < $1.id },
            controlPorts: (facts.settings?.controlPorts ?? []).sorted())
    }

    /// Which of them are measured encrypted as well: those to nodes with an endpoint in an encrypted network that this one takes part in; `nil` where
    /// there are none.
    func encryptedPathDemand() -> PathDemand? {
        guard let facts, let nodeID, let own = ownPeer?.address else { return nil }
        var nodes: Set<String> = []
        for id in joined.keys where isEncrypted(overlay: id) { nodes.formUnion(endpointNodes.nodes(in: id)) }
        nodes.remove(nodeID)
        let peers = nodes.compactMap { facts.peers[$0] }.filter {
            $0.address.family == own.family && $0.address != own && $0.encryption != nil
        }
        if peers.isEmpty { return nil }
        let targets = peers.map { PathTarget(id: $0.nodeID, address: $0.address, isShared: true) }
        return PathDemand(
            device: ProbeDevice.Setting(own: own, port: facts.settings?.dataPathPort ?? 4789, kind: .esp),
            linkMTU: underlayMTU, targets: PathTarget.choose(targets, for: nodeID),
            members: peers.map(\.address).sorted())
    }
}
