import Addressing
import LinuxSystem
import Netlink

/// What has to be done in a namespace to lead it from one state to another. Pure; the order of the parts is the order
/// of execution, so that every prefix is harmless.
struct NamespacePlan: Sendable {
    struct Parameter: Equatable, Sendable {
        let name: String
        let value: String
    }

    var earlyParameters: [Parameter] = []
    /// Links that must go before they can come again.
    var clearing: [any NetlinkRequest] = []
    /// Sent from the node's namespace: devices whose sockets stay there.
    var fromNode: [any NetlinkRequest] = []
    var building: [any NetlinkRequest] = []
    /// After them: takes in devices that others have made for this, which is no difference that anybody needs to be told of.
    var welcoming: [any NetlinkRequest] = []
    var lateParameters: [Parameter] = []
    /// After all others have stopped to use what goes.
    var removing: [any NetlinkRequest] = []
    /// Links that go last.
    var leaving: [String] = []
    /// Links made by this plan, new or again.
    var madeLinks: Set<String> = []

    var count: Int {
        earlyParameters.count + clearing.count + fromNode.count + building.count + welcoming.count
            + lateParameters.count + removing.count + leaving.count
    }
    var isEmpty: Bool { count == 0 }
    var removesAnything: Bool { !removing.isEmpty || !leaving.isEmpty }
    /// Parameters are written by a thread inside the namespace alone.
    var hasParameters: Bool { !earlyParameters.isEmpty || !lateParameters.isEmpty }

    /// In words: what is other than it was left.
    var summary: [String] {
        (earlyParameters + lateParameters).map { "parameter \($0.name) = \($0.value)" }
            + (clearing + fromNode + building + removing).map { "\($0)" }
            + leaving.map { "\(DeleteLink(.name($0)))" }
    }
}

extension NamespacePlan {
    /// - Parameters:
    ///   - have: what was dumped, or applied before.
    ///   - namespace: the namespace itself, for devices that are made from outside.
    ///   - broken: links whose other end is missing: they are made again.
    init(from have: KernelState, to wanted: DesiredNamespace, in namespace: NetworkNamespace?, broken: Set<String> = [])
    {
        var have = have
        let want = wanted.kernel
        for (name, link) in have.links.sorted(by: { $0.key < $1.key }) {
            if let target = want.links[name] {
                guard broken.contains(name) || !link.canBecome(target) else { continue }
                clearing.append(DeleteLink(.name(name)).allowing(.missing))
            } else if link.make != .inner {
                leaving.append(name)
            }
            have.forget(link: name)
        }
        planParameters(have, wanted)
        planLinks(have, want, namespace)
        planImplied(have, want)
        planTables(have, want)
    }

    private mutating func planParameters(_ have: KernelState, _ wanted: DesiredNamespace) {
        let links = wanted.kernel.links.keys
        for name in wanted.parameterOrder {
            guard let value = wanted.kernel.parameters[name], have.parameters[name] != value else { continue }
            let parameter = Parameter(name: name, value: value)
            if links.contains(where: { name.contains("/\($0)/") }) {
                lateParameters.append(parameter)
            } else {
                earlyParameters.append(parameter)
            }
        }
    }

    private mutating func planLinks(_ have: KernelState, _ want: KernelState, _ namespace: NetworkNamespace?) {
        // Bridges first, as ports name them; then by name, so that equal states make equal plans.
        let ordered = want.links.sorted { ($0.value.rank, $0.key) < ($1.value.rank, $1.key) }
        var raising: [any NetlinkRequest] = []
        /// Links that somebody else makes: those that are not there, and those that are taken in now.
        var (absent, welcomed): (Set<String>, Set<String>) = ([], [])
        for (name, target) in ordered {
            let old = have.links[name]
            if case .tap = target.make, old == nil {
                absent.insert(name)
                continue
            }
            if old == nil {
                madeLinks.insert(name)
                make(name, target, namespace)
            }
            if case .tap = target.make, let old, old.master == nil, !old.isUp {
                welcoming += old.changes(to: target, name: name) + [SetLink(.name(name), isUp: true)]
                welcomed.insert(name)
                continue
            }
            let present = old ?? target.asMade
            building.append(contentsOf: present.changes(to: target, name: name))
            if target.isUp, !present.isUp { raising.append(SetLink(.name(name), isUp: true)) }
        }
        planForwarding(have, want, absent, welcomed)
        for address in want.addresses.subtracting(have.addresses).sorted(by: { $0.order < $1.order }) {
            building.append(AddAddress(address.value))
        }
        building.append(contentsOf: raising)
    }

    /// Of a link that is not there there is nothing to say yet. When it comes it is looked at, and so are its rows.
    private mutating func planForwarding(
        _ have: KernelState, _ want: KernelState, _ absent: Set<String>, _ welcomed: Set<String>
    ) {
        // Few differ, as a rule: only those are put in order.
        let forwarding = want.forwarding.filter { have.forwarding[$0.key] != $0.value }
        for (key, target) in forwarding.sorted(by: { $0.key.order < $1.key.order }) where !absent.contains(key.link) {
            let request = SetForwardingEntry(key.entry(target)).forgiving(key)
            if welcomed.contains(key.link) { welcoming.append(request) } else { building.append(request) }
        }
    }

    private mutating func make(_ name: String, _ link: LinkState, _ namespace: NetworkNamespace?) {
        switch link.make {
        case .bridge(let options):
            building.append(
                CreateBridge(
                    name: name, mac: link.mac, mtu: link.mtu, group: link.group, alias: link.alias, options: options))
        case .veth(let peer):
            guard let peer else { return }
            building.append(
                CreateVeth(
                    name: name, mtu: link.mtu, group: link.group, alias: link.alias,
                    master: link.master.map { .name($0) },
                    peer: VethPeer(name: peer.name, mac: peer.mac, mtu: peer.mtu, namespace: peer.namespace)))
        case .vxlan(let settings):
            fromNode.append(CreateVXLAN(name: name, settings: settings, mtu: link.mtu, namespace: namespace))
        case .child(let settings):
            guard let parent = settings.parent else { return }
            switch settings.kind {
            case .macvlan(let mode):
                fromNode.append(
                    CreateMacvlan(
                        name: name, parent: .name(parent), mode: mode, mac: link.mac, mtu: link.mtu,
                        namespace: namespace))
            case .ipvlan(let kind):
                fromNode.append(
                    CreateIpvlan(
                        name: name, parent: .name(parent), settings: kind, mtu: link.mtu, namespace: namespace))
            }
        case .vlan(let master, let id):
            guard let master, let id else { return }
            building.append(
                CreateVLAN(name: name, parent: .name(master), id: id, group: link.group, alias: link.alias))
        case .dummy: building.append(CreateDummy(name: name, group: link.group, alias: link.alias))
        case .inner, .tap: break
        }
    }

    private mutating func planTables(_ have: KernelState, _ want: KernelState) {
        let neighbours = want.neighbours.filter { have.neighbours[$0.key] != $0.value }
        for (key, mac) in neighbours.sorted(by: { $0.key.address < $1.key.address }) {
            building.append(SetNeighbour(key.neighbour(mac)))
        }
        for (key, route) in want.routes.sorted(by: { $0.key.table < $1.key.table }) where have.routes[key] != route {
            building.append(AddRoute(key.route(route)))
        }
        for rule in want.rules.subtracting(have.rules) where rule.protocol != kernelProtocol {
            building.append(AddRule(rule).allowing(.exists))
        }

        for rule in have.rules.subtracting(want.rules) { removing.append(DeleteRule(rule).allowing(.missing)) }
        for (key, route) in have.routes where want.routes[key] == nil {
            removing.append(DeleteRoute(key.route(route)).allowing(.missing))
        }
        for (key, mac) in have.neighbours where want.neighbours[key] == nil {
            removing.append(DeleteNeighbour(key.neighbour(mac)).allowing(.missing))
        }
        for (key, target) in have.forwarding where want.forwarding[key] == nil {
            removing.append(DeleteForwardingEntry(key.entry(target)).allowing(.missing).forgiving(key))
        }
        for address in have.addresses.subtracting(want.addresses) {
            removing.append(DeleteAddress(address.value).allowing(.missing))
        }
    }

    /// What the kernel does by itself as a rule, and without which it knows no way to a gateway. Routes only for
    /// addresses that stay on links that are up: with new ones they come.
    private mutating func planImplied(_ have: KernelState, _ want: KernelState) {
        for rule in want.rules.subtracting(have.rules) where rule.protocol == kernelProtocol {
            building.append(AddRule(rule).allowing(.exists))
        }
        let missing = want.implied.subtracting(have.implied).filter {
            have.addresses.contains($0.address) && have.links[$0.address.link]?.isUp == true
        }
        // A route's source address must be the node's own.
        for implied in missing.sorted(by: { $0.order < $1.order }) {
            building.append(AddRoute(implied.route, replacing: false).allowing(.exists))
        }
    }
}

extension LinkState {
    fileprivate var rank: Int {
        switch make {
        case .bridge, .vlan, .dummy: 0
        case .vxlan, .tap: 1
        case .veth, .child: 2
        case .inner: 3
        }
    }

    /// Whether the link can be changed in place, instead of being made again.
    func canBecome(_ target: LinkState) -> Bool {
        switch (make, target.make) {
        case (.bridge, .bridge), (.inner, .inner), (.tap, .tap), (.dummy, .dummy): true
        case (.child(let mine), .child(let other)): mine.isLike(other)
        case (.vlan(let mine, let id), .vlan(let other, let wanted)):
            (mine == nil || other == nil || mine == other) && (id == nil || wanted == nil || id == wanted)
        case (.veth(let mine), .veth(let other)): mine == nil || other == nil || mine == other
        case (.vxlan(let mine), .vxlan(let other)): mine == other
        default: false
        }
    }

    /// As the request that makes it leaves it.
    fileprivate var asMade: LinkState {
        var made = self
        made.isUp = false
        made.port = nil
        if case .vxlan = make {
            made.master = nil
            made.alias = nil
        }
        if case .inner = make { made.isUp = false }
        return made
    }

    /// Requests for everything but being up, and but what only making it again can change.
    fileprivate func changes(to target: LinkState, name: String) -> [any NetlinkRequest] {
        var requests: [any NetlinkRequest] = []
        var change = SetLink(.name(name))
        if let mtu = target.mtu, mtu != self.mtu { change.mtu = mtu }
        if let mac = target.mac, mac != self.mac { change.mac = mac }
        if group != target.group { change.group = target.group }
        if let alias = target.alias, alias != self.alias { change.alias = alias }
        if let master = target.master, master != self.master { change.master = .link(.name(master)) }
        if change.mtu != nil || change.mac != nil || change.group != nil || change.alias != nil || change.master != nil
        {
            requests.append(change)
        }
        if case .bridge(let wanted) = target.make, case .bridge(let present) = make, !present.satisfies(wanted) {
            requests.append(SetBridge(name, wanted))
        }
        if let wanted = target.port, port?.satisfies(wanted) != true { requests.append(SetPort(name, wanted)) }
        return requests
    }
}

extension AddressState {
    fileprivate var order: String { "\(link) \(network)" }
    fileprivate var value: LinkAddress { LinkAddress(link: .name(link), network: network) }
}

extension ImpliedRoute {
    fileprivate var order: String { (kind == .own ? "0 " : "1 ") + address.order }
}

extension ForwardingKey {
    fileprivate var order: String { "\(link) \(mac) \(owner == .device ? 0 : 1)" }
    fileprivate func entry(_ target: ForwardingTarget) -> ForwardingEntry {
        ForwardingEntry(link: .name(link), mac: mac, owner: owner, remote: target.remote)
    }
}

extension NeighbourKey {
    fileprivate func neighbour(_ mac: MACAddress) -> Neighbour {
        Neighbour(link: .name(link), address: address, mac: mac)
    }
}

extension RouteKey {
    fileprivate func route(_ state: RouteState) -> Route {
        Route(destination: destination, gateway: state.gateway, link: .name(state.link), table: table)
    }
}

extension NetlinkRequest {
    /// A row of a link that somebody else makes and takes away: it may be gone, or not be the bridge's port yet. Its rows follow once it is.
    func forgiving(_ key: ForwardingKey) -> any NetlinkRequest {
        key.link == Layout.encryptedTunnel ? allowing(.missing, .notSupported) : self
    }
}
