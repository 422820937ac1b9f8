import Addressing
import LinuxSystem
import Netlink

/// Holds what was heard of a namespace against what is known of it: as a rule it is what this daemon has done itself, or of no concern. Only the things
/// are asked for that were named, over the sockets that are open there; blocking, and of no namespace's thread.
///
/// It says the same as comparing everything would (``NamespaceDump``) of the things that were named. When in doubt, it does not bear them out.
struct NewsCheck: Sendable {
    let scope: Scope
    /// What is known to be there.
    let wanted: KernelState
    /// Whose addresses are others' affair.
    let leftAlone: Set<LinkFamily>
    let handle: NamespaceHandle
    /// Of the rules, as they were left; `nil` where that is not known.
    let generation: UInt32?
    /// Where the data path is, with its link, in the node's namespace: whether that has changed is found out by whoever looks for it.
    let underlay: Underlay?

    /// Names of links that were asked for; `nil` of one that is gone.
    private final class Links {
        private var known: [UInt32: Link?] = [:]
        private var present: [String: Bool] = [:]
        private let socket: RouteSocket

        init(_ socket: RouteSocket) { self.socket = socket }

        func link(_ index: UInt32) throws -> Link? {
            if let known = known[index] { return known }
            let link = try socket.link(at: index)
            known[index] = .some(link)
            return link
        }

        func isThere(_ name: String) throws -> Bool {
            if let isThere = present[name] { return isThere }
            let isThere = try socket.link(named: name) != nil
            present[name] = isThere
            return isThere
        }

        func name(_ id: LinkID) throws -> String? {
            switch id {
            case .index(let index): try link(index)?.name
            case .name(let name): name
            }
        }
    }

    /// Whether all of it is as it is known to be.
    func bearsOut(_ news: Set<NetlinkNews>) throws -> Bool {
        let links = Links(handle.route)
        for one in news {
            let isBorneOut =
                switch one {
                case .link(let index): try fits(link: index, links)
                // One that this daemon has taken away is known no more.
                case .linkGone(let name): wanted.links[name] == nil && name != underlay?.link
                case .forwarding(let entry): try fits(entry, links)
                case .forwardingGone(let entry): try isGone(entry, links)
                case .neighbour(let row): try fits(row, links)
                case .neighbourGone(let row): try isGone(row, links)
                case .address(let address): try fits(address, links)
                case .addressGone(let address): try isGone(address, links)
                case .route(let route, let replaces): try fits(route, replaces, links)
                case .routeGone(let route): try isGone(route, links)
                case .parameters(let index): try !concerns(parametersOf: index, links)
                case .ruleset: try generation != nil && handle.ruleset.generation() == generation
                }
            if !isBorneOut { return false }
        }
        return true
    }

    // MARK: links

    private func fits(link index: UInt32, _ links: Links) throws -> Bool {
        // What has gone is told of by its name.
        guard let link = try links.link(index) else { return true }
        guard let target = wanted.links[link.name] else { return try isForeign(link, links) }
        let master = try link.master.flatMap { try links.link($0)?.name }
        let found = LinkState(observed: link, wanted: target, master: master)
        var (have, want) = (KernelState(), DesiredNamespace())
        have.links[link.name] = found
        want.kernel.links[link.name] = target
        return NamespacePlan(from: have, to: want, in: nil).isEmpty
    }

    /// Whether a link that is not known is none of ours, and none of ours under another name.
    private func isForeign(_ link: Link, _ links: Links) throws -> Bool {
        switch scope {
        case .overlay: return link.name == "lo"
        case .node:
            let groups = [Layout.linkGroup, Layout.ownGroup, Layout.leavingGroup]
            if link.alias?.hasPrefix(Layout.aliasPrefix) == true || groups.contains(link.group) { return false }
            // It may have been the data path's under its name of before.
            return try underlay?.link.map { try links.isThere($0) } ?? true
        case .ingress, .sandbox:
            return try wanted.links.keys.allSatisfy(links.isThere)
        }
    }

    // MARK: rows

    private func fits(_ entry: ForwardingEntry, _ links: Links) throws -> Bool {
        guard let name = try links.name(entry.link), wanted.links[name] != nil else { return true }
        let key = ForwardingKey(link: name, mac: entry.mac, owner: entry.owner)
        let known = wanted.forwarding[key]
        let isOfOurKind =
            entry.owner == .master ? entry.state == .noARP : entry.state == .permanent && entry.remote != nil
        guard isOfOurKind else { return known == nil }
        return known == ForwardingTarget(remote: entry.owner == .device ? entry.remote : nil)
    }

    private func isGone(_ entry: ForwardingEntry, _ links: Links) throws -> Bool {
        guard let name = try links.name(entry.link) else { return true }
        return wanted.forwarding[ForwardingKey(link: name, mac: entry.mac, owner: entry.owner)] == nil
    }

    private func fits(_ row: Neighbour, _ links: Links) throws -> Bool {
        let takesAll = if case .overlay = scope { true } else { false }
        let isOfOurKind =
            row.state == .permanent && row.mac != nil && (takesAll || row.protocol == ownProtocol)
        // What is asked for and answered on a busy node, all the time.
        if !isOfOurKind, wanted.neighbours.isEmpty { return true }
        guard let name = try links.name(row.link), wanted.links[name] != nil else { return true }
        let known = wanted.neighbours[NeighbourKey(link: name, address: row.address)]
        return isOfOurKind ? known == row.mac && known != nil : known == nil
    }

    private func isGone(_ row: Neighbour, _ links: Links) throws -> Bool {
        if wanted.neighbours.isEmpty { return true }
        guard let name = try links.name(row.link) else { return true }
        return wanted.neighbours[NeighbourKey(link: name, address: row.address)] == nil
    }

    // MARK: addresses and routes

    /// The kernel makes them by itself.
    private func isImplied(_ address: LinkAddress) -> Bool {
        address.network.v6.map { $0.address.isLinkLocal || $0.address.isLoopback } ?? false
    }

    private func fits(_ address: LinkAddress, _ links: Links) throws -> Bool {
        if address.network.address == underlay?.address { return false }
        // A container may give itself more.
        if case .sandbox = scope { return true }
        guard !isImplied(address), let name = try links.name(address.link), wanted.links[name] != nil else {
            return true
        }
        if leftAlone.contains(LinkFamily(link: name, family: address.network.family)) { return true }
        return wanted.addresses.contains(AddressState(link: name, network: address.network))
    }

    private func isGone(_ address: LinkAddress, _ links: Links) throws -> Bool {
        if address.network.address == underlay?.address { return false }
        guard let name = try links.name(address.link) else { return true }
        return !wanted.addresses.contains(AddressState(link: name, network: address.network))
    }

    /// Of the node's and of an overlay's routes only the kernel's own are known.
    private var knowsRoutes: Bool {
        switch scope {
        case .node, .overlay: false
        case .ingress, .sandbox: true
        }
    }

    private func fits(_ route: Route, _ replaces: Bool, _ links: Links) throws -> Bool {
        let key = RouteKey(destination: route.destination, table: route.table)
        if route.protocol == ownProtocol, knowsRoutes {
            guard let name = try route.link.flatMap({ try links.name($0) }), wanted.links[name] != nil else {
                return true
            }
            return wanted.routes[key] == RouteState(gateway: route.gateway, link: name)
        }
        // What had its place may have been ours, or the kernel's.
        if !replaces || route.protocol == kernelProtocol { return true }
        return wanted.routes[key] == nil
            && !wanted.implied.contains { $0.route.destination == key.destination && $0.route.table == key.table }
    }

    private func isGone(_ route: Route, _ links: Links) throws -> Bool {
        guard let name = try route.link.flatMap({ try links.name($0) }) else { return true }
        if route.protocol == ownProtocol {
            return wanted.routes[RouteKey(destination: route.destination, table: route.table)] == nil
        }
        var route = route
        route.link = .name(name)
        return !wanted.implied.contains { $0.route == route }
    }

    /// Whether parameters are set of a link.
    private func concerns(parametersOf index: UInt32, _ links: Links) throws -> Bool {
        guard let name = try links.link(index)?.name else { return false }
        return wanted.parameters.keys.contains { $0.contains("/\(name)/") }
    }
}
