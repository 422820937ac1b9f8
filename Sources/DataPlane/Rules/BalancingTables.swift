import Addressing
import Model
import Nftables

/// `ip lb`: service addresses, in the namespace of the container that calls them. No packet carries one outside it.
///
/// The choice is random: the counter of a chain would be shared by all addresses with so many backends, and a caller
/// alternating between two of them would always reach the same backend of each.
struct ServiceTable: Equatable, Sendable {
    static let id = TableID(.ip, "lb")

    /// What the caller has of its own.
    var own: [VirtualAddress] = []
    /// What its networks have, in the order of its interfaces: tasks by service address, at the places that are their numbers. Shared by all who call.
    var networks: [[IPAddress: [IPAddress]]] = []

    /// Of two of one address the first counts.
    private var services: [(address: IPAddress, backends: [IPAddress])] {
        own.map { ($0.address, $0.backends) } + networks.flatMap { $0.map { ($0.key, $0.value) } }
    }

    private static let skeleton = """
        map vip { type ipv4_addr : verdict; }
        map be { typeof ip daddr . numgen random mod 2 : ip daddr; }
        \(refusalChain)
        chain nat_in { type nat hook prerouting priority dstnat; policy accept; ip daddr vmap @vip; }
        chain nat_out { type nat hook output priority -100; policy accept; ip daddr vmap @vip; }
        """

    var table: Table {
        var chains: [String: String] = [:]
        var addresses: [String: String] = [:]
        var backends: [String: String] = [:]
        for service in services where service.address.family == .v4 {
            if addresses["\(service.address)"] != nil { continue }
            let own = service.backends.compactMap(\.v4)
            let count = own.count
            if count > 0 { chains["n\(count)"] = Self.balancing.text(of: count) }
            addresses["\(service.address)"] = "goto n\(count)"
            for (index, backend) in own.enumerated() {
                backends["\(service.address) . \(index)"] = "\(backend)"
            }
        }
        return Table(
            Self.id, skeleton: Self.skeleton, chains: chains, balancing: Self.balancing,
            sets: [
                ElementSet("be", layout: Self.backendLayout, elements: backends),
                ElementSet("vip", layout: Self.addressLayout, elements: addresses),
            ])
    }

    static let balancing = Balancing.addresses(map: "be")
    static let backendLayout = ElementLayout(.address, .number, value: .fields([.address]))
    static let addressLayout = ElementLayout(.address, value: .chain)

    // MARK: IPv6

    static let id6 = TableID(.ip6, "lb")
    static let balancing6 = Balancing.addresses(map: "be", .v6)
    static let backendLayout6 = ElementLayout(.address6, .number, value: .fields([.address6]))
    static let addressLayout6 = ElementLayout(.address6, value: .chain)

    private static let skeleton6 = """
        map vip { type ipv6_addr : verdict; }
        map be { typeof ip6 daddr . numgen random mod 2 : ip6 daddr; }
        chain n0 {
        meta l4proto tcp reject with tcp reset
        reject with icmpv6 port-unreachable
        }
        chain nat_in { type nat hook prerouting priority dstnat; policy accept; ip6 daddr vmap @vip; }
        chain nat_out { type nat hook output priority -100; policy accept; ip6 daddr vmap @vip; }
        """

    /// `ip6 lb`: the same for addresses of IPv6; `nil` where no service has one.
    var table6: Table? {
        var chains: [String: String] = [:]
        var addresses: [String: String] = [:]
        var backends: [String: String] = [:]
        for service in services {
            guard let address = service.address.v6?.description, addresses[address] == nil else { continue }
            let own = service.backends.compactMap(\.v6)
            if !own.isEmpty { chains["n\(own.count)"] = Self.balancing6.text(of: own.count) }
            addresses[address] = "goto n\(own.count)"
            for (index, backend) in own.enumerated() { backends["\(address) . \(index)"] = "\(backend)" }
        }
        if addresses.isEmpty { return nil }
        return Table(
            Self.id6, skeleton: Self.skeleton6, chains: chains, balancing: Self.balancing6,
            sets: [
                ElementSet("be", layout: Self.backendLayout6, elements: backends),
                ElementSet("vip", layout: Self.addressLayout6, elements: addresses),
            ])
    }
}

/// `ip ingress`: ports of the mesh whose tasks are elsewhere, in the ingress sandbox. Only the destination is changed, so
/// that the task sees the client's address. The index goes through the mark, so that the map can be declared by types
/// alone: nft 1.0.6 cannot add rules later to a map declared by `typeof … th dport`. Nothing routes by mark in this
/// namespace.
struct IngressTable {
    static let id = TableID(.ip, "ingress")

    let ingress: IngressSandbox

    var table: Table {
        let called = ingress.gatewayAddresses.v4.map { "iifname \"\(Layout.gatewayInterface)\" ip daddr \($0.address)" }
        let entry = called.map { $0 + " meta l4proto . th dport vmap @svc" } ?? ""
        let skeleton = """
            map svc { type inet_proto . inet_service : verdict; }
            map be { type inet_proto . inet_service . mark : ipv4_addr . inet_service; }
            \(refusalChain)
            chain nat_in { type nat hook prerouting priority dstnat; policy accept;
            \(entry)
            }
            chain filter_fwd { type filter hook forward priority filter; policy drop;
            ct state established,related accept
            ct status dnat accept
            }
            """
        var chains: [String: String] = [:]
        var ports: [String: String] = [:]
        var backends: [String: String] = [:]
        for port in ingress.ports {
            let own = port.backends.filter { $0.address.family == .v4 }
            let count = own.count
            let key = "\(port.transport) . \(port.publishedPort)"
            let (name, text) = Self.balancing.chain(of: count, port.reach)
            if let text { chains[name] = text }
            ports[key] = "goto \(name)"
            for (index, backend) in own.enumerated() {
                backends["\(key) . \(index)"] = "\(backend.address) . \(backend.port)"
            }
        }
        return Table(
            Self.id, skeleton: skeleton, chains: chains, balancing: Self.balancing,
            sets: [
                ElementSet("be", layout: Self.backendLayout, elements: backends),
                ElementSet("svc", layout: Self.portLayout, elements: ports),
            ])
    }

    static let balancing = Balancing.ports(map: "be", through: .mark)
    static let backendLayout = ElementLayout(.transport, .port, .number, value: .fields([.address, .port]))
    static let portLayout = ElementLayout(.transport, .port, value: .chain)
}

extension Balancing {
    /// The chain that chooses one of so many for a port, and its rule unless the skeleton has it.
    func chain(of count: Int, _ reach: PortReach?) -> (name: String, text: String?) {
        if reach?.isBySource == true, let text = textBySource(of: count) { return ("s\(count)", text) }
        return ("n\(count)", count > 0 ? text(of: count) : nil)
    }
}

/// An address or port without backends refuses at once.
let refusalChain = """
    chain n0 {
    meta l4proto tcp reject with tcp reset
    reject with icmp port-unreachable
    }
    """
