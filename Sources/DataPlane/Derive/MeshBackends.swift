import Addressing
import Model

/// Where connections to ports of the mesh go on the node that was called.
///
/// A task of this node is reached through its bridge, as a port in host mode is; the ingress sandbox and the overlay, which
/// cost a short connection a third more, are for tasks elsewhere.
extension NodeNetwork {
    /// As the node's table has them, see ``IngressSandbox/nodeBackends(of:_:)``.
    var meshAtNode: [MeshPort] {
        guard let ingress else { return [] }
        let localTargets = localTargets
        return ingress.ports.map { ingress.nodeBackends(of: $0, localTargets) }
    }

    /// As the ingress sandbox has them, see ``IngressSandbox/elsewhere(of:_:)``.
    var meshAtSandbox: [MeshPort] {
        guard let ingress else { return [] }
        let localTargets = localTargets
        return ingress.ports.map { ingress.elsewhere(of: $0, localTargets) }
    }

    /// Addresses in bridges of the node through which tasks of the mesh are reached, by their ingress addresses.
    var localTargets: [IPAddress: IPAddress] {
        Dictionary(sandboxes.flatMap(\.meshTargets).map { ($0.ingress, $0.localTarget) }) { first, _ in first }
    }
}

extension IngressSandbox {
    /// A port as the node's table has it: one turn for each task here, at its address in its bridge, and as many for the ingress
    /// sandbox as there are tasks elsewhere. Where all are elsewhere, one turn does. Never none: the sandbox refuses.
    ///
    /// By source, every task has its place in the order of their addresses, on every node and in the sandbox. A port that is local has no
    /// turns but those of tasks here; none at all refuses.
    func nodeBackends(of port: MeshPort, _ localTargets: [IPAddress: IPAddress]) -> MeshPort {
        var port = port
        let (isLocal, isBySource) = (port.reach?.isLocal == true, port.reach?.isBySource == true)
        port.backends = gatewayAddresses.hosts.all.flatMap { gateway in
            var backends = port.backends.filter { $0.address.family == gateway.family }
            if isLocal { backends = backends.filter { localTargets[$0.address] != nil } }
            if isBySource { backends.sort { $0.address < $1.address } }
            if isBySource || isLocal {
                return backends.map { backend in
                    localTargets[backend.address].map { MeshPort.Backend(address: $0, port: backend.port) }
                        ?? MeshPort.Backend(address: gateway, port: port.publishedPort)
                }
            }
            let here = backends.compactMap { backend in
                localTargets[backend.address].map { MeshPort.Backend(address: $0, port: backend.port) }
            }
            let sandbox = MeshPort.Backend(address: gateway, port: port.publishedPort)
            return here + Array(repeating: sandbox, count: here.isEmpty ? 1 : backends.count - here.count)
        }
        return port
    }

    /// A port as the ingress sandbox has it: the tasks elsewhere. Where there are none, those here: this and the node's table
    /// do not change in the same moment, and no connection is to be refused in between.
    func elsewhere(of port: MeshPort, _ localTargets: [IPAddress: IPAddress]) -> MeshPort {
        var port = port
        if port.reach?.isBySource == true {
            port.backends.sort { $0.address < $1.address }
            return port
        }
        let elsewhere = port.backends.filter { localTargets[$0.address] == nil }
        if !elsewhere.isEmpty { port.backends = elsewhere }
        return port
    }
}

extension Sandbox {
    /// A task's address in the ingress network, and the one in a bridge of the node whose gateway is its way out: answers
    /// to what comes in there go back there. One pair a family; none for what is not behind the mesh, or has no way out by a bridge.
    var meshTargets: [(ingress: IPAddress, localTarget: IPAddress)] {
        guard let mesh, let endpoint = endpoints.first(where: { $0.id == mesh.endpointID }),
            let exit = endpoints.first(where: { $0.id == defaultRouteEndpointID }), case .bridge = exit.network
        else { return [] }
        return IPFamily.allCases.compactMap { family in
            guard exit.gateways[family] != nil, let ingress = endpoint.addresses.hosts[family],
                let localTarget = exit.addresses.hosts[family]
            else { return nil }
            return (ingress, localTarget)
        }
    }
}
