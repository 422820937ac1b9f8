import Netlink

/// Links of networks whose endpoints hang on a link of the node.
extension Derivation {
    /// The parents that are made for networks. Two networks that name the same have one.
    func addParents(to state: inout DesiredNamespace) {
        for network in wanted.parents {
            let make: LinkState.Make
            switch network.origin {
            case .given: continue
            case .vlan(let master, let id): make = .vlan(of: master, id: id)
            case .dummy: make = .dummy
            }
            state.kernel.links[network.parent] = LinkState(
                make: make, group: Layout.ownGroup, alias: Layout.alias("parent", network.parent))
        }
    }

    /// An endpoint's link, which is made in the container's namespace at once.
    static func link(of endpoint: Sandbox.Endpoint, on network: ParentNetwork) -> LinkState {
        switch network.kind {
        case .macvlan(let mode):
            LinkState(
                make: .child(ChildSettings(parent: network.parent, kind: .macvlan(mode))), mtu: network.mtu,
                mac: endpoint.mac)
        case .ipvlan(let settings):
            // It has its parent's MAC.
            LinkState(
                make: .child(ChildSettings(parent: network.parent, kind: .ipvlan(settings))), mtu: network.mtu)
        }
    }
}
