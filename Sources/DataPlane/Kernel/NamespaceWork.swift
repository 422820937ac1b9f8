import Addressing
import LinuxSystem
import Netlink
import Nftables

/// The blocking steps in one namespace. Each runs on a thread inside it.
enum NamespaceWork {
    /// A namespace just made: loopback up, and what containers expect and runtimes may change afterwards.
    static func prepare() throws {
        try RouteSocket().perform(SetLink("lo", isUp: true))
        try Sysctl.write("net/ipv4/ip_unprivileged_port_start", "0")
        try Sysctl.write("net/ipv4/ping_group_range", "0 2147483647")
    }

    /// Before devices come that are made from the node's namespace.
    static func clear(_ plan: NamespacePlan, _ socket: RouteSocket) throws {
        try write(plan.earlyParameters)
        if !plan.clearing.isEmpty { try socket.perform(plan.clearing) }
    }

    static func build(_ plan: NamespacePlan, _ socket: RouteSocket) throws {
        let requests = plan.building + plan.welcoming
        // A link may have to be told first that it has IPv6 at all.
        let (others, sixes) = (requests.filter { !$0.needsIPv6 }, requests.filter(\.needsIPv6))
        if !others.isEmpty { try socket.perform(others) }
        try write(plan.lateParameters)
        if !sixes.isEmpty { try socket.perform(sixes) }
    }

    static func remove(_ plan: NamespacePlan, _ socket: RouteSocket) throws {
        if !plan.removing.isEmpty { try socket.perform(plan.removing) }
        try delete(plan.leaving.map { .name($0) }, socket)
    }

    /// Links that are missing are fine. Several go as a group: the kernel takes 16 to 45 ms to give up a veth, however many others go along.
    private static func delete(_ links: [LinkID], _ socket: RouteSocket) throws {
        if links.isEmpty { return }
        if let only = links.first, links.count == 1 { return try socket.perform(DeleteLink(only).allowing(.missing)) }
        try socket.perform(
            links.map { SetLink($0, group: Layout.leavingGroup).allowing(.missing) }
                + [DeleteLinks(group: Layout.leavingGroup).allowing(.missing)])
    }

    /// Deletes every link, so that none outlives the namespace, whose end is asynchronous.
    static func removeAllLinks() throws {
        let socket = try RouteSocket()
        let links = try socket.links().filter { $0.name != "lo" && $0.kind != nil }
        try delete(links.map { .index($0.index) }, socket)
    }

    private static func write(_ parameters: [NamespacePlan.Parameter]) throws {
        for parameter in parameters {
            if parameter.name == forwarding6Parameter { try keepAdvertisedRoutes() }
            // Without br_netfilter there is nothing to switch off.
            if parameter.name.hasPrefix("net/bridge/"), try Sysctl.read(parameter.name) == nil { continue }
            try Sysctl.write(parameter.name, parameter.value)
        }
    }

    /// Links that have routes from a router's advertisements go on to take them when the node begins to forward.
    private static func keepAdvertisedRoutes() throws {
        guard try Sysctl.read(forwarding6Parameter) == "0" else { return }
        let socket = try RouteSocket()
        let advertised = Set(try socket.routes(.v6, addedBy: advertisedProtocol).compactMap(\.link))
        if advertised.isEmpty { return }
        for link in try socket.links() where advertised.contains(.index(link.index)) {
            let name = "net/ipv6/conf/\(link.name)/accept_ra"
            if try Sysctl.read(name) == "1" { try Sysctl.write(name, "2") }
        }
    }

    /// RTPROT_RA.
    private static let advertisedProtocol: UInt8 = 9

    /// Chains and sets in a container's namespace: libnftables keeps a kilobyte of each for every change, whosever they are.
    static let mostObjects = 32_768
    /// Elements of sets of ranges, which it reads before it adds or deletes an element anywhere.
    private static let mostElements = 8_192

    /// Runs the changes as one transaction and returns what the chains of these tables look like now.
    static func change(_ commands: String, listing tables: [Table]) throws -> [TableID: [String: String]] {
        if commands.isEmpty { return [:] }
        let context = NftContext()
        try context.run(commands)
        if tables.isEmpty { return [:] }
        let ids = tables.map(\.id)
        return try context.tables(ids, bare: Set(ids)).mapValues(\.chains)
    }

    /// So many elements fit one transaction's buffer.
    private static let mostFilled = 4_096

    /// Makes tables in a namespace in which nobody runs yet. Their elements, of which there may be one for every task of a service, are our own messages:
    /// nft's language costs ten times as much. Until they have come the tables are empty.
    static func load(_ tables: [Table], listing unknown: [Table]) throws -> [TableID: [String: String]] {
        let steps = tables.flatMap(\.filling)
        let count = tables.reduce(0) { $0 + $1.sets.reduce(0) { $0 + $1.elements.count } }
        guard count <= mostFilled, let elements = RulesetChanges(steps) else {
            return try change(tables.map(\.replacement).joined(), listing: unknown)
        }
        let listed = try change(tables.map(\.emptied.replacement).joined(), listing: unknown)
        try RulesetSocket().perform(elements)
        return listed
    }

    /// The name of the link that has an address; `nil` when none has.
    static func link(with address: IPAddress) throws -> String? {
        let socket = try RouteSocket()
        guard let row = try socket.addresses(address.family).first(where: { $0.network.address == address }) else {
            return nil
        }
        return switch row.link {
        case .index(let index): try socket.link(at: index)?.name
        case .name(let name): name
        }
    }

    static func ownAddresses() throws -> Set<IPAddress> {
        let socket = try RouteSocket()
        return Set(try IPFamily.allCases.flatMap { try socket.addresses($0) }.map(\.network.address))
    }

    /// The same where a container may have put whatever it likes beside what is ours. Where that is much, tables are replaced as a
    /// whole, for which nothing is read.
    static func changeInSandbox(_ commands: String, replacement: String, listing tables: [Table]) throws
        -> [TableID: [String: String]]
    {
        if commands.isEmpty { return [:] }
        let isMuch = try checkLoad(Ruleset()) > mostElements
        return try change(isMuch ? replacement : commands, listing: tables)
    }

    /// Returns how many elements libnftables would read.
    /// - Throws: ``DataPlaneError`` when there is so much that nothing can be changed without reading it.
    @discardableResult
    static func checkLoad(_ ruleset: Ruleset) throws -> Int {
        let load = try ruleset.load(objects: mostObjects, elements: mostElements)
        guard load.objects <= mostObjects else {
            throw DataPlaneError(
                code: .incomplete, message: "the container has more than \(mostObjects) chains and sets of its own")
        }
        return load.elements
    }

    /// Forgets connections, and returns how many there were.
    /// - Parameter selections: Where to look among as many as there are; `nil`: everywhere.
    static func forget(
        among selections: (Int) -> Set<ConnectionSelection>?, _ isGone: (TrackedConnection) -> Bool
    ) throws -> Int {
        let socket = try ConntrackSocket()
        return try socket.delete(among: selections(socket.countOrMany), where: isGone)
    }
}

extension NetlinkRequest {
    /// Whether a link without IPv6 refuses it.
    fileprivate var needsIPv6: Bool {
        switch self {
        case let request as AddAddress: request.address.network.family == .v6
        case let request as AddRoute: request.route.destination.family == .v6
        case let request as SetNeighbour: request.neighbour.address.family == .v6
        default: false
        }
    }
}
