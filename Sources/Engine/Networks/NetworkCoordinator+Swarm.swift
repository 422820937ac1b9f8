import Addressing
import Concurrency
import DataPlane
import EngineInterface
import Logging
import Model
import PathProbes
import Synchronization

/// What the swarm has said, and what this node is in it.
extension NetworkCoordinator {
    var isInSwarm: Bool { state.withLock { $0.composer.facts != nil } }
    /// Everything that managers have told; `nil` outside of a swarm. To be let go of soon: changes cost more as long as it is held.
    var facts: NetworkFacts? { state.withLock { $0.composer.facts } }
    /// Subnets of the swarm's networks.
    var swarmSubnets: [IPNetwork] { state.withLock { $0.composer.facts?.allSubnets ?? [] } }
    /// One of the swarm's networks that the node takes part in.
    func swarmNetwork(_ id: String) -> NetworkFacts.Network? { state.withLock { $0.composer.facts?.networks[id] } }
    /// The swarm's network for what comes from outside.
    var ingressNetwork: SwarmNetwork? {
        state.withLock { state in
            state.composer.ingressID.flatMap { state.composer.facts?.networks[$0]?.network }
        }
    }

    /// This node as the swarm knows it.
    var ownPeer: SwarmNetworkState.Peer? {
        state.withLock { state in state.composer.nodeID.flatMap { state.composer.facts?.peers[$0] } }
    }

    /// A member of the swarm.
    func peer(_ nodeID: String) -> SwarmNetworkState.Peer? { state.withLock { $0.composer.facts?.peers[nodeID] } }

    /// Takes everything that managers have told in place of what they told before; `nil` when the node has left. The next refresh carries it out.
    func setSwarm(_ facts: NetworkFacts?, nodeID: String?, underlayMTU: Int) {
        state.withLock { state in
            state.composer.set(facts: facts)
            state.composer.nodeID = nodeID
            state.composer.underlayMTU = underlayMTU
            state.pending.isWhole = true
            state.names.reset(facts)
        }
    }

    /// The node is in a swarm from now on, under this id.
    /// - Returns: Whether that is new.
    func enter(_ nodeID: String) -> Bool {
        state.withLock { state in
            if state.composer.facts != nil, state.composer.nodeID == nodeID { return false }
            if state.composer.facts == nil { state.composer.set(facts: NetworkFacts()) }
            state.composer.nodeID = nodeID
            state.pending.isWhole = true
            return true
        }
    }

    /// Takes what managers tell. The next refresh carries it out.
    /// - Returns: Keys of the facts that are different now.
    func apply(_ sets: [NetworkChangeSet]) -> Set<NetworkFact.Key> {
        state.withLock { state in
            let changed = state.composer.apply(sets)
            state.pending.parts.formUnion(changed.parts)
            state.pending.facts.formUnion(changed.facts)
            return changed.facts
        }
    }

    /// These facts as they are now; `nil` for one that is no more.
    func present(_ keys: Set<NetworkFact.Key>) -> [NetworkFact.Key: NetworkFact?] {
        state.withLock { state in
            Dictionary(keys.map { ($0, state.composer.facts?.fact($0)) }) { first, _ in first }
        }
    }

    /// The MTU of the link that carries VXLAN.
    var underlayMTU: Int { state.withLock { $0.composer.underlayMTU } }

    /// Takes another MTU of the link that carries VXLAN.
    func setUnderlayMTU(_ mtu: Int) {
        state.withLock { state in
            if state.composer.underlayMTU == mtu { return }
            state.composer.underlayMTU = mtu
            state.pending.isWhole = true
        }
    }

    /// Which ways to other nodes are measured; `nil` where there are none.
    var pathDemand: PathDemand? { state.withLock { $0.composer.pathDemand() } }
    /// The same of encrypted ones.
    var encryptedPathDemand: PathDemand? { state.withLock { $0.composer.encryptedPathDemand() } }

    /// Opens the ports at which what is encrypted arrives, whenever they are others. Until cancelled.
    func followEncryption() async throws {
        var known = 0
        while true {
            known = try await encryption.ports.wait { [known] in $0 != known ? $0 : nil }
            let ports = known
            state.withLock { state in
                state.composer.encryptedPorts = ports
                state.pending.parts.insert(.underlay)
            }
            do { try await refresh() } catch {
                try Task.checkCancellation()
                log.error("ports of encrypted networks are not open yet", metadata: ["error": "\(error)"])
            }
        }
    }
}
