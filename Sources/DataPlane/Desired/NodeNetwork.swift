package import Addressing

/// The wanted network of a whole node, as one value: what is not in it does not exist. The engine computes it from its
/// containers and from what the managers say; ``NodeDataPlane`` makes the kernel agree.
///
/// Ids are those that the API shows (64 hex digits, or 25 characters for swarm networks); addresses carry the prefix
/// length of their subnet.
package struct NodeNetwork: Codable, Equatable, Sendable {
    /// `nil` on a node that is in no swarm.
    package var underlay: Underlay?
    package var bridges: [BridgeNetwork]
    package var overlays: [OverlayNetwork]
    /// Networks on links that the node has.
    package var parents: [ParentNetwork]
    /// `nil` on a node that is in no swarm.
    package var ingress: IngressSandbox?
    /// One per container that has a network namespace of its own.
    package var sandboxes: [Sandbox]

    package init(
        underlay: Underlay? = nil, bridges: [BridgeNetwork] = [], overlays: [OverlayNetwork] = [],
        parents: [ParentNetwork] = [], ingress: IngressSandbox? = nil, sandboxes: [Sandbox] = []
    ) {
        self.underlay = underlay
        self.bridges = bridges
        self.overlays = overlays
        self.parents = parents
        self.ingress = ingress
        self.sandboxes = sandboxes
    }
}

/// The network between the nodes, which carries VXLAN.
package struct Underlay: Codable, Equatable, Sendable {
    /// This node's VTEP.
    package var address: IPAddress
    /// The link by which VXLAN arrives; what arrives by another is dropped. `nil`: whichever has the address.
    package var link: String?
    /// MTU of the link that has the address; overlays get ``overhead(over:)`` less.
    package var mtu: Int
    /// VTEPs of all nodes, this one included. VXLAN from others is dropped.
    package var peers: Set<IPAddress>
    /// UDP port of VXLAN, the same on every node.
    package var port: UInt16
    /// TCP ports at which the swarm's nodes speak with each other: containers reach them on no node, nor the data path's.
    package var controlPorts: Set<UInt16>
    /// Where managers are reached, beside the VTEPs.
    package var managers: Set<IPAddress>
    /// How many UDP ports after VXLAN's what is encrypted arrives at; none while this node encrypts nothing.
    package var encryptedPorts: Int

    /// Ethernet, IP, UDP and VXLAN headers (RFC 7348 §5): 50 bytes over IPv4, 70 over IPv6.
    package static func overhead(over family: IPFamily) -> Int { family == .v4 ? 50 : 70 }

    package init(
        address: IPAddress, link: String? = nil, mtu: Int = 1500, peers: Set<IPAddress>, port: UInt16 = 4789,
        controlPorts: Set<UInt16> = [], managers: Set<IPAddress> = [], encryptedPorts: Int = 0
    ) {
        self.encryptedPorts = encryptedPorts
        self.address = address
        self.link = link
        self.mtu = mtu
        self.peers = peers
        self.port = port
        self.controlPorts = controlPorts
        self.managers = managers
    }

    /// UDP ports at which ESP arrives, one a lane.
    var espPorts: [UInt16] { (0..<max(encryptedPorts, 0)).compactMap { UInt16(exactly: Int(clamping: port) + 1 + $0) } }

    /// The MTU of an encrypted overlay: its headers and ICV are 92 bytes over IPv4, 112 over IPv6, and a multiple of 4 needs no padding.
    package static func encryptedMTU(_ mtu: Int, over family: IPFamily) -> Int {
        max(0, mtu - (family == .v4 ? 92 : 112)) & ~3
    }

    /// Addresses of the swarm's nodes, as far as others than they themselves have something to ask there.
    var members: Set<IPAddress> { peers.union(managers) }
}

/// A bridge of the node: `docker0`, `docker_gwbridge`, `br-…`.
package struct BridgeNetwork: Codable, Equatable, Sendable, Identifiable {
    package var id: String
    /// The bridge's own name, at most 15 bytes.
    package var linkName: String
    /// The bridge's own, with their subnets' prefix lengths: what its containers have as gateway. In families that are ``unaddressed`` its link has none.
    package var addresses: EndpointAddresses
    package var mac: MACAddress
    /// Bytes.
    package var mtu: Int
    /// No way out and no way in except to its own containers.
    package var isInternal: Bool
    /// Containers of the bridge may talk to each other (`com.docker.network.bridge.enable_icc`).
    package var allowsInterContainer: Bool
    /// Packets that leave the node get its address (`com.docker.network.bridge.enable_ip_masquerade`).
    package var masquerades: Bool
    /// What comes from outside the node may go to any port of a container's IPv4 address (gateway mode `nat-unprotected`).
    package var isUnprotected4: Bool
    /// The same for IPv6.
    package var isUnprotected6: Bool
    /// Families that are routed to: nothing that leaves gets another address, and what comes from elsewhere may go to ``Sandbox/direct`` ports.
    package var routed: Set<IPFamily> = []
    /// Families in which the link has no address: another gateway is in the network, or none.
    package var unaddressed: Set<IPFamily> = []
    /// Links of the node by which ``Sandbox/direct`` ports are reached as well.
    package var trustedLinks: Set<String> = []
    /// What leaves the node gets these instead of the address of the link by which it goes.
    package var sources = HostAddresses()

    package init(
        id: String, linkName: String, addresses: EndpointAddresses, mac: MACAddress, mtu: Int = 1500,
        isInternal: Bool = false, allowsInterContainer: Bool = true, masquerades: Bool = true,
        isUnprotected4: Bool = false, isUnprotected6: Bool = false
    ) {
        self.isUnprotected4 = isUnprotected4
        self.isUnprotected6 = isUnprotected6
        self.id = id
        self.linkName = linkName
        self.addresses = addresses
        self.mac = mac
        self.mtu = mtu
        self.isInternal = isInternal
        self.allowsInterContainer = allowsInterContainer
        self.masquerades = masquerades
    }
}

extension BridgeNetwork {
    /// Those that its link has.
    var ownAddresses: EndpointAddresses {
        EndpointAddresses(
            v4: unaddressed.contains(.v4) ? nil : addresses.v4, v6: unaddressed.contains(.v6) ? nil : addresses.v6)
    }
}

/// A network across nodes. Present while a sandbox of this node, or the ingress sandbox, is in it.
package struct OverlayNetwork: Codable, Equatable, Sendable, Identifiable {
    package var id: String
    /// VXLAN network identifier, 24 bits.
    package var vni: UInt32
    /// Bytes, ``Underlay/overhead(over:)`` less than the underlay's; for an encrypted one see ``Underlay/encryptedMTU(_:over:)``.
    package var mtu: Int
    /// Its packets must never travel in clear: it has no VXLAN device, but a TAP device that the process which encrypts makes.
    package var isEncrypted: Bool
    /// Endpoints on other nodes, by their first address.
    var remotes: [IPAddress: RemoteEndpoint]
    /// Addresses of services, and the tasks behind each: every sandbox that has an endpoint here may call them. A task's place among those of an
    /// address is the number under which the rules know it, see ``Numbering``.
    var tasks: [IPAddress: [IPAddress]]
    /// Addresses that are taken though no endpoint has them: gateways, services. Wanted where an endpoint of this node may use
    /// further addresses.
    package var reserved: Set<IPAddress>
    /// Nothing of it passes from one endpoint to another, here or on another node: each is there for its names, and for what is reached otherwise.
    package var keepsEndpointsApart = false

    package init(
        id: String, vni: UInt32, mtu: Int = 1450, isEncrypted: Bool = false, remoteEndpoints: [RemoteEndpoint] = [],
        services: [VirtualAddress] = [], reserved: Set<IPAddress> = []
    ) {
        self.id = id
        self.vni = vni
        self.mtu = mtu
        self.isEncrypted = isEncrypted
        remotes = [:]
        tasks = [:]
        self.reserved = reserved
        self.remoteEndpoints = remoteEndpoints
        self.services = services
    }

    /// Endpoints on other nodes, in order of their addresses; those without an address are none.
    package var remoteEndpoints: [RemoteEndpoint] {
        get { remotes.values.sorted { $0.addresses < $1.addresses } }
        set {
            let keyed = newValue.compactMap { endpoint in endpoint.addresses.primary.map { ($0, endpoint) } }
            remotes = Dictionary(keyed) { _, last in last }
        }
    }

    /// Service addresses that containers of this network may call, in their order.
    package var services: [VirtualAddress] {
        get { tasks.sorted { $0.key < $1.key }.map { VirtualAddress(address: $0.key, backends: $0.value) } }
        set { tasks = Dictionary(newValue.map { ($0.address, $0.backends) }) { _, last in last } }
    }
}

/// An endpoint behind another node's VTEP.
package struct RemoteEndpoint: Codable, Hashable, Sendable {
    package var addresses: HostAddresses
    package var mac: MACAddress
    package var vtep: IPAddress

    package init(addresses: HostAddresses, mac: MACAddress, vtep: IPAddress) {
        self.addresses = addresses
        self.mac = mac
        self.vtep = vtep
    }
}

extension NodeNetwork {
    /// Whether anything of the node's own namespace is of IPv6.
    var hasIPv6: Bool { underlay?.address.family == .v6 || bridges.contains { $0.addresses.v6 != nil } }
}
