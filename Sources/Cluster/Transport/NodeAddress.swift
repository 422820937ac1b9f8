import Addressing
import GRPCCore
import Model

/// Which addresses a node may name as its own: see `docs/decisions/0009-what-a-node-may-say.md`.
struct NodeAddress {
    /// Who asks; `nil` for a node that joins.
    let nodeID: String?
    /// Where the connection comes from, as the kernel says; `nil` when it is no internet address.
    let source: IPAddress?

    init(_ nodeID: String?, _ context: ServerContext) {
        self.nodeID = nodeID
        source = Self.source(of: context)
    }

    init(_ nodeID: String?, source: IPAddress?) {
        self.nodeID = nodeID
        self.source = source
    }

    /// The address of a connection's other end.
    static func source(of context: ServerContext) -> IPAddress? { source(ofPeer: context.remotePeer) }

    /// - Parameter peer: As gRPC writes it: `ipv4:10.0.0.1:2377`, `ipv6:[fd00::1]:2377`. What came by IPv4 to a socket of both is IPv4's.
    static func source(ofPeer peer: String) -> IPAddress? {
        guard let colon = peer.firstIndex(of: ":"), ["ipv4", "ipv6"].contains(peer[..<colon]) else { return nil }
        guard let address = HostText.address(in: String(peer[colon...].dropFirst())) else { return nil }
        return address.v6?.mappedIPv4.map { .v4($0) } ?? address
    }

    /// The address of a host and nothing else.
    /// - Throws: `RPCError` with `.invalidArgument`.
    func parse(_ text: String) throws -> IPAddress {
        guard let address = IPAddress(text), address.isOfAHost, !address.isLoopback || source?.isLoopback ?? true,
            address.v6.map({ !$0.isLinkLocal && $0.mappedIPv4 == nil }) ?? true
        else {
            throw RPCError(code: .invalidArgument, message: "invalid address of a node: \(text.prefix(64))")
        }
        return address
    }

    /// `host:port`; where there is no port it is the managers' usual one.
    /// - Throws: `RPCError` with `.invalidArgument`.
    func parse(withPort text: String) throws -> TransportAddress {
        // What cannot be split is refused.
        guard text.utf8.count <= HostText.longest, let parts = try? NodeTransport.split(text) else {
            throw RPCError(code: .invalidArgument, message: "invalid address of a node: \(text.prefix(64))")
        }
        return TransportAddress(try parse(parts.host), port: UInt16(clamping: parts.port))
    }

    /// A member may name the address that its connection comes from, and those that are on record for it.
    ///
    /// - Throws: `RPCError` with `.permissionDenied`.
    func check(_ address: IPAddress, of node: Node?) throws {
        if address == source || Self.known(node).contains(address) { return }
        throw RPCError(
            code: .permissionDenied,
            message: "the node is reached at \(source.map { "\($0)" } ?? "no known address") and cannot be \(address)")
    }

    /// Whoever joins with a token may name any address, as that of a host behind a translator or with several networks, but no other member's.
    ///
    /// - Throws: `RPCError` with `.permissionDenied`.
    func check(joining address: IPAddress, beside nodes: some Collection<Node>) throws {
        guard address != source else { return }
        let owner = nodes.first { $0.status.state != .down && Self.known($0).contains(address) }
        guard let owner else { return }
        throw RPCError(
            code: .permissionDenied,
            message: "the address \(address) is that of node \(owner.id), and this node is not reached there")
    }

    private static func known(_ node: Node?) -> [IPAddress] {
        guard let membership = node?.membership else { return [] }
        return [membership.dataPathAddress, membership.advertiseAddress?.address].compactMap(\.self)
    }
}
