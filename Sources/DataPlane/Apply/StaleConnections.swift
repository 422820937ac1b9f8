import Addressing
import Model
import Netlink

/// Which tracked connections lead to what is no more, told from the wanted value alone: what went while no daemon was
/// there is in no earlier value, see ``ConnectionEnds``.
///
/// Only what was translated into a network of ours counts, and what called a service's address and was not. A backend that is
/// drained is still an endpoint and stays; an address that stands behind another service or port by now does not.
struct StaleConnections: Sendable {
    private struct Port: Hashable { let transport: TransportProtocol, number: UInt16 }

    /// Endpoints of overlays, wherever they are, and of bridges.
    private var present: Set<IPAddress> = []
    /// Subnets of the overlays that a sandbox, by its id, is in.
    private var overlays: [String: [IPNetwork]] = [:]
    /// Service addresses that a sandbox may call, by what stands behind them.
    private var services: [String: [IPAddress: Set<IPAddress>]] = [:]
    private var virtual: [String: Set<IPAddress>] = [:]
    private let ingress: IngressSandbox?
    /// Ports of the mesh by what stands behind them, as the ingress sandbox and as the node have them.
    private var atSandbox: [IPAddress: Set<Port>] = [:]
    private var atNode: [IPAddress: Set<Port>] = [:]
    private var meshPorts: Set<Port> = []
    /// Those in a row, by their first.
    private var rows: [(row: PortRow, first: Port)] = []
    private let bridges: [IPNetwork]
    private let gateways: Set<IPAddress>

    init(_ wanted: NodeNetwork) {
        ingress = wanted.ingress
        bridges = wanted.bridges.flatMap(\.addresses.all).map(\.masked)
        gateways = Set(wanted.bridges.flatMap(\.addresses.hosts.all))
        present = Set(wanted.overlays.flatMap(\.remotes.values).flatMap(\.addresses.all))
        let byOverlay = Dictionary(wanted.overlays.map { ($0.id, $0.tasks) }) { first, _ in first }
        func tasks(behind sandbox: Sandbox, _ byOverlay: [String: [IPAddress: [IPAddress]]])
            -> [(address: IPAddress, backends: [IPAddress])]
        {
            sandbox.services.map { ($0.address, $0.backends) }
                + sandbox.overlayIDs.flatMap { (byOverlay[$0] ?? [:]).map { ($0.key, $0.value) } }
        }
        for sandbox in wanted.sandboxes {
            present.formUnion(sandbox.endpoints.flatMap(\.addresses.hosts.all))
            overlays[sandbox.id] = sandbox.endpoints.flatMap { endpoint -> [IPNetwork] in
                if case .overlay = endpoint.network { endpoint.addresses.all.map(\.masked) } else { [] }
            }
            let tasks = tasks(behind: sandbox, byOverlay)
            virtual[sandbox.id] = Set(tasks.map(\.address))
            for (address, backends) in tasks {
                for backend in backends { services[sandbox.id, default: [:]][backend, default: []].insert(address) }
            }
        }
        // All of them: the table here has those of this node as well for a while.
        for port in wanted.ingress?.ports ?? [] {
            for backend in port.backends { atSandbox[backend.address, default: []].insert(Self.key(port)) }
        }
        for port in wanted.meshAtNode {
            meshPorts.insert(Self.key(port))
            if port.isRow { rows.append((PortRow(port.transport, port.publishedPorts), Self.key(port))) }
            for backend in port.backends { atNode[backend.address, default: []].insert(Self.key(port)) }
        }
    }

    private static func key(_ port: MeshPort) -> Port { Port(transport: port.transport, number: port.publishedPort) }

    func contains(_ connection: TrackedConnection, in scope: Scope) -> Bool {
        let (called, reached) = (connection.original.destination, connection.endpoint)
        if called == reached { return isUnled(connection, in: scope) }
        switch scope {
        case .sandbox(let id):
            guard overlays[id]?.contains(where: { $0.contains(reached) }) == true else { return false }
            return !present.contains(reached) || services[id]?[reached].map { !$0.contains(called) } == true
        case .ingress:
            guard let ingress, ingress.gatewayAddresses.hosts.contains(called),
                ingress.addresses.all.contains(where: { $0.contains(reached) }),
                let port = port(connection)
            else { return false }
            return !present.contains(reached) || atSandbox[reached].map { !$0.contains(port) } == true
        case .node:
            guard let port = port(connection) else { return false }
            if ingress?.gatewayAddresses.hosts.contains(reached) == true { return !meshPorts.contains(port) }
            guard bridges.contains(where: { $0.contains(reached) }), !gateways.contains(reached) else { return false }
            if !present.contains(reached) { return true }
            // Others than we may lead other ports to what is there.
            return meshPorts.contains(port) && atNode[reached].map { !$0.contains(port) } == true
        case .overlay: return false
        }
    }

    /// Came while the rules were missing that lead it somewhere. On the node its own addresses say more, see ``EndedConnections``.
    private func isUnled(_ connection: TrackedConnection, in scope: Scope) -> Bool {
        let called = connection.original.destination
        switch scope {
        case .sandbox(let id): return virtual[id]?.contains(called) == true
        case .ingress:
            return ingress?.gatewayAddresses.hosts.contains(called) == true
                && port(connection).map(meshPorts.contains) == true
        case .node, .overlay: return false
        }
    }

    /// Of a row its first.
    private func port(_ connection: TrackedConnection) -> Port? {
        guard let transport = connection.transport else { return nil }
        let number = connection.original.destinationPort
        let row = rows.first { $0.row.transport == transport && $0.row.ports.contains(number) }
        return row?.first ?? Port(transport: transport, number: number)
    }
}

extension Scope {
    /// Whether destinations are changed there.
    var translates: Bool { if case .overlay = self { false } else { true } }
}
