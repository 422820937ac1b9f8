import Addressing
import LinuxSystem
import Netlink
import Nftables

/// What a namespace really has of ours.
struct ObservedNamespace: Sendable {
    var kernel = KernelState()
    /// `nil`: as they were left; nobody has changed a rule since.
    var tables: [TableID: ObservedTable]?
    /// Of the rules; `nil` where they changed while they were read.
    var generation: UInt32?
    /// There is more of what is to go than was kept: it is to be looked at again when that has gone.
    var isPartial = false
    /// How long looking took.
    var duration: Duration = .zero
}

/// Reads a namespace's state, on a thread inside it. What is not ours is passed over:
/// - in the node's namespace all but our tables, links with our alias and what is on them,
/// - in a sandbox all but our tables, our interfaces, the routes, rules and neighbours marked as ours, and the addresses that are
///   wanted or were before: what the container adds is its own.
///
/// A container may put as much as it likes into its namespace: none of it is kept, and of what bears our mark without being
/// wanted no more than is removed at a time.
struct NamespaceDump: Sendable {
    let scope: Scope
    let wanted: DesiredNamespace
    /// In which the rules are as they are known to be; `nil`: they are to be read.
    var generation: UInt32?

    static func tables(of scope: Scope) -> [TableID] {
        switch scope {
        case .node:
            IPFamily.allCases.flatMap { [NodeTable.id(of: $0), NodeTable.earlierID(of: $0)] }
                + [GuardTable.id, AdministratorTable.id]
        case .overlay: [GuardTable.id]
        case .ingress: IPFamily.allCases.map(IngressTable.id)
        case .sandbox:
            IPFamily.allCases.flatMap { [ServiceTable.id(of: $0), MeshTables.id(of: $0)] }
                + [ResolverTable.id, MeshTables.deviceID]
        }
    }

    /// What a table of ours may have beyond twice what belongs there before it is replaced unread.
    private static let mostSurplus = 4_096

    /// Tables without elements of ours.
    static let bareTables: Set<TableID> = [MeshTables.deviceID, AdministratorTable.id]

    func take() throws -> ObservedNamespace {
        let start = ContinuousClock.now
        KernelCounters.note(.listing)
        var observed = ObservedNamespace()
        var surplus = Surplus()
        let socket = try RouteSocket()
        let names = try readLinks(socket, &observed.kernel)
        try readAddresses(socket, names, &observed.kernel)
        switch scope {
        case .node:
            try readForwarding(socket, names, &observed.kernel)
            try readNeighbours(socket, names, &observed.kernel, &surplus)
            // Of the node's routes only the kernel's own: it may have a great many others.
            try readImplied(socket, names, &observed.kernel)
        case .overlay:
            try readForwarding(socket, names, &observed.kernel)
            try readNeighbours(socket, names, &observed.kernel, &surplus)
        case .ingress, .sandbox:
            try readNeighbours(socket, names, &observed.kernel, &surplus)
            try readRoutes(socket, names, &observed.kernel, &surplus)
        }
        try readParameters(&observed.kernel)
        try readRules(&observed)
        observed.isPartial = surplus.isExceeded
        observed.duration = ContinuousClock.now - start
        return observed
    }

    private func readRules(_ observed: inout ObservedNamespace) throws {
        let rules = try RulesetSocket()
        let found = try rules.generation()
        // With a link its hooks go, and that is no transaction.
        let isWhole = wanted.kernel.links.keys.allSatisfy { observed.kernel.links[$0] != nil }
        if found == generation, isWhole {
            observed.generation = found
            return
        }
        observed.tables = try readTables()
        if try rules.generation() == found { observed.generation = found }
    }

    /// In overlays and the ingress sandbox everything is ours: foreign tables are told of, to be removed.
    private func readTables() throws -> [TableID: ObservedTable] {
        let ruleset = Ruleset()
        let own = Self.tables(of: scope)
        let context = NftContext()
        switch scope {
        case .overlay, .ingress:
            let present = Set(try ruleset.tables().compactMap(TableID.init))
            return try context.tables(Array(present), bare: Self.bareTables.union(present.subtracting(own)))
        case .node:
            return try context.tables(try own.filter { try ruleset.has($0.inKernel) }, bare: Self.bareTables)
        case .sandbox:
            // The container may have rights over them: what it has put in there is not read.
            var found: [TableID: ObservedTable] = [:]
            var readable: [TableID] = []
            for id in try own.filter({ try ruleset.has($0.inKernel) }) {
                let size = wanted.tables.first { $0.id == id }?.size ?? 0
                let most = 2 * size + Self.mostSurplus
                if try ruleset.exceeds(most, in: id.inKernel) {
                    found[id] = .overfull
                } else {
                    readable.append(id)
                }
            }
            try NamespaceWork.checkLoad(ruleset)
            return found.merging(try context.tables(readable, bare: Self.bareTables)) { first, _ in first }
        }
    }

    /// Returns the names of the links that are ours, by index.
    private func readLinks(_ socket: RouteSocket, _ state: inout KernelState) throws -> [UInt32: String] {
        let own = try socket.links(where: isOurs)
        let masters = Set(own.compactMap(\.master))
        let above = masters.isEmpty ? [] : try socket.links { masters.contains($0.index) }
        let every = Dictionary(above.map { ($0.index, $0.name) }) { first, _ in first }
        var names: [UInt32: String] = [:]
        for link in own {
            names[link.index] = link.name
            state.links[link.name] = LinkState(
                observed: link, wanted: wanted.kernel.links[link.name], master: link.master.flatMap { every[$0] })
        }
        return names
    }

    private func isOurs(_ link: Link) -> Bool {
        switch scope {
        case .node: link.alias?.hasPrefix(Layout.aliasPrefix) == true || hasLostAlias(link)
        case .overlay: link.name != "lo"
        case .ingress, .sandbox: wanted.kernel.links[link.name] != nil
        }
    }

    /// One of ours without its alias: still of the group, the name and the kind of a wanted one.
    private func hasLostAlias(_ link: Link) -> Bool {
        guard link.alias == nil, let target = wanted.kernel.links[link.name], link.group == target.group else {
            return false
        }
        return switch target.make {
        case .bridge: link.kind == "bridge"
        case .veth: link.kind == "veth"
        case .vlan: link.kind == "vlan"
        case .dummy: link.kind == "dummy"
        case .vxlan, .tap, .inner, .child: false
        }
    }

    private func readAddresses(_ socket: RouteSocket, _ names: [UInt32: String], _ state: inout KernelState) throws {
        let isSandbox = if case .sandbox = scope { true } else { false }
        func fits(_ address: LinkAddress) -> Bool {
            guard let link = name(of: address.link, names) else { return false }
            // The kernel makes them by itself.
            if let own = address.network.v6?.address, own.isLinkLocal || own.isLoopback { return false }
            if wanted.leftAlone.contains(LinkFamily(link: link, family: address.network.family)) { return false }
            // A container may give itself more addresses.
            return !isSandbox || wanted.kernel.addresses.contains(AddressState(link: link, network: address.network))
        }
        let found = try IPFamily.allCases.flatMap { try socket.addresses($0, where: fits) }
        for address in found {
            guard let link = name(of: address.link, names) else { continue }
            state.addresses.insert(AddressState(link: link, network: address.network))
        }
    }

    private func readForwarding(_ socket: RouteSocket, _ names: [UInt32: String], _ state: inout KernelState) throws {
        for entry in try socket.forwardingEntries(where: { name(of: $0.link, names) != nil }) {
            guard let link = name(of: entry.link, names) else { continue }
            switch entry.owner {
            case .master where entry.state == .noARP: break
            case .device where entry.state == .permanent && entry.remote != nil: break
            default: continue
            }
            state.forwarding[ForwardingKey(link: link, mac: entry.mac, owner: entry.owner)] =
                ForwardingTarget(remote: entry.owner == .device ? entry.remote : nil)
        }
    }

    private func readNeighbours(
        _ socket: RouteSocket, _ names: [UInt32: String], _ state: inout KernelState, _ surplus: inout Surplus
    ) throws {
        // An overlay's are all ours: a foreign one would answer ARP in our name.
        let takesAll = if case .overlay = scope { true } else { false }
        func fits(_ neighbour: Neighbour) -> Bool {
            guard neighbour.state == .permanent, takesAll || neighbour.protocol == ownProtocol, neighbour.mac != nil,
                let link = name(of: neighbour.link, names)
            else { return false }
            let key = NeighbourKey(link: link, address: neighbour.address)
            return wanted.kernel.neighbours[key] != nil || surplus.hasRoom()
        }
        let found = try IPFamily.allCases.flatMap { try socket.neighbours($0, where: fits) }
        for neighbour in found {
            guard let link = name(of: neighbour.link, names), let mac = neighbour.mac else { continue }
            state.neighbours[NeighbourKey(link: link, address: neighbour.address)] = mac
        }
    }

    private func readRoutes(
        _ socket: RouteSocket, _ names: [UInt32: String], _ state: inout KernelState, _ surplus: inout Surplus
    ) throws {
        try readImplied(socket, names, &state)
        func fits(_ route: Route) -> Bool {
            guard route.protocol == ownProtocol, route.metric == Route.usualMetric(route.destination.family),
                route.link.flatMap({ name(of: $0, names) }) != nil
            else { return false }
            let key = RouteKey(destination: route.destination, table: route.table)
            return wanted.kernel.routes[key] != nil || surplus.hasRoom()
        }
        let routes = try IPFamily.allCases.flatMap { try socket.routes($0, addedBy: ownProtocol, where: fits) }
        for route in routes {
            guard let link = route.link.flatMap({ name(of: $0, names) }) else { continue }
            state.routes[RouteKey(destination: route.destination, table: route.table)] =
                RouteState(gateway: route.gateway, link: link)
        }
        func isOurs(_ rule: Rule) -> Bool {
            guard rule.protocol == ownProtocol || Rule.initial.contains(rule) else { return false }
            return wanted.kernel.rules.contains(rule) || Rule.initial.contains(rule) || surplus.hasRoom()
        }
        for family in IPFamily.allCases { state.rules.formUnion(try socket.rules(family, where: isOurs)) }
    }

    /// Which of the wanted addresses have the routes that the kernel gave them.
    private func readImplied(_ socket: RouteSocket, _ names: [UInt32: String], _ state: inout KernelState) throws {
        let sought = Set(wanted.kernel.implied.map(\.route))
        func named(_ route: Route) -> Route? {
            guard route.protocol == kernelProtocol, let link = route.link.flatMap({ name(of: $0, names) }) else {
                return nil
            }
            var route = route
            route.link = .name(link)
            return route
        }
        let families = Set(sought.map(\.destination.family))
        let routes = try families.flatMap { family in
            try socket.routes(family, addedBy: kernelProtocol) { named($0).map(sought.contains) == true }
        }
        let found = Set(routes.compactMap(named))
        state.implied = wanted.kernel.implied.filter { found.contains($0.route) }
    }

    private func readParameters(_ state: inout KernelState) throws {
        for (name, value) in wanted.kernel.parameters {
            if let found = try Sysctl.read(name) {
                state.parameters[name] = found
            } else if !wanted.kernel.links.keys.contains(where: { name.contains("/\($0)/") }) {
                // This kernel has no such parameter, so nothing can be wrong with it.
                state.parameters[name] = value
            }
        }
    }

    private func name(of link: LinkID, _ names: [UInt32: String]) -> String? {
        switch link {
        case .index(let index): names[index]
        case .name(let name): name
        }
    }
}

extension LinkState {
    /// As a link is found.
    /// - Parameters:
    ///   - wanted: What is to be of its name.
    ///   - master: By name.
    init(observed link: Link, wanted: LinkState?, master: String?) {
        let make: LinkState.Make =
            switch link.kind {
            case _ where wanted?.make == .inner: .inner
            case "bridge": .bridge(link.bridge ?? BridgeOptions())
            case "vxlan": link.vxlan.map { .vxlan($0) } ?? .inner
            case "tun": .tap
            case "macvlan": link.macvlan.map { .child(ChildSettings(kind: .macvlan($0))) } ?? .veth(nil)
            case "ipvlan": link.ipvlan.map { .child(ChildSettings(kind: .ipvlan($0))) } ?? .veth(nil)
            case "vlan": .vlan(of: nil, id: nil)
            case "dummy": .dummy
            default: .veth(nil)
            }
        self.init(
            make: make, mtu: link.mtu, mac: link.mac, group: link.group, alias: link.alias, master: master,
            port: link.port, isUp: link.isUp)
    }
}

/// What is ours by its mark and not wanted: so much of it is taken away at a time.
private struct Surplus {
    private static let most = 4096
    private var taken = 0

    var isExceeded: Bool { taken > Self.most }

    mutating func hasRoom() -> Bool {
        taken += 1
        return taken <= Self.most
    }
}
