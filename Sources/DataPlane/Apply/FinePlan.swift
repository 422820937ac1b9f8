import Addressing
import Model
import Netlink
import Nftables

/// What changes within parts of the network ask for, scope by scope: rows of overlays, elements of balancing tables, and connections that end. Made of
/// what the changes name alone. What does not fit in here (see ``init(_:in:claims:applied:isReady:)``) is derived as a whole.
struct FinePlan: Sendable {
    /// Rows of an overlay's tunnel, and of its bridge about what is behind the tunnel.
    struct Rows: Sendable {
        var building: [any NetlinkRequest] = []
        var removing: [any NetlinkRequest] = []
        var forwarding: [ForwardingKey: ForwardingTarget?] = [:]
        var neighbours: [NeighbourKey: MACAddress?] = [:]
        /// The link that they are of may be missing: then the kernel tells of none of them.
        var isForgiving = false
    }

    /// Ports of the mesh as one table is to have them, where that is other than it was.
    struct Ports: Sendable {
        /// In the places that they have.
        var changed: [MeshPort] = []
        /// Nothing of them is left in its place.
        var gone: Set<MeshPortKey> = []
        /// Behind all others.
        var come: [MeshPort] = []
    }

    /// By overlay.
    private(set) var rows: [String: Rows] = [:]
    /// For the table of service addresses in each sandbox of an overlay.
    private(set) var services: [String: [TableStep]] = [:]
    private(set) var ingress: [TableStep] = []
    private(set) var node: [TableStep] = []
    /// As they are to be numbered in the tables, where they change.
    private(set) var portsAtNode: Ports?
    private(set) var portsAtSandbox: Ports?
    /// Which ports of the mesh there are has changed.
    private(set) var changesPorts = false
    private(set) var ends: [Scope: [ConnectionEnd]] = [:]
    /// Addresses that come into an overlay, by overlay.
    private(set) var coming: [String: [IPAddress]] = [:]
    /// Sandboxes of the overlays that change, by overlay.
    private(set) var members: [String: [String]] = [:]

    /// What was there before, of what changes.
    private struct Before {
        var remotes: [String: [IPAddress: RemoteEndpoint?]] = [:]
        var tasks: [String: [IPAddress: [IPAddress]?]] = [:]
        var ports: [MeshPortKey: MeshPort?] = [:]
        /// Ports that were taken away, be it that they are there again.
        var left: Set<MeshPortKey> = []
    }

    /// Carries out the changes in the network.
    /// - Returns: `nil`, and the network as it was, when they reach further than rows and elements, or when something that is concerned is not known
    ///   to be as it should.
    /// - Parameters:
    ///   - claims: of the network's sandboxes; none of these is looked at itself.
    ///   - isReady: whether a namespace is as it is known to be, and open.
    init?(
        _ details: [NetworkDetail], in network: inout NodeNetwork, claims: Claims,
        applied: [Scope: AppliedNamespace],
        isReady: (Scope) -> Bool
    ) {
        guard fits(details, network, claims, isReady) else { return nil }
        var before = Before()
        var places: [String: Int] = [:]
        for (place, overlay) in network.overlays.enumerated() { places[overlay.id] = place }
        for detail in details {
            if case .ingress(let key, let change) = detail {
                before.ports.keep(network.ingress?.ports.first { $0.key == key }, key)
                if change == .port(false) { before.left.insert(key) }
            }
            if case .overlay(let id, let change) = detail, let place = places[id] {
                switch change {
                case .remote(let endpoint):
                    guard let address = endpoint.addresses.primary else { continue }
                    before.remotes[id, default: [:]].keep(network.overlays[place].remotes[address], address)
                case .remoteRemoved(let address):
                    before.remotes[id, default: [:]].keep(network.overlays[place].remotes[address], address)
                case .service(let service, _), .backend(let service, _, _):
                    before.tasks[id, default: [:]].keep(network.overlays[place].tasks[service], service)
                case .reserved: break
                }
            }
            _ = network.apply(detail)
        }
        planRows(before, network, claims, places)
        planServices(before, network, places)
        planMesh(before, network, claims.localTargets, applied)
    }

    // MARK: whether it fits

    private mutating func fits(
        _ details: [NetworkDetail], _ network: NodeNetwork, _ claims: Claims, _ isReady: (Scope) -> Bool
    ) -> Bool {
        var (overlays, overlaysWithRows): (Set<String>, Set<String>) = ([], [])
        var called: [String: Set<IPAddress>] = [:]
        var services6 = Services6()
        for detail in details {
            switch detail {
            case .peer: return false
            case .ingress(let key, let change):
                // What is chosen otherwise than by turns, or answers at some places alone, is said in nft's language.
                switch change {
                case .reach, .row: return false
                case .port, .backend: break
                }
                if network.ingress?.ports.contains(where: { $0.key == key && ($0.reach != nil || $0.isRow) }) == true {
                    return false
                }
                guard network.ingress != nil else { continue }
                guard isReady(.node), isReady(.ingress) else { return false }
            case .overlay(let id, let change):
                guard network.overlays.contains(where: { $0.id == id }) else { continue }
                overlays.insert(id)
                switch change {
                case .remote, .remoteRemoved, .reserved: overlaysWithRows.insert(id)
                case .service(let service, let isThere):
                    called[id, default: []].insert(service)
                    services6.note(service, isThere, in: id)
                case .backend(let service, let backend, _):
                    // What is behind an address is of its family.
                    if service.family != backend.family { return false }
                    called[id, default: []].insert(service)
                    services6.note(service, true, in: id)
                }
            }
        }
        if network.underlay == nil, !overlays.isEmpty { return false }
        if !services6.haveTables(in: network.overlays) { return false }
        for id in overlaysWithRows where !isReady(.overlay(id)) { return false }
        var shared: [String: Set<String>] = [:]
        for (id, addresses) in called {
            for overlay in network.overlays where overlay.id != id {
                let others = called[overlay.id] ?? []
                let means = addresses.contains { overlay.tasks[$0] != nil || others.contains($0) }
                if means { shared[id, default: []].insert(overlay.id) }
            }
        }
        for id in overlays {
            for (sandbox, member) in claims.members[id] ?? [:] {
                // What it may not use are elements of the overlay's table, too.
                if member.isLax, overlaysWithRows.contains(id) { return false }
                members[id, default: []].append(sandbox)
                // Two networks, or the sandbox itself, might mean something else by an address.
                guard isReady(.sandbox(sandbox)), member.isPlain else { return false }
                if let others = shared[id], !member.others.isDisjoint(with: others) { return false }
            }
        }
        return true
    }

    // MARK: rows

    private mutating func planRows(
        _ before: Before, _ network: NodeNetwork, _ claims: Claims, _ places: [String: Int]
    ) {
        for (id, old) in before.remotes {
            guard let place = places[id] else { continue }
            let overlay = network.overlays[place]
            var rows = Rows(isForgiving: overlay.isEncrypted)
            func behind(_ mac: MACAddress) -> ForwardingKey { .behindTunnel(mac, isEncrypted: overlay.isEncrypted) }
            var gone: [IPAddress] = []
            for (address, endpoint) in old {
                let now = overlay.remotes[address]
                if let endpoint, endpoint != now {
                    let lost = Set(endpoint.addresses.all).subtracting(now?.addresses.all ?? [])
                    gone += lost
                    for address in lost { rows.neighbours[.tunnel(address)] = .some(nil) }
                    if endpoint.mac != now?.mac {
                        rows.forwarding[.tunnel(endpoint.mac)] = .some(nil)
                        if !claims.isLocal(endpoint.mac, in: id) {
                            rows.forwarding[behind(endpoint.mac)] = .some(nil)
                        }
                    }
                }
            }
            // What comes counts, should it have an address or MAC of what goes.
            for (address, endpoint) in old {
                guard let now = overlay.remotes[address], now != endpoint else { continue }
                rows.forwarding[.tunnel(now.mac)] = ForwardingTarget(remote: now.vtep)
                // Where it stays behind the tunnel, its row is there, and the kernel would tell of no change.
                let isNew = (endpoint?.mac != now.mac) || rows.forwarding[behind(now.mac)] != nil
                if isNew, !claims.isLocal(now.mac, in: id) {
                    rows.forwarding[behind(now.mac)] = ForwardingTarget()
                }
                for address in now.addresses.all { rows.neighbours[.tunnel(address)] = now.mac }
                coming[id, default: []] += now.addresses.all
            }
            let left = Set(gone.filter { rows.neighbours[.tunnel($0)] == .some(nil) })
            // Of the tunnel's own tables the process that encrypts is told by itself.
            if overlay.isEncrypted {
                rows.forwarding = rows.forwarding.filter { $0.key.owner == .master }
                rows.neighbours = [:]
            }
            rows.makeRequests()
            self.rows[id] = rows
            if gone.isEmpty { continue }
            let local = Set((claims.members[id] ?? [:]).values.lazy.flatMap(\.addresses))
            let lost = gone.filter { left.contains($0) && !local.contains($0) }
            end(lost.map { .answered($0) }, inside: id, network)
        }
    }

    private mutating func end(_ ends: [ConnectionEnd], inside overlay: String, _ network: NodeNetwork) {
        if ends.isEmpty { return }
        for id in members[overlay] ?? [] { self.ends[.sandbox(id), default: []] += ends }
        if network.ingress?.overlayID == overlay { self.ends[.ingress, default: []] += ends }
    }

    // MARK: elements

    private mutating func planServices(_ before: Before, _ network: NodeNetwork, _ places: [String: Int]) {
        for (id, old) in before.tasks {
            guard let place = places[id] else { continue }
            let overlay = network.overlays[place]
            var changes: [IPFamily: [BalancingSteps.Change]] = [:]
            var new: [ConnectionEnd] = []
            for (service, tasks) in old {
                let now = overlay.tasks[service]
                if tasks == now { continue }
                if tasks == nil { new.append(.called(service)) }
                changes[service.family, default: []].append(
                    BalancingSteps.Change(key: "\(service)", old: tasks, new: now) { $0.description })
            }
            var steps: [TableStep] = []
            for (family, changes) in changes {
                // Chains of those that stay, and of what those that change had.
                var counts = Set(
                    overlay.tasks.lazy.filter { $0.key.family == family && old[$0.key] == nil }.map(\.value.count))
                counts.formUnion(old.lazy.filter { $0.key.family == family }.compactMap { $0.value?.count })
                steps += BalancingSteps.services(family).steps(changes, present: counts)
            }
            if !steps.isEmpty { services[id] = steps }
            for id in members[id] ?? [] where !new.isEmpty { ends[.sandbox(id), default: []] += new }
        }
    }

    /// Of ports that are as they were nothing but the keys is looked at.
    private mutating func planMesh(
        _ before: Before, _ network: NodeNetwork, _ localTargets: [IPAddress: IPAddress],
        _ applied: [Scope: AppliedNamespace]
    ) {
        guard !before.ports.isEmpty, let ingress = network.ingress, let atNode = applied[.node],
            let atSandbox = applied[.ingress]
        else { return }
        var (changed, gone, come): ([MeshPort], Set<MeshPortKey>, Set<MeshPortKey>) = ([], [], [])
        for (key, old) in before.ports {
            let new = ingress.ports.first { $0.key == key }
            let hasLeft = before.left.contains(key)
            if old != nil, new == nil || hasLeft { gone.insert(key) }
            if new != nil, old == nil || hasLeft { come.insert(key) }
            if let new, old != nil, old != new, !hasLeft { changed.append(new) }
        }
        if changed.isEmpty, gone.isEmpty, come.isEmpty { return }
        // What comes is put behind the others.
        let last = Array(ingress.ports.suffix(come.count))
        typealias Step = (old: MeshPort?, new: MeshPort?)
        func ports(
            _ known: [MeshPort], _ make: (MeshPort, [IPAddress: IPAddress]) -> MeshPort
        ) -> (Ports, [Step]) {
            var steps: [Step] = []
            let made = (changed + last).map { port -> MeshPort in
                var new = make(port, localTargets)
                let old = known.first { $0.key == port.key }
                if let old { new = before.ports[port.key] == .some(port) ? old : new.numbered(like: old) }
                steps.append((old: old, new: new))
                return new
            }
            let count = changed.count
            let ports = Ports(changed: Array(made.prefix(count)), gone: gone, come: Array(made.dropFirst(count)))
            for key in gone.subtracting(come) { steps.append((old: known.first { $0.key == key }, new: nil)) }
            return (ports, steps)
        }
        let (node, nodeSteps) = ports(atNode.input.meshPorts, ingress.nodeBackends)
        let (sandbox, sandboxSteps) = ports(atSandbox.input.meshPorts, ingress.elsewhere)
        (portsAtNode, portsAtSandbox) = (node, sandbox)
        for family in ingress.families {
            self.node += BalancingSteps.nodePorts(family).steps(nodeSteps, in: atNode.state.fixedTables)
            self.ingress += BalancingSteps.ports(family).steps(sandboxSteps, in: atSandbox.state.fixedTables)
        }
        let (opened, closed) = (come.subtracting(gone), gone.subtracting(come))
        changesPorts = !opened.isEmpty || !closed.isEmpty
        for key in opened { ends[.node, default: []].append(.unled(key.transport, key.number, at: nil)) }
        for port in nodeSteps.compactMap(\.old) where closed.contains(port.key) {
            let addresses = Set(port.backends.map(\.address)).sorted()
            ends[.node, default: []] += addresses.map { .port(port.publishedPort, answeredFrom: $0) }
        }
    }
}

/// Changes of services of IPv6: a sandbox that has no IPv6 itself has their table only while there are some.
private struct Services6 {
    private var changed: Set<String> = []
    private var removed: [String: Set<IPAddress>] = [:]

    mutating func note(_ service: IPAddress, _ isThere: Bool, in overlay: String) {
        guard service.family == .v6 else { return }
        changed.insert(overlay)
        if !isThere { removed[overlay, default: []].insert(service) }
    }

    /// Whether each overlay has one before the changes that it has after them, too.
    func haveTables(in overlays: [OverlayNetwork]) -> Bool {
        if changed.isEmpty { return true }
        return overlays.allSatisfy { overlay in
            let gone = removed[overlay.id] ?? []
            return !changed.contains(overlay.id)
                || overlay.tasks.keys.contains { $0.family == .v6 && !gone.contains($0) }
        }
    }
}

extension FinePlan.Rows {
    fileprivate mutating func makeRequests() {
        for (key, target) in forwarding {
            let entry = ForwardingEntry(
                link: .name(key.link), mac: key.mac, owner: key.owner, remote: (target ?? nil)?.remote)
            if target == nil {
                removing.append(DeleteForwardingEntry(entry).allowing(.missing).forgiving(key))
            } else {
                building.append(SetForwardingEntry(entry).forgiving(key))
            }
        }
        for (key, mac) in neighbours {
            let neighbour = Neighbour(link: .name(key.link), address: key.address, mac: mac)
            if mac == nil {
                removing.append(DeleteNeighbour(neighbour).allowing(.missing))
            } else {
                building.append(SetNeighbour(neighbour))
            }
        }
    }
}

extension [IPAddress: RemoteEndpoint?] {
    fileprivate mutating func keep(_ value: RemoteEndpoint?, _ key: IPAddress) {
        if self[key] == nil { updateValue(value, forKey: key) }
    }
}

extension [MeshPortKey: MeshPort?] {
    fileprivate mutating func keep(_ value: MeshPort?, _ key: MeshPortKey) {
        if self[key] == nil { updateValue(value, forKey: key) }
    }
}

extension [IPAddress: [IPAddress]?] {
    fileprivate mutating func keep(_ value: [IPAddress]?, _ key: IPAddress) {
        if self[key] == nil { updateValue(value, forKey: key) }
    }
}

extension NeighbourKey {
    fileprivate static func tunnel(_ address: IPAddress) -> Self {
        NeighbourKey(link: Layout.overlayTunnel, address: address)
    }
}
