package import Addressing
import CLinux

/// An address of a link with its prefix length.
package struct LinkAddress: Sendable, Hashable {
    package var link: LinkID
    /// The address itself, host bits set.
    package var network: IPNetwork
    /// `nil`: the kernel is told of none, and knows the subnet's last address all the same.
    package var broadcast: IPAddress?
    /// The kernel adds no route to the prefix (IFA_F_NOPREFIXROUTE).
    package var withoutRoute: Bool

    package init(link: LinkID, network: IPNetwork, broadcast: IPAddress? = nil, withoutRoute: Bool = false) {
        self.link = link
        self.network = network
        self.broadcast = broadcast
        self.withoutRoute = withoutRoute
    }

    /// `struct ifaddrmsg`: family, prefix length, flags, scope, index.
    static let headerLength = 8

    /// What the kernel is not to do. Whether anybody has an IPv6 address already is not asked for: addresses are given so that nobody has,
    /// and a container would wait a second for the answer (IFA_F_NODAD).
    private var flags: UInt32 {
        (withoutRoute ? AddressAttribute.noPrefixRoute : 0)
            | (network.family == .v6 ? AddressAttribute.noDuplicateDetection : 0)
    }

    func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        message.put(AddressFamily(network.family).rawValue)
        message.put(UInt8(clamping: network.prefixLength))
        message.put(UInt8(0))
        message.put(network.address.isLoopback ? UInt8(RT_SCOPE_HOST.rawValue) : UInt8(RT_SCOPE_UNIVERSE.rawValue))
        message.put(context.index(of: link))
        message.bytes(AddressAttribute.local, network.address.octets)
        message.bytes(AddressAttribute.address, network.address.octets)
        if let broadcast { message.bytes(AddressAttribute.broadcast, broadcast.octets) }
        if flags != 0 { message.number(AddressAttribute.flags, flags) }
    }

    /// `nil` for messages of other types or families.
    package init?(_ message: NetlinkMessage) throws(NetlinkError) {
        guard message.type == MessageType.newAddress else { return nil }
        try self.init(row: message)
    }

    /// Also of one that tells that it is gone.
    init?(row message: NetlinkMessage) throws(NetlinkError) {
        let (fixed, attributes) = try message.parts(fixed: Self.headerLength)
        let length = Int(clamping: try fixed.number(at: 1, as: UInt8.self))
        guard let family = IPFamily(try fixed.number(at: 0, as: UInt8.self)), length <= family.width,
            let address = attributes.address(AddressAttribute.local) ?? attributes.address(AddressAttribute.address),
            address.family == family
        else { return nil }
        link = .index(try fixed.number(at: 4))
        network = IPNetwork(address: address, prefixLength: length)
        broadcast = attributes.address(AddressAttribute.broadcast)
        withoutRoute = (attributes.number(AddressAttribute.flags) ?? 0) & AddressAttribute.noPrefixRoute != 0
    }
}

/// Gives a link an address; the same one twice is fine with `replacing`, else ``NetlinkError/Code/exists``.
package struct AddAddress: NetlinkRequest {
    package var address: LinkAddress
    package var replacing: Bool

    package init(_ address: LinkAddress, replacing: Bool = true) {
        self.address = address
        self.replacing = replacing
    }

    package var type: UInt16 { MessageType.newAddress }
    package var flags: UInt16 { MessageFlags.create | (replacing ? MessageFlags.replace : MessageFlags.exclusive) }
    package var links: [LinkID] { [address.link] }
    package var description: String { "add address \(address.network) to \(address.link)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        address.encode(into: &message, context)
    }
}

/// Takes an address from a link; ``NetlinkError/Code/missing`` when it has none such. Routes that the kernel added for it go along.
package struct DeleteAddress: NetlinkRequest {
    package var address: LinkAddress

    package init(_ address: LinkAddress) { self.address = address }

    package var type: UInt16 { MessageType.deleteAddress }
    package var flags: UInt16 { 0 }
    package var links: [LinkID] { [address.link] }
    package var description: String { "delete address \(address.network) from \(address.link)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        address.encode(into: &message, context)
    }
}
