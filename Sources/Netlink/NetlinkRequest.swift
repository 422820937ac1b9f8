// How to use this module:
//
//     try await namespace.run {                                  // a thread inside the network namespace
//         let socket = try RouteSocket()                         // belongs to that namespace
//         try socket.perform([
//             CreateBridge(name: "br0", mtu: 1450, group: 77, alias: "apus:bridge:…", isUp: true),
//             CreateVeth(name: "a0123", master: "br0", isUp: true, peer: VethPeer(name: "eth0", namespace: sandbox)),
//             SetPort("a0123", PortOptions(learning: false, locked: true, hairpin: true, unicastFlood: false)),
//             SetForwardingEntry(ForwardingEntry(link: "a0123", mac: mac, owner: .master)),
//             AddAddress(LinkAddress(link: "br0", network: gateway)),
//             AddRoute(Route(gateway: router, link: "eth0", table: 77)),
//             AddRule(Rule(priority: 77, table: 77, mark: mark, markMask: mask)),
//             SetNeighbour(Neighbour(link: "vx0", address: address, mac: mac)),
//         ])
//         let links = try socket.links()                         // also addresses(), routes(), rules(), neighbours()…
//     }
//
// `RouteSocket.open(in: namespace)` gives a socket of another namespace to any thread. Requests name links by name or
// index; names are looked up when their turn comes, so a batch may use the links it makes. `attempt` returns every
// request's own error; `request.allowing(.exists)` turns an expected refusal into success.

package import LinuxSystem

/// A link by name or by its index in the socket's namespace.
package enum LinkID: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    case name(String)
    case index(UInt32)

    package init(stringLiteral value: String) { self = .name(value) }

    package var description: String {
        switch self {
        case .name(let name): name
        case .index(let index): "#\(index)"
        }
    }
}

/// One message that asks the kernel to change something. Values only; `description` names it in errors.
package protocol NetlinkRequest: Sendable, CustomStringConvertible {
    /// RTM_NEWLINK…
    var type: UInt16 { get }
    /// Beside NLM_F_REQUEST and NLM_F_ACK.
    var flags: UInt16 { get }
    /// Links whose index the message needs.
    var links: [LinkID] { get }
    /// Namespaces that the message names by descriptor.
    var namespaces: [NetworkNamespace] { get }
    /// Refusals that count as success.
    var allowed: Set<NetlinkError.Code> { get }
    /// What the kernel ignores in this message and takes in another right behind it.
    var followUps: [any NetlinkRequest] { get }
    /// Writes the fixed part and the attributes.
    func encode(into message: inout MessageWriter, _ context: EncodingContext)
}

extension NetlinkRequest {
    package var links: [LinkID] { [] }
    package var namespaces: [NetworkNamespace] { [] }
    package var allowed: Set<NetlinkError.Code> { [] }
    package var followUps: [any NetlinkRequest] { [] }

    /// The same request, succeeding also when it is refused for one of these reasons.
    package func allowing(_ codes: NetlinkError.Code...) -> any NetlinkRequest {
        Tolerant(request: self, allowed: allowed.union(codes))
    }

    /// The whole message.
    package func message(sequence: UInt32, _ context: EncodingContext) -> [UInt8] {
        var writer = MessageWriter(type: type, flags: MessageFlags.request | MessageFlags.acknowledge | flags)
        encode(into: &writer, context)
        return writer.finished(sequence: sequence)
    }
}

/// What a request's names stand for at the time it is sent.
package struct EncodingContext: Sendable {
    /// The indexes of links that requests name, as they were when the message was made.
    package var indexes: [LinkID: UInt32]
    /// Open descriptors of namespaces, good until the batch has been sent.
    package var descriptors: [NetworkNamespace: CInt]

    package init(indexes: [LinkID: UInt32] = [:], descriptors: [NetworkNamespace: CInt] = [:]) {
        self.indexes = indexes
        self.descriptors = descriptors
    }

    /// 0, which the kernel refuses or ignores, for a name that was not announced in `links`.
    package func index(of link: LinkID?) -> UInt32 {
        switch link {
        case .index(let index): index
        case .name: link.flatMap { indexes[$0] } ?? 0
        case nil: 0
        }
    }

    func descriptor(of namespace: NetworkNamespace) -> CInt { descriptors[namespace] ?? -1 }
}

private struct Tolerant: NetlinkRequest {
    let request: any NetlinkRequest
    let allowed: Set<NetlinkError.Code>

    var type: UInt16 { request.type }
    var flags: UInt16 { request.flags }
    var links: [LinkID] { request.links }
    var namespaces: [NetworkNamespace] { request.namespaces }
    var followUps: [any NetlinkRequest] { request.followUps }
    var description: String { request.description }
    func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        request.encode(into: &message, context)
    }
}
