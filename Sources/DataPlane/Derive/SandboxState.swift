import Addressing
import LinuxSystem
import Netlink

extension Derivation {
    /// A container's namespace. Only what is ours in it: the container may add to it.
    func sandboxState(_ sandbox: Sandbox, _ networks: [NetworkTraits]) -> DesiredNamespace {
        var state = DesiredNamespace()
        state.set("net/ipv4/conf/all/accept_redirects", "0")
        state.set("net/ipv4/conf/default/accept_redirects", "0")
        if sandbox.endpoints.contains(where: { $0.addresses.v6 != nil }) { state.enableIPv6() }
        for (endpoint, network) in zip(sandbox.endpoints, networks) {
            state.kernel.links[endpoint.interfaceName] =
                network.parent.map { Self.link(of: endpoint, on: $0) }
                ?? LinkState(make: .inner, mtu: network.mtu, mac: endpoint.mac)
            state.kernel.add(endpoint.addresses, to: endpoint.interfaceName)
            // A bridge's MAC is known, so nobody needs to be asked, and nobody can answer in its place.
            if let mac = network.gatewayMAC {
                for gateway in endpoint.gateways.all where !network.unaddressed.contains(gateway.family) {
                    state.kernel.neighbours[NeighbourKey(link: endpoint.interfaceName, address: gateway)] = mac
                }
            }
        }
        let exit = sandbox.endpoints.first { $0.id == sandbox.defaultRouteEndpointID }
        if let exit {
            let isRouted = zip(sandbox.endpoints, networks).contains { $0.id == exit.id && $1.parent?.isRouted == true }
            for gateway in exit.gateways.all {
                if isRouted {
                    state.kernel.addRoute(on: exit.interfaceName, gateway.family)
                } else {
                    state.kernel.addRoute(through: gateway, link: exit.interfaceName)
                }
            }
        }
        if let exit = sandbox.endpoints.first(where: { $0.id == sandbox.defaultRoute6EndpointID }),
            let gateway = exit.gateways[.v6]
        {
            state.kernel.addRoute(through: gateway, link: exit.interfaceName)
        }
        let callsServices = sandbox.endpoints.contains { if case .overlay = $0.network { true } else { false } }
        if callsServices || !sandbox.services.isEmpty {
            state.services = ServiceTable(
                own: sandbox.services, networks: networks.map(\.tasks),
                hasIPv6: sandbox.endpoints.contains { endpoint in
                    if case .overlay = endpoint.network { endpoint.addresses.v6 != nil } else { false }
                })
            state.keepHalfClosed()
        }
        if let resolver = sandbox.resolver { state.fixedTables.append(ResolverTable(ports: resolver).table) }
        if let mesh = sandbox.mesh, let endpoint = sandbox.endpoints.first(where: { $0.id == mesh.endpointID }) {
            add(
                mesh, at: endpoint, answering: sandbox.waysOut,
                isOnlyWay: sandbox.defaultRouteEndpointID == nil && sandbox.defaultRoute6EndpointID == nil, to: &state)
        }
        return state
    }

    /// Replies to what came through the mesh go back to the node it came from, by their mark.
    ///
    /// Where nothing else leads out, there is a route to the ingress network's gateway besides, which is nobody: a socket that has no mark yet, as one of UDP
    /// that is not connected, is told where to send only after it has found a route. What is no reply is refused there.
    private func add(
        _ mesh: MeshMembership, at endpoint: Sandbox.Endpoint, answering answer: HostAddresses,
        isOnlyWay: Bool, to state: inout DesiredNamespace
    ) {
        let interface = endpoint.interfaceName
        state.setMeshParameters(at: interface)
        if endpoint.addresses.v6 != nil { state.set("net/ipv6/fwmark_reflect", "1") }
        state.set("net/netfilter/nf_conntrack_tcp_be_liberal", "1")
        state.keepHalfClosed()
        for gateway in mesh.gateways.all where isOnlyWay {
            state.kernel.addRoute(through: gateway, link: interface)
        }
        for gateway in mesh.gateways.all {
            state.kernel.neighbours[NeighbourKey(link: interface, address: gateway)] = mesh.gatewayMAC
            state.kernel.addRoute(through: gateway, link: interface, table: Layout.meshTable)
            state.kernel.rules.insert(
                Rule(
                    priority: Layout.meshTable, table: Layout.meshTable, mark: mesh.tags.base.mark,
                    markMask: mesh.tags.mask.mark, family: gateway.family))
        }
        state.fixedTables +=
            MeshTables(
                interface: interface, addresses: endpoint.addresses.hosts, answers: answer, ports: mesh.targetPorts,
                isOnlyWay: isOnlyWay
            ).tables
    }
}

extension Sandbox {
    /// Its addresses at the ways out, of each family that has one.
    fileprivate var waysOut: HostAddresses {
        func address(_ id: String?, _ family: IPFamily) -> IPAddress? {
            guard let exit = endpoints.first(where: { $0.id == id }), exit.gateways[family] != nil else { return nil }
            return exit.addresses.hosts[family]
        }
        let six = defaultRoute6EndpointID ?? defaultRouteEndpointID
        return HostAddresses([address(defaultRouteEndpointID, .v4), address(six, .v6)].compactMap { $0 })
    }
}

extension DesiredNamespace {
    /// What a task behind the mesh relies on in IPv4, at its interface there.
    mutating func setMeshParameters(at interface: String) {
        set("net/ipv4/conf/all/rp_filter", "0")
        set("net/ipv4/conf/\(interface)/rp_filter", "0")
        set("net/ipv4/tcp_fwmark_accept", "1")
        set("net/ipv4/fwmark_reflect", "1")
    }

    /// Interfaces get their own link-local address and those that they are given, and take no others from whoever advertises a router. What
    /// a new namespace has is the kernel's own or the node's (`devconf_inherit_init_net`), so all that is relied on is set.
    mutating func enableIPv6() {
        for scope in ["all", "default"] { set("net/ipv6/conf/\(scope)/accept_redirects", "0") }
        set("net/ipv6/conf/default/disable_ipv6", "0")
        set("net/ipv6/conf/default/accept_ra", "0")
        set("net/ipv6/conf/default/accept_dad", "0")
        // The MAC's: no other may be used, see `GuardTable`.
        set("net/ipv6/conf/default/addr_gen_mode", "0")
    }
}
