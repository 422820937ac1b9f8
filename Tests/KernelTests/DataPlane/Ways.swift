import Addressing
import Model
import TestKit
import Testing

@testable import DataPlane

/// How the nodes of a world are led from what they were told last to what they are told next.
enum Way: CaseIterable, Sendable {
    /// Everything is told again, and derived.
    case whole
    /// What differs is told, within parts where these stay, as managers tell it.
    case changes
}

extension World {
    /// Brings a node to its part.
    func lead(_ node: Node, to network: NodeNetwork) async throws -> ApplyReport {
        if way == .whole { return try await node.plane.reconcile(network) }
        let network = network.withServicesOfOverlay
        let former = told.withLock { $0.updateValue(network, forKey: node.number) }
        guard let former else { return try await node.plane.reconcile(network) }
        return try await node.plane.apply(NetworkChanges(within: former, to: network))
    }

    /// The kernel is as the whole derivation wants it, which the comparison makes.
    func expectAsDerived() async throws {
        for node in nodes {
            let found = try await node.plane.resync(reason: "test")
            #expect(found.isClean, "\(way), node \(node.number): \(found.repairs) \(found.failures)")
        }
    }
}

extension NodeNetwork {
    /// With the addresses of services where nodes of a swarm have them: at the overlay that all tasks are in, and not at each task.
    fileprivate var withServicesOfOverlay: NodeNetwork {
        var network = self
        let services = sandboxes.flatMap(\.services)
        for place in network.sandboxes.indices { network.sandboxes[place].services = [] }
        for place in network.overlays.indices where network.overlays[place].id == "app" {
            network.overlays[place].services += services
        }
        return network
    }
}

extension NetworkChanges {
    /// What leads from one network to another, as small as it can be told: rows before what leads to them, what goes after what has come.
    init(within old: NodeNetwork, to new: NodeNetwork) {
        self.init()
        var (leading, parting, going) = (NetworkChanges(), NetworkChanges(), NetworkChanges())
        for overlay in new.overlays {
            guard let before = old.overlays.first(where: { $0.id == overlay.id }) else { continue }
            for (address, endpoint) in overlay.remotes.sorted(by: { $0.key < $1.key })
            where before.remotes[address] != endpoint {
                setRemote(endpoint, in: overlay.id)
            }
            for address in before.remotes.keys.sorted() where overlay.remotes[address] == nil {
                going.removeRemote(address, from: overlay.id)
            }
            Self.tell(overlay.id, before.tasks, overlay.tasks, &leading, &parting)
        }
        if let before = old.ingress?.ports, let after = new.ingress?.ports {
            Self.tell(before, after, &leading, &parting)
        }
        for later in [leading, parting, going] { merge(later) }
        // What is not within parts is told by part.
        var reached = old
        reached.apply(self)
        var target = new.numbered(like: reached)
        if let ports = reached.ingress?.ports, let wanted = target.ingress?.ports, ports.byKey == wanted.byKey {
            target.ingress?.ports = ports
        }
        merge(NetworkChanges(from: reached, to: target))
    }

    /// Of the services of an overlay.
    private static func tell(
        _ overlay: String, _ before: [IPAddress: [IPAddress]], _ after: [IPAddress: [IPAddress]],
        _ leading: inout NetworkChanges, _ parting: inout NetworkChanges
    ) {
        for (service, tasks) in after.sorted(by: { $0.key < $1.key }) {
            let known = before[service] ?? []
            if before[service] == nil { leading.setService(service, in: overlay) }
            for task in tasks where !known.contains(task) { leading.setBackend(task, of: service, in: overlay) }
            for task in known where !tasks.contains(task) { parting.removeBackend(task, of: service, in: overlay) }
        }
        for service in before.keys.sorted() where after[service] == nil {
            parting.removeService(service, from: overlay)
        }
    }

    /// Of the mesh. A port that answers otherwise from now on is told anew.
    private static func tell(
        _ before: [MeshPort], _ after: [MeshPort], _ leading: inout NetworkChanges, _ parting: inout NetworkChanges
    ) {
        let (known, wanted) = (before.byKey, after.byKey)
        for port in after {
            let (transport, number) = (port.transport, port.publishedPort)
            let old = known[port.key]
            if let old, old.reach == port.reach, old.lastPort == port.lastPort {
                for backend in port.backends where !old.backends.contains(backend) {
                    leading.setMeshBackend(backend, of: transport, number)
                }
                for backend in old.backends where !port.backends.contains(backend) {
                    parting.removeMeshBackend(backend, of: transport, number)
                }
                continue
            }
            if old != nil { leading.removePort(transport, number) }
            leading.setPort(transport, number, reach: port.reach, last: port.lastPort)
            for backend in port.backends { leading.setMeshBackend(backend, of: transport, number) }
        }
        for port in before where wanted[port.key] == nil { parting.removePort(port.transport, port.publishedPort) }
    }
}

extension [MeshPort] {
    fileprivate var byKey: [MeshPortKey: MeshPort] { Dictionary(map { ($0.key, $0) }) { first, _ in first } }
}
