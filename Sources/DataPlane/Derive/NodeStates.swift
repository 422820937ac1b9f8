import Addressing
import LinuxSystem
import Netlink

extension Derivation {
    /// The node's own namespace: bridges, the ports of their containers, `ip node` and `bridge guard`.
    func nodeState() -> DesiredNamespace {
        var state = DesiredNamespace()
        var guarded: [GuardTable.Port] = []
        state.set("net/ipv4/ip_forward", "1")
        for bridge in wanted.bridges {
            state.kernel.links[bridge.linkName] = LinkState(
                make: .bridge(options(of: bridge)),
                mtu: bridge.mtu, mac: bridge.mac, group: Layout.linkGroup,
                alias: Layout.alias("bridge", bridge.id))
            state.kernel.add(bridge.ownAddresses, to: bridge.linkName)
            for family in bridge.unaddressed {
                state.leftAlone.insert(LinkFamily(link: bridge.linkName, family: family))
            }
            state.set("net/ipv4/conf/\(bridge.linkName)/route_localnet", "1")
            state.set("net/ipv4/conf/\(bridge.linkName)/send_redirects", "0")
            if bridge.addresses.v6 != nil { state.addIPv6(of: bridge) }
        }
        addParents(to: &state)
        for sandbox in wanted.sandboxes {
            for endpoint in sandbox.endpoints {
                guard case .bridge(let id) = endpoint.network, let bridge = bridges[id] else { continue }
                let peer = PeerState(
                    namespace: layout.sandbox(sandbox.id), name: endpoint.interfaceName, mac: endpoint.mac,
                    mtu: bridge.mtu)
                let port = Layout.nodePort(endpoint.id)
                add(
                    port: port, alias: Layout.alias("endpoint", endpoint.id), of: bridge, peer,
                    endpoint.addresses.hosts, isContainer: true, to: &state)
                guarded.append(
                    GuardTable.Port(
                        link: port, mac: endpoint.mac, addresses: endpoint.addresses.hosts, isLax: endpoint.isLax,
                        isIsolated: !bridge.allowsInterContainer))
            }
        }
        if let ingress = wanted.ingress, let bridge = bridges[ingress.bridgeID] {
            let peer = PeerState(
                namespace: layout.ingress, name: Layout.gatewayInterface, mac: ingress.gatewayMAC, mtu: bridge.mtu)
            // Never isolated: containers of the bridge call the mesh through it.
            add(
                port: Layout.gatewayPort, alias: Layout.alias("gateway", "ingress"), of: bridge, peer,
                ingress.gatewayAddresses.hosts,
                isContainer: false, to: &state)
        }
        let kept = wanted.bridges.filter { !$0.allowsInterContainer }.map(\.mac)
        state.fixedTables = [
            NodeTable(.v4, wanted: wanted, ports: portsAtNode).table,
            GuardTable(
                ports: guarded, taken: addressesOfBridges, hasOthersLax: scopesWithLax.contains(.node),
                gates: Set(kept)
            ).table,
            AdministratorTable.table,
        ]
        if wanted.hasIPv6 { state.fixedTables.append(NodeTable(.v6, wanted: wanted, ports: portsAtNode).table) }
        return state
    }

    /// What a bridge's own containers say to each other passes the node's rules where these forbid it, and nowhere else: it takes a sixth of a short
    /// connection's time. That the host's parameter may ask for it on all bridges is the host's affair; what holds is the same either way.
    private func options(of bridge: BridgeNetwork) -> BridgeOptions {
        let callsRules = filtersBridges && !bridge.allowsInterContainer
        return BridgeOptions(
            multicastSnooping: false, callIPTables: callsRules,
            callIP6Tables: callsRules && bridge.addresses.v6 != nil, callARPTables: false)
    }

    /// What is somebody's in the node's bridges, and at the node's own local target: a member's address would be believed elsewhere.
    private var addressesOfBridges: Set<IPAddress> {
        var taken = Set(wanted.bridges.flatMap(\.ownAddresses.hosts.all)).union(wanted.underlay?.members ?? [])
        if let ingress = wanted.ingress { taken.formUnion(ingress.gatewayAddresses.hosts.all) }
        for endpoint in wanted.sandboxes.flatMap(\.endpoints) {
            if case .bridge = endpoint.network { taken.formUnion(endpoint.addresses.hosts.all) }
        }
        return taken
    }

    /// The port knows one MAC and accepts no other source; packets may leave by the port they came from, as same-bridge
    /// DNAT is bridged where br_netfilter is on. The node does not ask for the address: nobody can answer in its place.
    ///
    /// Containers that may not talk are kept apart by rules, or by the bridge where it cannot pass its packets to them; neither
    /// sees what is broadcast, which they get from nobody.
    private func add(
        port: String, alias: String, of bridge: BridgeNetwork, _ peer: PeerState, _ addresses: HostAddresses,
        isContainer: Bool, to state: inout DesiredNamespace
    ) {
        let isApart = isContainer && !bridge.allowsInterContainer
        state.kernel.links[port] = LinkState(
            make: .veth(peer), mtu: bridge.mtu, group: isContainer ? Layout.linkGroup : Layout.ownGroup, alias: alias,
            master: bridge.linkName,
            port: PortOptions(
                learning: false, locked: true, hairpin: true, unicastFlood: false, multicastFlood: !isApart,
                broadcastFlood: !isApart, isolated: isApart && !filtersBridges, groupForwardMask: PortOptions.allGroups)
        )
        state.kernel.forwarding[ForwardingKey(link: port, mac: peer.mac, owner: .master)] = ForwardingTarget()
        for address in addresses.all where !bridge.unaddressed.contains(address.family) {
            state.kernel.neighbours[NeighbourKey(link: bridge.linkName, address: address)] = peer.mac
        }
    }

    /// An overlay's namespace: a bridge of the local endpoints, and the tunnel that knows all others. An encrypted one has no other way out
    /// than to the process that encrypts.
    ///
    /// Where endpoints are kept apart, the bridge passes nothing between its ports, the tunnel's among them, and the guard nothing at all: what comes from a
    /// node that knows nothing of it ends here, too.
    func overlayState(
        _ overlay: OverlayNetwork, _ underlay: Underlay?, _ endpoints: [String: LocalEndpoint]
    ) -> DesiredNamespace {
        let local = endpoints.values
        var state = DesiredNamespace()
        state.set("net/bridge/bridge-nf-call-iptables", "0")
        state.set("net/bridge/bridge-nf-call-ip6tables", "0")
        state.set("net/bridge/bridge-nf-call-arptables", "0")
        state.set("net/ipv6/conf/default/addr_gen_mode", "1")
        state.set("net/ipv6/conf/default/accept_ra", "0")
        // A MAC of its own, which no endpoint can have: else it takes the lowest of its ports', which changes with them.
        state.kernel.links[Layout.overlayBridge] = LinkState(
            make: .bridge(
                BridgeOptions(
                    multicastSnooping: false, callIPTables: false, callIP6Tables: false, callARPTables: false)),
            mtu: overlay.mtu,
            mac: MACAddress(tag: EndpointTag(number: 0)))
        if let underlay {
            let tunnel = overlay.isEncrypted ? Layout.encryptedTunnel : Layout.overlayTunnel
            state.kernel.links[tunnel] = LinkState(
                make: overlay.isEncrypted
                    ? .tap : .vxlan(VXLANSettings(id: overlay.vni, local: underlay.address, port: underlay.port)),
                mtu: overlay.mtu, master: Layout.overlayBridge,
                // What the bridge does not know goes to the tunnel, and ARP as well: it answers.
                port: PortOptions(
                    learning: false, locked: false, hairpin: false, unicastFlood: true, multicastFlood: true,
                    broadcastFlood: true, isolated: overlay.keepsEndpointsApart))
        }
        for endpoint in local {
            state.kernel.links[endpoint.port] = LinkState(
                make: .veth(
                    PeerState(
                        namespace: endpoint.namespace, name: endpoint.interface, mac: endpoint.mac, mtu: overlay.mtu)),
                mtu: overlay.mtu, group: endpoint.isGuarded ? Layout.linkGroup : Layout.ownGroup,
                master: Layout.overlayBridge,
                port: PortOptions(
                    learning: false, locked: true, hairpin: false, unicastFlood: false, multicastFlood: true,
                    broadcastFlood: true, isolated: overlay.keepsEndpointsApart,
                    groupForwardMask: PortOptions.allGroups))
            state.kernel.forwarding[ForwardingKey(link: endpoint.port, mac: endpoint.mac, owner: .master)] =
                ForwardingTarget()
        }
        state.fixedTables = [guarding(overlay, Array(local)).table]
        guard underlay != nil else { return state }
        let here = Set(local.map(\.mac))
        for remote in overlay.remotes.values where !here.contains(remote.mac) {
            let behind = ForwardingKey.behindTunnel(remote.mac, isEncrypted: overlay.isEncrypted)
            state.kernel.forwarding[behind] = ForwardingTarget()
        }
        // At which node, and what answers ARP, the process that encrypts is told.
        if overlay.isEncrypted { return state }
        for remote in overlay.remotes.values {
            state.kernel.forwarding[.tunnel(remote.mac)] = ForwardingTarget(remote: remote.vtep)
            for address in remote.addresses.all {
                state.kernel.neighbours[NeighbourKey(link: Layout.overlayTunnel, address: address)] = remote.mac
            }
        }
        return state
    }

    private func guarding(_ overlay: OverlayNetwork, _ local: [LocalEndpoint]) -> GuardTable {
        let guarded = local.filter(\.isGuarded).map { endpoint in
            GuardTable.Port(
                link: endpoint.port, mac: endpoint.mac, addresses: endpoint.addresses,
                isLax: endpoint.isLax, isIsolated: false)
        }
        let taken = overlay.reserved.union(overlay.remotes.values.flatMap(\.addresses.all))
            .union(local.flatMap(\.addresses.all))
        return GuardTable(
            ports: guarded, taken: taken, hasOthersLax: scopesWithLax.contains(.overlay(overlay.id)), gates: [],
            hearsGroups: false, passesNothing: overlay.keepsEndpointsApart)
    }

    /// The ingress sandbox: an endpoint of the ingress overlay and of docker_gwbridge.
    func ingressState(_ ingress: IngressSandbox, overlayMTU: Int, _ bridge: BridgeNetwork?) -> DesiredNamespace {
        var state = DesiredNamespace()
        let endpoint = Layout.ingressInterface
        let inBridge = Layout.gatewayInterface
        state.setIngressParameters(at: [endpoint, inBridge])
        let isDual = ingress.addresses.v6 != nil
        if isDual {
            state.enableIPv6()
            state.set(forwarding6Parameter, "1")
        } else {
            state.set("net/ipv6/conf/default/accept_ra", "0")
            state.set("net/ipv6/conf/default/accept_dad", "0")
        }
        state.set("net/netfilter/nf_conntrack_tcp_be_liberal", "1")
        state.keepHalfClosed()
        for link in [endpoint, inBridge] {
            // It may be of a time when the sandbox had IPv4 alone.
            for name in isDual ? ["disable_ipv6", "accept_ra"] : [] { state.set("net/ipv6/conf/\(link)/\(name)", "0") }
        }
        state.kernel.links[endpoint] = LinkState(
            make: .inner, mtu: overlayMTU, mac: MACAddress(tag: ingress.tag))
        state.kernel.add(ingress.addresses, to: endpoint)
        state.kernel.add(ingress.gatewayAddresses, to: inBridge)
        if let bridge {
            state.kernel.links[inBridge] = LinkState(
                make: .inner, mtu: bridge.mtu, mac: ingress.gatewayMAC)
            for gateway in bridge.addresses.hosts.all where ingress.families.contains(gateway.family) {
                state.kernel.addRoute(through: gateway, link: inBridge)
                state.kernel.neighbours[NeighbourKey(link: inBridge, address: gateway)] = bridge.mac
            }
        }
        state.fixedTables = ingress.families.map { IngressTable($0, ingress: ingress).table }
        return state
    }
}

extension DesiredNamespace {
    /// What an ingress sandbox relies on in IPv4, at these links.
    mutating func setIngressParameters(at links: [String]) {
        set("net/ipv4/ip_forward", "1")
        set("net/ipv4/conf/all/rp_filter", "0")
        set("net/ipv4/conf/all/send_redirects", "0")
        set("net/ipv4/conf/all/accept_redirects", "0")
        set("net/ipv4/conf/default/accept_redirects", "0")
        for link in links {
            set("net/ipv4/conf/\(link)/rp_filter", "1")
            set("net/ipv4/conf/\(link)/send_redirects", "0")
        }
    }

    /// The node forwards IPv6, the bridge has it whatever links have by default, and takes nobody for a router.
    fileprivate mutating func addIPv6(of bridge: BridgeNetwork) {
        set(forwarding6Parameter, "1")
        // Nor a link-local one, where it is to have none.
        set("net/ipv6/conf/\(bridge.linkName)/disable_ipv6", bridge.unaddressed.contains(.v6) ? "1" : "0")
        set("net/ipv6/conf/\(bridge.linkName)/accept_ra", "0")
    }
}
