package import Addressing
import CLinux
package import LinuxSystem

/// What every new link may be given at birth.
struct NewLink {
    var name: String
    var mac: MACAddress?
    var mtu: Int?
    var group: UInt32?
    var isUp: Bool

    func encode(into message: inout MessageWriter) {
        LinkHeader(isUp: isUp ? true : nil).encode(into: &message)
        message.string(LinkAttribute.name, name)
        if let mac { message.bytes(LinkAttribute.address, mac.octets) }
        if let mtu { message.number(LinkAttribute.mtu, UInt32(clamping: mtu)) }
        if let group { message.number(LinkAttribute.group, group) }
    }
}

/// `struct ifinfomsg` (rtnetlink(7)).
struct LinkHeader {
    static let length = 16
    var family = AddressFamily.unspecified
    var index: UInt32 = 0
    var isUp: Bool?

    func encode(into message: inout MessageWriter) {
        message.put(family.rawValue)
        message.put(UInt8(0))
        message.put(UInt16(0))
        message.put(index)
        message.put(isUp == true ? LinkAttribute.isUp : 0)
        message.put(isUp == nil ? 0 : LinkAttribute.isUp)
    }
}

extension NetlinkRequest {
    /// The kernel ignores an alias in the message that makes the link.
    func aliasRequest(_ name: String, _ alias: String?) -> [any NetlinkRequest] {
        alias.map { [SetLink(.name(name), alias: $0)] } ?? []
    }
}

/// Makes a bridge. ``NetlinkError/Code/exists`` when the name is taken.
package struct CreateBridge: NetlinkRequest {
    package var name: String
    /// One of its own; without it the bridge has the lowest MAC of its ports, which changes with them.
    package var mac: MACAddress?
    /// Bytes; the kernel's 1500 when `nil`.
    package var mtu: Int?
    /// See ``Link/group``.
    package var group: UInt32?
    /// A text of up to 255 bytes that tools show; it is set by a second message.
    package var alias: String?
    package var options: BridgeOptions
    package var isUp: Bool

    package init(
        name: String, mac: MACAddress? = nil, mtu: Int? = nil, group: UInt32? = nil, alias: String? = nil,
        options: BridgeOptions = BridgeOptions(), isUp: Bool = false
    ) {
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.group = group
        self.alias = alias
        self.options = options
        self.isUp = isUp
    }

    package var type: UInt16 { MessageType.newLink }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.exclusive }
    package var followUps: [any NetlinkRequest] { aliasRequest(name, alias) }
    package var description: String { "create bridge \(name)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        NewLink(name: name, mac: mac, mtu: mtu, group: group, isUp: isUp).encode(into: &message)
        message.nest(LinkAttribute.linkInfo) {
            $0.string(LinkAttribute.kind, "bridge")
            $0.nest(LinkAttribute.data) { options.encode(into: &$0) }
        }
    }
}

/// The other end of a veth pair; born in `namespace` under its final name when one is given. It is born down: the kernel
/// refuses a peer that is to be up (ENOTCONN, the pair is not joined yet). Set it up in its own namespace.
package struct VethPeer: Sendable, Hashable {
    package var name: String
    package var mac: MACAddress?
    /// Bytes; the kernel's 1500 when `nil`.
    package var mtu: Int?
    /// See ``Link/group``.
    package var group: UInt32?
    /// `nil`: in the same namespace as the other end.
    package var namespace: NetworkNamespace?

    package init(
        name: String, mac: MACAddress? = nil, mtu: Int? = nil, group: UInt32? = nil,
        namespace: NetworkNamespace? = nil
    ) {
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.group = group
        self.namespace = namespace
    }
}

/// Makes a veth pair, both ends configured in one message (veth(4)).
package struct CreateVeth: NetlinkRequest {
    package var name: String
    package var mac: MACAddress?
    /// Bytes, of this end alone.
    package var mtu: Int?
    /// See ``Link/group``.
    package var group: UInt32?
    package var alias: String?
    /// The bridge that this end is a port of from the beginning.
    package var master: LinkID?
    package var isUp: Bool
    package var peer: VethPeer

    package init(
        name: String, mac: MACAddress? = nil, mtu: Int? = nil, group: UInt32? = nil, alias: String? = nil,
        master: LinkID? = nil, isUp: Bool = false, peer: VethPeer
    ) {
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.group = group
        self.alias = alias
        self.master = master
        self.isUp = isUp
        self.peer = peer
    }

    package var type: UInt16 { MessageType.newLink }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.exclusive }
    package var links: [LinkID] { master.map { [$0] } ?? [] }
    package var namespaces: [NetworkNamespace] { peer.namespace.map { [$0] } ?? [] }
    /// A port of a bridge speaks for nobody.
    package var followUps: [any NetlinkRequest] {
        aliasRequest(name, alias) + (master == nil ? [] : [LeaveWithoutLinkLocal(name).allowing(.notSupported)])
    }
    package var description: String { "create veth \(name) with peer \(peer.name)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        NewLink(name: name, mac: mac, mtu: mtu, group: group, isUp: isUp).encode(into: &message)
        if let master { message.number(LinkAttribute.master, context.index(of: master)) }
        message.nest(LinkAttribute.linkInfo) {
            $0.string(LinkAttribute.kind, "veth")
            $0.nest(LinkAttribute.data) {
                $0.nest(VethAttribute.peer) {
                    NewLink(name: peer.name, mac: peer.mac, mtu: peer.mtu, group: peer.group, isUp: false)
                        .encode(into: &$0)
                    if let namespace = peer.namespace {
                        $0.number(LinkAttribute.namespaceDescriptor, context.descriptor(of: namespace))
                    }
                }
            }
        }
    }
}

/// Makes a VXLAN device (RFC 7348). With `namespace` it appears there while its UDP socket stays in the namespace of the
/// socket that sends this; then it cannot be given a master or an alias here.
package struct CreateVXLAN: NetlinkRequest {
    package var name: String
    package var settings: VXLANSettings
    /// A random one when `nil`.
    package var mac: MACAddress?
    /// Bytes; the kernel's 1500 when `nil`, whatever the underlay carries.
    package var mtu: Int?
    /// See ``Link/group``.
    package var group: UInt32?
    package var isUp: Bool
    package var namespace: NetworkNamespace?

    package init(
        name: String, settings: VXLANSettings, mac: MACAddress? = nil, mtu: Int? = nil, group: UInt32? = nil,
        isUp: Bool = false, namespace: NetworkNamespace? = nil
    ) {
        self.name = name
        self.settings = settings
        self.mac = mac
        self.mtu = mtu
        self.group = group
        self.isUp = isUp
        self.namespace = namespace
    }

    package var type: UInt16 { MessageType.newLink }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.exclusive }
    package var namespaces: [NetworkNamespace] { namespace.map { [$0] } ?? [] }
    package var description: String { "create vxlan \(name) with id \(settings.id)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        NewLink(name: name, mac: mac, mtu: mtu, group: group, isUp: isUp).encode(into: &message)
        if let namespace { message.number(LinkAttribute.namespaceDescriptor, context.descriptor(of: namespace)) }
        message.nest(LinkAttribute.linkInfo) {
            $0.string(LinkAttribute.kind, "vxlan")
            $0.nest(LinkAttribute.data) { settings.encode(into: &$0) }
        }
    }
}

/// Changes an existing link; what is `nil` stays.
package struct SetLink: NetlinkRequest {
    /// Of which bridge the link is a port.
    package enum Master: Sendable, Hashable {
        case none
        case link(LinkID)
    }

    package var link: LinkID
    package var isUp: Bool?
    package var master: Master?
    /// Bytes.
    package var mtu: Int?
    /// Some kinds of links must be down for it.
    package var mac: MACAddress?
    /// Empty: none.
    package var alias: String?
    /// See ``Link/group``.
    package var group: UInt32?
    /// Only while the link is down.
    package var newName: String?
    /// Moves the link there.
    package var namespace: NetworkNamespace?

    package init(
        _ link: LinkID, isUp: Bool? = nil, master: Master? = nil, mtu: Int? = nil, mac: MACAddress? = nil,
        alias: String? = nil, group: UInt32? = nil, newName: String? = nil, namespace: NetworkNamespace? = nil
    ) {
        self.link = link
        self.isUp = isUp
        self.master = master
        self.mtu = mtu
        self.mac = mac
        self.alias = alias
        self.group = group
        self.newName = newName
        self.namespace = namespace
    }

    package var type: UInt16 { MessageType.setLink }
    package var flags: UInt16 { 0 }
    package var links: [LinkID] {
        var needed: [LinkID] = newName == nil ? [] : [link]
        if case .link(let master) = master { needed.append(master) }
        return needed
    }
    package var namespaces: [NetworkNamespace] { namespace.map { [$0] } ?? [] }
    package var description: String { "change link \(link)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        LinkHeader(index: context.index(of: link), isUp: isUp).encode(into: &message)
        if let newName {
            message.string(LinkAttribute.name, newName)
        } else if case .name(let name) = link {
            message.string(LinkAttribute.name, name)
        }
        switch master {
        case .link(let link): message.number(LinkAttribute.master, context.index(of: link))
        case .some(.none): message.number(LinkAttribute.master, UInt32(0))
        case nil: break
        }
        if let mtu { message.number(LinkAttribute.mtu, UInt32(clamping: mtu)) }
        if let mac { message.bytes(LinkAttribute.address, mac.octets) }
        if let alias { message.bytes(LinkAttribute.alias, Array(alias.utf8)) }
        if let group { message.number(LinkAttribute.group, group) }
        if let namespace { message.number(LinkAttribute.namespaceDescriptor, context.descriptor(of: namespace)) }
    }
}

/// Has a link that is down make itself no IPv6 address when it goes up: nothing is told of one, to neighbours or to who listens to the kernel.
/// ``NetlinkError/Code/notSupported`` where the kernel has no IPv6.
package struct LeaveWithoutLinkLocal: NetlinkRequest {
    package var name: String

    package init(_ name: String) { self.name = name }

    package var type: UInt16 { MessageType.setLink }
    package var flags: UInt16 { 0 }
    package var description: String { "leave link \(name) without a link-local address" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        LinkHeader(index: 0, isUp: nil).encode(into: &message)
        message.string(LinkAttribute.name, name)
        message.nest(LinkAttribute.families) {
            $0.nest(UInt16(truncatingIfNeeded: AddressFamily.ipv6.rawValue)) {
                $0.number(LinkAttribute.addressGeneration, LinkAttribute.generatesNone)
            }
        }
    }
}

/// Deletes a link; a veth's other end goes along. Takes 16 to 45 ms for a veth.
package struct DeleteLink: NetlinkRequest {
    package var link: LinkID

    package init(_ link: LinkID) { self.link = link }

    package var type: UInt16 { MessageType.deleteLink }
    package var flags: UInt16 { 0 }
    package var description: String { "delete link \(link)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        LinkHeader(index: context.index(of: link)).encode(into: &message)
        if case .name(let name) = link { message.string(LinkAttribute.name, name) }
    }
}

/// Deletes all links of a group, in about the time that one takes: the kernel waits once until no processor looks at any of them any more, where
/// a request each has it wait as often. Refused (`.missing`) when there are none. Source: Linux, net/core/rtnetlink.c, `rtnl_group_dellink`.
package struct DeleteLinks: NetlinkRequest {
    /// Other than 0, which is what links have that nobody has given one.
    package var group: UInt32

    package init(group: UInt32) { self.group = group }

    package var type: UInt16 { MessageType.deleteLink }
    package var flags: UInt16 { 0 }
    package var description: String { "delete the links of group \(group)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        LinkHeader().encode(into: &message)
        message.number(LinkAttribute.group, group)
    }
}
