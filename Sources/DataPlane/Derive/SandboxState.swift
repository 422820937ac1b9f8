import Addressing
import LinuxSystem
import Netlink

extension Derivation {
    /// A container's namespace. Only what is ours in it: the container may add to it.
    func sandboxState(_ sandbox: Sandbox, _ mtus: [Int]) -> WantedNamespace {
        var state = WantedNamespace()
        state.set("net/ipv4/conf/all/accept_redirects", "0")
        state.set("net/ipv4/conf/default/accept_redirects", "0")
        for (endpoint, mtu) in zip(sandbox.endpoints, mtus) {
            state.kernel.links[endpoint.interfaceName] = LinkState(make: .inner, mtu: mtu, mac: endpoint.mac)
            state.kernel.addresses.insert(AddressState(link: endpoint.interfaceName, network: endpoint.address))
            // A bridge's MAC follows from its address, so nobody needs to be asked, and nobody can answer in its place.
            if case .bridge = endpoint.network, let gateway = endpoint.gateway {
                state.kernel.neighbours[NeighbourKey(link: endpoint.interfaceName, address: gateway)] =
                    MACAddress(for: gateway)
            }
        }
        let exit = sandbox.endpoints.first { $0.id == sandbox.defaultRouteEndpointID }
        if let exit, let gateway = exit.gateway {
            state.kernel.routes[RouteKey()] = RouteState(gateway: gateway, link: exit.interfaceName)
        }
        let callsServices = sandbox.endpoints.contains { if case .overlay = $0.network { true } else { false } }
        if callsServices || !sandbox.services.isEmpty {
            state.tables.append(ServiceTable(services: sandbox.services).table)
        }
        if let resolver = sandbox.resolver { state.tables.append(ResolverTable(ports: resolver).table) }
        if let mesh = sandbox.mesh, let endpoint = sandbox.endpoints.first(where: { $0.id == mesh.endpointID }) {
            add(mesh, at: endpoint, answering: exit?.address.address ?? endpoint.address.address, to: &state)
        }
        return state
    }

    /// Replies to what came through the mesh go back to the node it came from, by their mark.
    private func add(
        _ mesh: MeshMembership, at endpoint: Sandbox.Endpoint, answering answer: IPv4Address,
        to state: inout WantedNamespace
    ) {
        let interface = endpoint.interfaceName
        state.set("net/ipv4/conf/all/rp_filter", "0")
        state.set("net/ipv4/tcp_fwmark_accept", "1")
        state.set("net/ipv4/fwmark_reflect", "1")
        state.set("net/netfilter/nf_conntrack_tcp_be_liberal", "1")
        state.set("net/ipv4/conf/\(interface)/rp_filter", "0")
        state.kernel.neighbours[NeighbourKey(link: interface, address: mesh.gateway)] = MACAddress(for: mesh.gateway)
        state.kernel.routes[RouteKey(table: Layout.meshTable)] = RouteState(gateway: mesh.gateway, link: interface)
        state.kernel.rules.insert(
            Rule(
                priority: Layout.meshTable, table: Layout.meshTable, mark: endpoint.address.first.inMemory,
                markMask: endpoint.address.mask.inMemory))
        state.tables +=
            MeshTables(
                interface: interface, address: endpoint.address.address, answerAddress: answer, ports: mesh.targetPorts
            ).tables
    }
}
