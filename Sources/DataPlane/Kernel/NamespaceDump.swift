import Addressing
import LinuxSystem
import Netlink
import Nftables

/// What a namespace really has of ours.
struct ObservedNamespace: Sendable {
    var kernel = KernelState()
    var tables: [TableID: ObservedTable] = [:]
}

/// Reads a namespace's state, on a thread inside it. What is not ours is passed over:
/// - in the node's namespace all but our tables, links with our alias and what is on them,
/// - in a sandbox all but our tables, our interfaces, the routes, rules and neighbours marked as ours, and the addresses that are
///   wanted or were before: what the container adds is its own.
struct NamespaceDump: Sendable {
    let scope: Scope
    let wanted: WantedNamespace

    static func tables(of scope: Scope) -> [TableID] {
        switch scope {
        case .node: [NodeTable.id, GuardTable.id]
        case .overlay: [GuardTable.id]
        case .ingress: [IngressTable.id]
        case .sandbox: [ServiceTable.id, ResolverTable.id, MeshTables.deviceID, MeshTables.id]
        }
    }

    /// Tables without elements of ours.
    static let bareTables: Set<TableID> = [MeshTables.deviceID]

    func take() throws -> ObservedNamespace {
        var observed = ObservedNamespace()
        let socket = try RouteSocket()
        let names = try readLinks(socket, &observed.kernel)
        try readAddresses(socket, names, &observed.kernel)
        switch scope {
        case .node:
            try readForwarding(socket, names, &observed.kernel)
            try readNeighbours(socket, names, &observed.kernel)
            // Of the node's routes only the kernel's own: it may have a great many others.
            readImplied(try socket.routes(addedBy: kernelProtocol), names, &observed.kernel)
        case .overlay:
            try readForwarding(socket, names, &observed.kernel)
            try readNeighbours(socket, names, &observed.kernel)
        case .ingress, .sandbox:
            try readNeighbours(socket, names, &observed.kernel)
            try readRoutes(socket, names, &observed.kernel)
        }
        try readParameters(&observed.kernel)
        observed.tables = try readTables()
        return observed
    }

    /// In overlays and the ingress sandbox everything is ours: foreign tables are told of, to be removed.
    private func readTables() throws -> [TableID: ObservedTable] {
        let own = Set(Self.tables(of: scope))
        let context = NftContext()
        let present = try context.tables()
        let ids =
            switch scope {
            case .overlay, .ingress: present
            case .node, .sandbox: own.intersection(present)
            }
        return try context.tables(Array(ids), bare: Self.bareTables.union(ids.subtracting(own)))
    }

    /// Returns the names of the links that are ours, by index.
    private func readLinks(_ socket: RouteSocket, _ state: inout KernelState) throws -> [UInt32: String] {
        let all = try socket.links()
        let every = Dictionary(all.map { ($0.index, $0.name) }) { first, _ in first }
        var names: [UInt32: String] = [:]
        for link in all where isOurs(link) {
            names[link.index] = link.name
            let make: LinkState.Make
            switch link.kind {
            case _ where wanted.kernel.links[link.name]?.make == .inner: make = .inner
            case "bridge": make = .bridge(link.bridge ?? BridgeOptions())
            case "vxlan": make = link.vxlan.map { .vxlan($0) } ?? .inner
            default: make = .veth(nil)
            }
            state.links[link.name] = LinkState(
                make: make, mtu: link.mtu, mac: link.mac, group: link.group, alias: link.alias,
                master: link.master.flatMap { every[$0] }, port: link.port, isUp: link.isUp)
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
        case .vxlan, .inner: false
        }
    }

    private func readAddresses(_ socket: RouteSocket, _ names: [UInt32: String], _ state: inout KernelState) throws {
        for address in try socket.addresses() {
            guard let link = name(of: address.link, names) else { continue }
            let found = AddressState(link: link, network: address.network)
            // A container may give itself more addresses.
            if case .sandbox = scope, !wanted.kernel.addresses.contains(found) { continue }
            state.addresses.insert(found)
        }
    }

    private func readForwarding(_ socket: RouteSocket, _ names: [UInt32: String], _ state: inout KernelState) throws {
        for entry in try socket.forwardingEntries() {
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

    private func readNeighbours(_ socket: RouteSocket, _ names: [UInt32: String], _ state: inout KernelState) throws {
        // An overlay's are all ours: a foreign one would answer ARP in our name.
        let takesAll = if case .overlay = scope { true } else { false }
        for neighbour in try socket.neighbours()
        where neighbour.state == .permanent && (takesAll || neighbour.protocol == ownProtocol) {
            guard let link = name(of: neighbour.link, names), let mac = neighbour.mac else { continue }
            state.neighbours[NeighbourKey(link: link, address: neighbour.address)] = mac
        }
    }

    private func readRoutes(_ socket: RouteSocket, _ names: [UInt32: String], _ state: inout KernelState) throws {
        let routes = try socket.routes(addedBy: 0)
        readImplied(routes, names, &state)
        for route in routes where route.protocol == ownProtocol && route.metric == 0 {
            guard let gateway = route.gateway, let link = route.link.flatMap({ name(of: $0, names) }) else { continue }
            state.routes[RouteKey(destination: route.destination, table: route.table)] =
                RouteState(gateway: gateway, link: link)
        }
        for rule in try socket.rules() where rule.protocol == ownProtocol || Rule.initial.contains(rule) {
            state.rules.insert(rule)
        }
    }

    /// Which of the wanted addresses have the routes that the kernel gave them.
    private func readImplied(_ routes: [Route], _ names: [UInt32: String], _ state: inout KernelState) {
        var found: Set<Route> = []
        for var route in routes where route.protocol == kernelProtocol {
            guard let link = route.link.flatMap({ name(of: $0, names) }) else { continue }
            route.link = .name(link)
            found.insert(route)
        }
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
