import Addressing
import Model
import Nftables

/// `ip lb` and `ip6 lb`: service addresses, in the namespace of the container that calls them. No packet carries one outside it.
///
/// The choice is random: the counter of a chain would be shared by all addresses with so many backends, and a caller
/// alternating between two of them would always reach the same backend of each.
struct ServiceTable: Equatable, Sendable {
    /// What the caller has of its own.
    var own: [VirtualAddress] = []
    /// What its networks have, in the order of its interfaces: tasks by service address, at the places that are their numbers. Shared by all who call.
    var networks: [[IPAddress: [IPAddress]]] = []
    /// Whether the caller is in a network of services that has IPv6. Its table stays with it: the kernel stops translating connections that exist
    /// when a namespace loses its last chain for that, and those to a service that goes would hang instead of ending.
    var hasIPv6 = false

    static func id(of family: IPFamily) -> TableID { TableID(family.tableFamily, "lb") }
    static func balancing(of family: IPFamily) -> Balancing { .addresses(map: "be", family) }
    static func backendLayout(of family: IPFamily) -> ElementLayout {
        ElementLayout(family.addressField, .number, value: .fields([family.addressField]))
    }
    static func addressLayout(of family: IPFamily) -> ElementLayout {
        ElementLayout(family.addressField, value: .chain)
    }

    /// That of IPv4 is there whether a service has such an address or not, that of IPv6 where a network or a service has one.
    var tables: [Table] {
        let six = table(.v6)
        return [table(.v4)] + (!hasIPv6 && six.sets.allSatisfy(\.elements.isEmpty) ? [] : [six])
    }

    /// Of two of one address the first counts.
    private var services: [(address: IPAddress, backends: [IPAddress])] {
        own.map { ($0.address, $0.backends) } + networks.flatMap { $0.map { ($0.key, $0.value) } }
    }

    private static func skeleton(of family: IPFamily) -> String {
        let (type, ip) = (family.addressType, family.header)
        return """
            map vip { type \(type) : verdict; }
            map be { typeof \(ip) daddr . numgen random mod 2 : \(ip) daddr; }
            \(family.refusalChain)
            chain nat_in { type nat hook prerouting priority dstnat; policy accept; \(ip) daddr vmap @vip; }
            chain nat_out { type nat hook output priority -100; policy accept; \(ip) daddr vmap @vip; }
            """
    }

    func table(_ family: IPFamily) -> Table {
        let balancing = Self.balancing(of: family)
        var chains: [String: String] = [:]
        var addresses: [String: String] = [:]
        var backends: [String: String] = [:]
        for service in services where service.address.family == family {
            let address = service.address.description
            if addresses[address] != nil { continue }
            let own = service.backends.filter { $0.family == family }
            let chain = balancing.name(of: own.count)
            if !own.isEmpty { chains[chain] = balancing.text(of: own.count) }
            addresses[address] = "goto \(chain)"
            for (index, backend) in own.enumerated() { backends["\(address) . \(index)"] = "\(backend)" }
        }
        return Table(
            Self.id(of: family), skeleton: Self.skeleton(of: family), chains: chains, balancing: balancing,
            sets: [
                ElementSet("be", layout: Self.backendLayout(of: family), elements: backends),
                ElementSet("vip", layout: Self.addressLayout(of: family), elements: addresses),
            ])
    }
}

/// `ip ingress` and `ip6 ingress`: ports of the mesh whose tasks are elsewhere, in the ingress sandbox. Only the destination is changed, so
/// that the task sees the client's address. The index goes through the mark, so that the map can be declared by types
/// alone: nft 1.0.6 cannot add rules later to a map declared by `typeof … th dport`. Nothing routes by mark in this
/// namespace.
struct IngressTable {
    let family: IPFamily
    let ingress: IngressSandbox

    init(_ family: IPFamily, ingress: IngressSandbox) {
        self.family = family
        self.ingress = ingress
    }

    static func id(of family: IPFamily) -> TableID { TableID(family.tableFamily, "ingress") }
    static func balancing(of family: IPFamily) -> Balancing { .ports(map: "be", through: .mark, family) }
    static func backendLayout(of family: IPFamily) -> ElementLayout {
        ElementLayout(.transport, .port, .number, value: family.endpointLayout)
    }
    static let portLayout = ElementLayout(.transport, .port, value: .chain)

    var table: Table {
        let ip = family.header
        let called = ingress.gatewayAddresses[family].map {
            "iifname \"\(Layout.gatewayInterface)\" \(ip) daddr \($0.address) meta l4proto . th dport vmap"
        }
        let entry = called.map { "\($0) @svc\n\($0) @svcspans" } ?? ""
        let skeleton = """
            map svc { type inet_proto . inet_service : verdict; }
            map svcspans { type inet_proto . inet_service : verdict; flags interval; }
            map be { type inet_proto . inet_service . mark : \(family.addressType) . inet_service; }
            map bespans { type inet_proto . inet_service . mark : \(family.addressType); flags interval; }
            \(family.refusalChain)
            chain nat_in { type nat hook prerouting priority dstnat; policy accept;
            \(entry)
            }
            chain filter_fwd { type filter hook forward priority filter; policy drop;
            ct state established,related accept
            ct status dnat accept
            }
            """
        let balancing = Self.balancing(of: family)
        var chains: [String: String] = [:]
        var ports: [String: String] = [:]
        var backends: [String: String] = [:]
        let rows = MeshRows(ingress.ports, family, map: "bespans", through: .mark, number: { "\($0)" }) { _ in true }
        for port in rows.others {
            let own = port.backends.filter { $0.address.family == family }
            let key = "\(port.transport) . \(port.publishedPort)"
            let (name, text) = balancing.chain(of: own.count, port.reach)
            if let text { chains[name] = text }
            ports[key] = "goto \(name)"
            for (index, backend) in own.enumerated() {
                backends["\(key) . \(index)"] = "\(backend.address) . \(backend.port)"
            }
        }
        return Table(
            Self.id(of: family), skeleton: skeleton, chains: chains.merging(rows.chains) { own, _ in own },
            balancing: balancing,
            sets: [
                ElementSet("be", layout: Self.backendLayout(of: family), elements: backends),
                ElementSet("bespans", elements: rows.members),
                ElementSet("svcspans", elements: rows.entries),
                ElementSet("svc", layout: Self.portLayout, elements: ports),
            ])
    }
}

extension Balancing {
    /// The chain that chooses one of so many for a port, and its rule unless the skeleton has it.
    func chain(of count: Int, _ reach: PortReach?) -> (name: String, text: String?) {
        if reach?.isBySource == true, let text = textBySource(of: count) { return ("s\(count)", text) }
        return (name(of: count), count > 0 ? text(of: count) : nil)
    }
}
