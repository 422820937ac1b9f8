package import Addressing
import EngineInterface
package import Model

/// A network of the swarm has addresses that a node says are in use where it is: from the network's containers on that node nobody reaches those. Or
/// addresses that are to be kept clear of there, as ``SubnetClaim/Kind`` says.
package struct NetworkConflict: Hashable, Sendable {
    /// The network's id and name.
    package var network: String
    package var networkName: String
    /// Its subnet that is concerned.
    package var subnet: IPNetwork
    /// The node's id and name.
    package var node: String
    package var nodeName: String
    package var claim: SubnetClaim
}

extension NetworkConflict {
    /// As events tell it: action `conflict` of the network, with the attributes `name`, `type`, `subnet`, `node`, `node.name`, and `route`, `resolver` or `avoided`.
    ///
    /// - Parameter others: How many more there are of the node that are not told.
    package func event(others: Int = 0) -> EngineEvent {
        var attributes = [
            "name": networkName, "node": node, "node.name": nodeName, "subnet": subnet.description, "type": "overlay",
        ]
        attributes[claim.kind.rawValue] =
            claim.kind == .resolver ? claim.subnet.address.description : claim.subnet.description
        if others > 0 { attributes["others"] = "\(others)" }
        return EngineEvent(
            type: "network", action: "conflict", actorID: network, attributes: attributes, scope: "swarm")
    }
}

/// Finds what of the swarm's networks overlaps what nodes say is in use. Pure.
package struct NetworkConflicts: Sendable {
    /// Events of one node at a time: it may say anything, and each of its words may concern every network.
    static let eventsOfNode = 16

    private let state: SwarmState

    package init(_ state: SwarmState) { self.state = state }

    /// How many nodes each network is in conflict with, by the network's id; networks without a conflict are left out.
    ///
    /// It costs a look at each node's claims, of which nearly all are those of other nodes, too.
    package var nodesByNetwork: [String: Int] {
        let networks = subnetsOfNetworks(state.networks.shared.map(\.value))
        let index = SubnetIndex(networks.keys)
        var known: [IPNetwork: Set<String>] = [:]
        var found: [String: Int] = [:]
        for node in state.nodes.shared {
            var ofNode: Set<String> = []
            for claim in node.value.description?.subnetClaims ?? [] {
                let met =
                    known[claim.subnet]
                    ?? Set(index.overlapping(claim.subnet).flatMap { networks[$0] ?? [] }.map(\.id))
                known[claim.subnet] = met
                ofNode.formUnion(met)
            }
            for network in ofNode { found[network, default: 0] += 1 }
        }
        return found
    }

    private func subnetsOfNetworks(_ networks: [SwarmNetwork]) -> [IPNetwork: [SwarmNetwork]] {
        var found: [IPNetwork: [SwarmNetwork]] = [:]
        for network in networks {
            for range in network.addressRanges { found[range.subnet, default: []].append(network) }
        }
        return found
    }

    /// All there are of some nodes with some networks, in a fixed order. The widest claim stands for others inside of it; what is in use stands for what is
    /// only kept clear of.
    func between(_ nodes: [Node], _ networks: [SwarmNetwork]) -> [NetworkConflict] {
        let subnets = subnetsOfNetworks(networks)
        let index = SubnetIndex(subnets.keys)
        if index.isEmpty { return [] }
        return nodes.sorted { $0.id < $1.id }.flatMap { node in
            let claims = (node.description?.subnetClaims ?? []).sorted {
                let (isFirst, isSecond) = ($0.kind == .avoided, $1.kind == .avoided)
                if isFirst != isSecond { return isSecond }
                return ($0.subnet.prefixLength, $0.subnet) < ($1.subnet.prefixLength, $1.subnet)
            }
            var seen: Set<IPNetwork> = []
            return claims.flatMap { claim in
                // What another claim has met already is one conflict with the node.
                index.overlapping(claim.subnet).filter { seen.insert($0).inserted }.flatMap { subnet in
                    (subnets[subnet] ?? []).sorted { $0.id < $1.id }.map { network in
                        NetworkConflict(
                            network: network.id, networkName: network.spec.name, subnet: subnet, node: node.id,
                            nodeName: node.spec.name ?? node.description?.hostname ?? node.id, claim: claim)
                    }
                }
            }
        }
    }

    /// Those that were not there before: of networks that are new, and of nodes that say something else.
    ///
    /// - Parameters:
    ///   - before: `nil` for a first look, to which all are new.
    ///   - changes: What may have changed since.
    package func new(since before: SwarmState?, _ changes: SwarmChanges) -> [NetworkConflict] {
        let networks = state.networks.shared.map(\.value)
        guard let before else { return between(state.nodes.shared.map(\.value), networks) }
        let newNetworks = changes.networks.compactMap { id -> SwarmNetwork? in
            guard let now = state.networks.shared(id)?.value else { return nil }
            let former = before.networks.shared(id)?.value
            return former?.addressRanges.map(\.subnet) == now.addressRanges.map(\.subnet) ? nil : now
        }
        var found = newNetworks.isEmpty ? [] : between(state.nodes.shared.map(\.value), newNetworks)
        let told = Set(newNetworks.map(\.id))
        for id in changes.nodes.sorted() {
            guard let now = state.nodes.shared(id)?.value else { continue }
            let former = before.nodes.shared(id)?.value
            guard
                former?.description?.routedSubnets != now.description?.routedSubnets
                    || former?.description?.avoidedSubnets != now.description?.avoidedSubnets
                    || former?.description?.resolvers != now.description?.resolvers
            else { continue }
            let present = between([now], networks.filter { !told.contains($0.id) })
            let known = Set(
                NetworkConflicts(before).between(former.map { [$0] } ?? [], before.networks.shared.map(\.value))
                    .map { [$0.network, $0.subnet.description] })
            found += present.filter { !known.contains([$0.network, $0.subnet.description]) }
        }
        return found
    }

    /// The same as events; of one node no more than a few.
    package func events(since before: SwarmState?, _ changes: SwarmChanges) -> [EngineEvent] {
        if before != nil, changes.nodes.isEmpty, changes.networks.isEmpty { return [] }
        let byNode = Dictionary(grouping: new(since: before, changes), by: \.node)
        return byNode.sorted { $0.key < $1.key }.flatMap { _, conflicts in
            let told = conflicts.prefix(Self.eventsOfNode)
            return told.enumerated().map { place, conflict in
                conflict.event(others: place == told.count - 1 ? conflicts.count - told.count : 0)
            }
        }
    }
}
