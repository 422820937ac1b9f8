import Addressing
import LinuxSystem
import Netlink

extension Derivation {
    /// The node's own namespace: bridges, the ports of their containers, `ip swarm`.
    func nodeState() -> WantedNamespace {
        var state = WantedNamespace()
        state.set("net/ipv4/ip_forward", "1")
        for bridge in wanted.bridges {
            let callsRules = filtersBridges && !bridge.allowsInterContainer
            state.kernel.links[bridge.linkName] = LinkState(
                make: .bridge(BridgeOptions(multicastSnooping: false, callIPTables: callsRules ? true : nil)),
                mtu: bridge.mtu, mac: MACAddress(for: bridge.gateway.address), group: Layout.linkGroup,
                alias: Layout.alias("bridge", bridge.id))
            state.kernel.addresses.insert(AddressState(link: bridge.linkName, network: bridge.gateway))
            state.set("net/ipv4/conf/\(bridge.linkName)/route_localnet", "1")
            state.set("net/ipv4/conf/\(bridge.linkName)/send_redirects", "0")
        }
        for sandbox in wanted.sandboxes {
            for endpoint in sandbox.endpoints {
                guard case .bridge(let id) = endpoint.network, let bridge = bridges[id] else { continue }
                let peer = PeerState(
                    namespace: layout.sandbox(sandbox.id), name: endpoint.interfaceName, mac: endpoint.mac,
                    mtu: bridge.mtu)
                add(
                    port: Layout.nodePort(endpoint.id), alias: Layout.alias("endpoint", endpoint.id), of: bridge, peer,
                    isolated: !filtersBridges && !bridge.allowsInterContainer, to: &state)
            }
        }
        if let ingress = wanted.ingress, let bridge = bridges[ingress.bridgeID] {
            let peer = PeerState(
                namespace: layout.ingress, name: Layout.legInterface, mac: MACAddress(for: ingress.leg.address),
                mtu: bridge.mtu)
            // Never isolated: containers of the bridge call the mesh through it.
            add(
                port: Layout.legPort, alias: Layout.alias("leg", "ingress"), of: bridge, peer, isolated: false,
                to: &state)
        }
        state.tables = [NodeTable(wanted: wanted).table]
        return state
    }

    /// The port knows one MAC and accepts no other source; packets may leave by the port they came from, as same-bridge
    /// DNAT is bridged where br_netfilter is on.
    private func add(
        port: String, alias: String, of bridge: BridgeNetwork, _ peer: PeerState, isolated: Bool,
        to state: inout WantedNamespace
    ) {
        state.kernel.links[port] = LinkState(
            make: .veth(peer), mtu: bridge.mtu, group: Layout.linkGroup, alias: alias, master: bridge.linkName,
            port: PortOptions(
                learning: false, locked: true, hairpin: true, unicastFlood: false, multicastFlood: true,
                broadcastFlood: true, isolated: isolated))
        state.kernel.forwarding[ForwardingKey(link: port, mac: peer.mac, owner: .master)] = ForwardingTarget()
    }

    /// An overlay's namespace: a bridge of the local endpoints, and the tunnel that knows all others.
    func overlayState(_ overlay: OverlayNetwork, _ underlay: Underlay?, _ local: [LocalEndpoint]) -> WantedNamespace {
        var state = WantedNamespace()
        state.set("net/bridge/bridge-nf-call-iptables", "0")
        state.set("net/bridge/bridge-nf-call-ip6tables", "0")
        state.set("net/bridge/bridge-nf-call-arptables", "0")
        state.set("net/ipv6/conf/default/addr_gen_mode", "1")
        state.set("net/ipv6/conf/default/accept_ra", "0")
        state.kernel.links[Layout.overlayBridge] = LinkState(
            make: .bridge(BridgeOptions(multicastSnooping: false)), mtu: overlay.mtu)
        if let underlay {
            state.kernel.links[Layout.overlayTunnel] = LinkState(
                make: .vxlan(VXLANSettings(id: overlay.vni, local: underlay.address, port: underlay.port)),
                mtu: overlay.mtu, master: Layout.overlayBridge,
                // What no local port has goes to the tunnel, and ARP as well: it answers.
                port: PortOptions(
                    learning: false, locked: false, hairpin: false, unicastFlood: true, multicastFlood: true,
                    broadcastFlood: true, isolated: false))
        }
        for endpoint in local {
            let mac = MACAddress(for: endpoint.address)
            state.kernel.links[endpoint.port] = LinkState(
                make: .veth(
                    PeerState(namespace: endpoint.namespace, name: endpoint.interface, mac: mac, mtu: overlay.mtu)),
                mtu: overlay.mtu, master: Layout.overlayBridge,
                port: PortOptions(
                    learning: false, locked: true, hairpin: false, unicastFlood: false, multicastFlood: true,
                    broadcastFlood: true, isolated: false))
            state.kernel.forwarding[ForwardingKey(link: endpoint.port, mac: mac, owner: .master)] = ForwardingTarget()
        }
        guard underlay != nil else { return state }
        for remote in overlay.remoteEndpoints {
            let mac = MACAddress(for: remote.address)
            let key = ForwardingKey(link: Layout.overlayTunnel, mac: mac, owner: .device)
            state.kernel.forwarding[key] = ForwardingTarget(remote: remote.vtep)
            state.kernel.neighbours[NeighbourKey(link: Layout.overlayTunnel, address: remote.address)] = mac
        }
        return state
    }

    /// The ingress sandbox: an endpoint of the ingress overlay with a leg in docker_gwbridge.
    func ingressState(_ ingress: IngressSandbox, overlayMTU: Int, _ bridge: BridgeNetwork?) -> WantedNamespace {
        var state = WantedNamespace()
        let endpoint = Layout.ingressInterface
        let leg = Layout.legInterface
        state.set("net/ipv4/ip_forward", "1")
        state.set("net/ipv4/conf/all/rp_filter", "0")
        state.set("net/ipv4/conf/all/send_redirects", "0")
        state.set("net/ipv4/conf/all/accept_redirects", "0")
        state.set("net/ipv4/conf/default/accept_redirects", "0")
        state.set("net/ipv6/conf/default/accept_ra", "0")
        state.set("net/ipv6/conf/default/accept_dad", "0")
        state.set("net/netfilter/nf_conntrack_tcp_be_liberal", "1")
        for link in [endpoint, leg] {
            state.set("net/ipv4/conf/\(link)/rp_filter", "1")
            state.set("net/ipv4/conf/\(link)/send_redirects", "0")
        }
        state.kernel.links[endpoint] = LinkState(
            make: .inner, mtu: overlayMTU, mac: MACAddress(for: ingress.address.address))
        state.kernel.addresses.insert(AddressState(link: endpoint, network: ingress.address))
        state.kernel.addresses.insert(AddressState(link: leg, network: ingress.leg))
        if let bridge {
            state.kernel.links[leg] = LinkState(
                make: .inner, mtu: bridge.mtu, mac: MACAddress(for: ingress.leg.address))
            state.kernel.routes[RouteKey()] = RouteState(gateway: bridge.gateway.address, link: leg)
        }
        state.tables = [IngressTable(ingress: ingress).table]
        return state
    }
}
