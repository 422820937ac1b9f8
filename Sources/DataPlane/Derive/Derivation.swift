import Addressing
import LinuxSystem
import Netlink
import Nftables

/// Derives, from the wanted network of the node, what each namespace is to have. Pure.
struct Derivation {
    let wanted: NodeNetwork
    let layout: Layout
    /// br_netfilter is there: bridges can pass their packets to the rules. Else ports are isolated where needed.
    let filtersBridges: Bool
    /// Ports of the mesh with the numbers that their backends have in the tables.
    let portsAtNode: [MeshPort]
    let portsAtSandbox: [MeshPort]

    /// Namespaces in which others than these sandboxes may use what is nobody's.
    var scopesWithLax: Set<Scope> = []

    let bridges: [String: BridgeNetwork]
    let overlays: [String: OverlayNetwork]
    let parents: [String: ParentNetwork]

    /// - Parameter node, ingress: what there is in these namespaces, whose numbers are kept.
    init(_ wanted: NodeNetwork, layout: Layout, filtersBridges: Bool, after node: Input? = nil, _ ingress: Input? = nil)
    {
        self.wanted = wanted
        portsAtNode = wanted.meshAtNode.numbered(like: node?.meshPorts ?? [])
        portsAtSandbox = wanted.meshAtSandbox.numbered(like: ingress?.meshPorts ?? [])
        self.layout = layout
        self.filtersBridges = filtersBridges
        bridges = Dictionary(wanted.bridges.map { ($0.id, $0) }) { first, _ in first }
        overlays = Dictionary(wanted.overlays.map { ($0.id, $0) }) { first, _ in first }
        parents = Dictionary(wanted.parents.map { ($0.id, $0) }) { first, _ in first }
    }

    /// Everything that the state of a namespace depends on; equal inputs, equal states.
    enum Input: Equatable, Sendable {
        /// Without its sandboxes, which are beside it by their ids.
        case node(NodeNetwork, [String: Sandbox], filtersBridges: Bool)
        /// With the endpoints of this node by their ports.
        case overlay(OverlayNetwork, Underlay?, [String: LocalEndpoint])
        case ingress(IngressSandbox, overlayMTU: Int, bridge: BridgeNetwork?)
        case sandbox(Sandbox, [NetworkTraits])

        /// Ports of the mesh as the namespace's table has them; none where there is no such table.
        var meshPorts: [MeshPort] {
            switch self {
            case .node(let network, _, _): network.ingress?.ports ?? []
            case .ingress(let ingress, _, _): ingress.ports
            case .overlay, .sandbox: []
            }
        }
    }

    /// What a sandbox needs to know of an endpoint's network.
    struct NetworkTraits: Equatable, Sendable {
        /// `nil`: the parent's.
        let mtu: Int?
        /// The gateway's; `nil` in an overlay, which has none, and where it is no bridge of ours.
        let gatewayMAC: MACAddress?
        /// Addresses of services and who is behind them.
        var tasks: [IPAddress: [IPAddress]] = [:]
        /// Whose link the endpoint hangs on; `nil` for one that has a port.
        var parent: ParentNetwork?
        /// Families in which the bridge is nobody's gateway.
        var unaddressed: Set<IPFamily> = []
    }

    /// An endpoint of this node in an overlay.
    struct LocalEndpoint: Equatable, Sendable {
        let port: String
        let namespace: NetworkNamespace
        let interface: String
        let addresses: HostAddresses
        let mac: MACAddress
        let isLax: Bool
        /// A container's. Else it is our own, and passes on what others send.
        let isGuarded: Bool
    }

    /// The inputs of all namespaces there are to be.
    func inputs() -> [Scope: Input] {
        var inputs: [Scope: Input] = [.node: node]
        let local = localEndpoints()
        for overlay in wanted.overlays {
            var inside = overlay
            inside.tasks = [:]
            inputs[.overlay(overlay.id)] = .overlay(inside, tunnel, local[overlay.id] ?? [:])
        }
        if let ingress = wanted.ingress {
            var elsewhere = ingress
            elsewhere.ports = portsAtSandbox
            inputs[.ingress] = .ingress(
                elsewhere, overlayMTU: overlays[ingress.overlayID]?.mtu ?? 0, bridge: bridges[ingress.bridgeID])
        }
        for sandbox in wanted.sandboxes {
            inputs[.sandbox(sandbox.id)] = .sandbox(sandbox, sandbox.endpoints.map { traits(of: $0.network) })
        }
        return inputs
    }

    func state(for input: Input) -> DesiredNamespace {
        var state: DesiredNamespace
        switch input {
        case .node: state = nodeState()
        case .overlay(let overlay, let underlay, let local): state = overlayState(overlay, underlay, local)
        case .ingress(let ingress, let mtu, let bridge):
            state = ingressState(ingress, overlayMTU: mtu, bridge)
            state.kernel.addInitial()
        case .sandbox(let sandbox, let networks):
            state = sandboxState(sandbox, networks)
            state.kernel.addInitial()
        }
        for address in state.kernel.addresses { state.kernel.implied.formUnion(ImpliedRoute.all(of: address)) }
        return state
    }

    func namespace(of scope: Scope) -> NetworkNamespace? { layout.namespace(of: scope) }

    /// What an overlay's namespace needs to know of the underlay: not who the peers are.
    private var tunnel: Underlay? {
        wanted.underlay.map { Underlay(address: $0.address, mtu: $0.mtu, peers: [], port: $0.port) }
    }

    /// The node's own namespace has nothing of remote endpoints, tasks elsewhere or service addresses.
    private var node: Input {
        var reduced = wanted
        reduced.sandboxes = []
        for index in reduced.overlays.indices {
            reduced.overlays[index].remotes = [:]
            reduced.overlays[index].tasks = [:]
            reduced.overlays[index].reserved = []
        }
        reduced.ingress?.ports = portsAtNode
        let sandboxes = wanted.sandboxes.map { sandbox in
            var outside = sandbox
            outside.services = []
            outside.resolver = nil
            outside.mesh = nil
            return (outside.id, outside)
        }
        return .node(reduced, Dictionary(sandboxes) { first, _ in first }, filtersBridges: filtersBridges)
    }

    private func localEndpoints() -> [String: [String: LocalEndpoint]] {
        var found: [String: [String: LocalEndpoint]] = [:]
        func add(_ endpoint: LocalEndpoint, to overlay: String) {
            found[overlay, default: [:]][endpoint.port] = endpoint
        }
        for sandbox in wanted.sandboxes {
            for endpoint in sandbox.endpoints {
                guard case .overlay(let id) = endpoint.network else { continue }
                add(
                    LocalEndpoint(
                        port: Layout.overlayPort(endpoint.id), namespace: layout.sandbox(sandbox.id),
                        interface: endpoint.interfaceName, addresses: endpoint.addresses.hosts, mac: endpoint.mac,
                        isLax: endpoint.isLax, isGuarded: true), to: id)
            }
        }
        if let ingress = wanted.ingress {
            add(
                LocalEndpoint(
                    port: Layout.ingressPort, namespace: layout.ingress, interface: Layout.ingressInterface,
                    addresses: ingress.addresses.hosts, mac: MACAddress(tag: ingress.tag), isLax: false,
                    isGuarded: false), to: ingress.overlayID)
        }
        return found
    }

    /// An MTU of 0 for a network that is not there.
    private func traits(of network: Sandbox.NetworkReference) -> NetworkTraits {
        switch network {
        case .bridge(let id):
            NetworkTraits(
                mtu: bridges[id]?.mtu ?? 0, gatewayMAC: bridges[id]?.mac, tasks: [:],
                unaddressed: bridges[id]?.unaddressed ?? [])
        case .overlay(let id):
            NetworkTraits(mtu: overlays[id]?.mtu ?? 0, gatewayMAC: nil, tasks: overlays[id]?.tasks ?? [:])
        case .parent(let id):
            if let parent = parents[id] {
                NetworkTraits(mtu: parent.mtu, gatewayMAC: nil, parent: parent)
            } else {
                NetworkTraits(mtu: 0, gatewayMAC: nil)
            }
        }
    }
}

extension KernelState {
    /// What a namespace has from its beginning once its loopback is up, and what everything in it relies on.
    mutating func addInitial() {
        let loopback = AddressState(
            link: "lo", network: IPNetwork(address: IPAddress(127, 0, 0, 1), prefixLength: 8))
        links["lo"] = LinkState(make: .inner)
        addresses.insert(loopback)
        implied.formUnion(ImpliedRoute.all(of: loopback))
        rules.formUnion(Rule.initial)
    }
}

extension Derivation {
    /// Says what in the wanted value cannot be: a bug of the caller, told before anything is touched.
    func inconsistencies() -> [String] {
        var found: [String] = []
        if bridges.count != wanted.bridges.count || overlays.count != wanted.overlays.count
            || parents.count != wanted.parents.count
        {
            found.append("two networks have one id")
        }
        if Set(wanted.sandboxes.map(\.id)).count != wanted.sandboxes.count { found.append("two sandboxes have one id") }
        if !wanted.overlays.isEmpty, wanted.underlay == nil { found.append("overlays without an underlay") }
        if let ingress = wanted.ingress, overlays[ingress.overlayID] == nil || bridges[ingress.bridgeID] == nil {
            found.append("the ingress sandbox's networks are missing")
        }
        for sandbox in wanted.sandboxes {
            for endpoint in sandbox.endpoints where traits(of: endpoint.network).mtu == 0 {
                found.append("the network of endpoint \(endpoint.id) is missing")
            }
        }
        return found
    }
}
