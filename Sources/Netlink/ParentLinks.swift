package import Addressing
import CLinux
package import LinuxSystem

/// Whom the endpoints of one parent may speak with (macvlan(4) in ip-link(8)).
package enum MacvlanMode: UInt32, Sendable, Codable, Hashable {
    /// With nobody of the same parent.
    case `private` = 1
    /// With each other by a switch that sends their frames back.
    case vepa = 2
    /// With each other directly.
    case bridge = 4
    /// The only endpoint of its parent.
    case passthru = 8
}

/// An IPVLAN device's settings: all devices of one parent have its MAC, and the mode of the first.
package struct IpvlanSettings: Sendable, Codable, Hashable {
    /// What tells endpoints apart: their addresses, in frames or in packets that are routed, these also by the node's rules.
    package enum Mode: UInt16, Sendable, Codable, Hashable { case l2 = 0, l3 = 1, l3s = 2 }
    /// As ``MacvlanMode`` has it.
    package enum Traffic: UInt16, Sendable, Codable, Hashable { case bridge = 0, `private` = 1, vepa = 2 }

    package var mode: Mode
    package var traffic: Traffic

    package init(mode: Mode, traffic: Traffic = .bridge) {
        self.mode = mode
        self.traffic = traffic
    }
}

enum ParentLinkAttribute {
    static let macvlanMode = UInt16(IFLA_MACVLAN_MODE)
    static let ipvlanMode = UInt16(IFLA_IPVLAN_MODE)
    static let ipvlanFlags = UInt16(IFLA_IPVLAN_FLAGS)
    static let vlanID = UInt16(IFLA_VLAN_ID)
}

/// Makes a MACVLAN device on a link of the namespace of the socket that sends this; with `namespace` it appears there.
///
/// Refused (`EINVAL`) beside another one when either is ``MacvlanMode/passthru``, and (`EBUSY`) on a parent that is a port of a bridge or
/// has IPVLAN devices. When the parent goes, so does this.
package struct CreateMacvlan: NetlinkRequest {
    package var name: String
    /// By its name in the sender's namespace.
    package var parent: LinkID
    package var mode: MacvlanMode
    /// A random one when `nil`, the parent's with ``MacvlanMode/passthru``.
    package var mac: MACAddress?
    /// Bytes; the parent's when `nil`.
    package var mtu: Int?
    package var namespace: NetworkNamespace?

    package init(
        name: String, parent: LinkID, mode: MacvlanMode, mac: MACAddress? = nil, mtu: Int? = nil,
        namespace: NetworkNamespace? = nil
    ) {
        self.name = name
        self.parent = parent
        self.mode = mode
        self.mac = mac
        self.mtu = mtu
        self.namespace = namespace
    }

    package var type: UInt16 { MessageType.newLink }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.exclusive }
    package var links: [LinkID] { [parent] }
    package var namespaces: [NetworkNamespace] { namespace.map { [$0] } ?? [] }
    package var description: String { "create macvlan \(name) on \(parent)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        NewLink(name: name, mac: mac, mtu: mtu, isUp: false).encode(into: &message)
        message.number(LinkAttribute.link, context.index(of: parent))
        if let namespace { message.number(LinkAttribute.namespaceDescriptor, context.descriptor(of: namespace)) }
        message.nest(LinkAttribute.linkInfo) {
            $0.string(LinkAttribute.kind, "macvlan")
            $0.nest(LinkAttribute.data) { $0.number(ParentLinkAttribute.macvlanMode, mode.rawValue) }
        }
    }
}

/// The same for IPVLAN, which many kernels do without (`EOPNOTSUPP`).
package struct CreateIpvlan: NetlinkRequest {
    package var name: String
    /// By its name in the sender's namespace.
    package var parent: LinkID
    package var settings: IpvlanSettings
    /// Bytes; the parent's when `nil`.
    package var mtu: Int?
    package var namespace: NetworkNamespace?

    package init(
        name: String, parent: LinkID, settings: IpvlanSettings, mtu: Int? = nil, namespace: NetworkNamespace? = nil
    ) {
        self.name = name
        self.parent = parent
        self.settings = settings
        self.mtu = mtu
        self.namespace = namespace
    }

    package var type: UInt16 { MessageType.newLink }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.exclusive }
    package var links: [LinkID] { [parent] }
    package var namespaces: [NetworkNamespace] { namespace.map { [$0] } ?? [] }
    package var description: String { "create ipvlan \(name) on \(parent)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        NewLink(name: name, mtu: mtu, isUp: false).encode(into: &message)
        message.number(LinkAttribute.link, context.index(of: parent))
        if let namespace { message.number(LinkAttribute.namespaceDescriptor, context.descriptor(of: namespace)) }
        message.nest(LinkAttribute.linkInfo) {
            $0.string(LinkAttribute.kind, "ipvlan")
            $0.nest(LinkAttribute.data) {
                $0.number(ParentLinkAttribute.ipvlanMode, settings.mode.rawValue)
                $0.number(ParentLinkAttribute.ipvlanFlags, settings.traffic.rawValue)
            }
        }
    }
}

/// Makes an 802.1Q device on a link: what leaves by it has the tag.
package struct CreateVLAN: NetlinkRequest {
    package var name: String
    package var parent: LinkID
    /// From 1 to 4094.
    package var id: UInt16
    /// See ``Link/group``.
    package var group: UInt32?
    package var alias: String?

    package init(name: String, parent: LinkID, id: UInt16, group: UInt32? = nil, alias: String? = nil) {
        self.name = name
        self.parent = parent
        self.id = id
        self.group = group
        self.alias = alias
    }

    package var type: UInt16 { MessageType.newLink }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.exclusive }
    package var links: [LinkID] { [parent] }
    package var followUps: [any NetlinkRequest] { aliasRequest(name, alias) }
    package var description: String { "create vlan \(name) on \(parent)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        NewLink(name: name, group: group, isUp: false).encode(into: &message)
        message.number(LinkAttribute.link, context.index(of: parent))
        message.nest(LinkAttribute.linkInfo) {
            $0.string(LinkAttribute.kind, "vlan")
            $0.nest(LinkAttribute.data) { $0.number(ParentLinkAttribute.vlanID, id) }
        }
    }
}

/// Makes a link that leads nowhere.
package struct CreateDummy: NetlinkRequest {
    package var name: String
    /// See ``Link/group``.
    package var group: UInt32?
    package var alias: String?

    package init(name: String, group: UInt32? = nil, alias: String? = nil) {
        self.name = name
        self.group = group
        self.alias = alias
    }

    package var type: UInt16 { MessageType.newLink }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.exclusive }
    package var followUps: [any NetlinkRequest] { aliasRequest(name, alias) }
    package var description: String { "create dummy \(name)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        NewLink(name: name, group: group, isUp: false).encode(into: &message)
        message.nest(LinkAttribute.linkInfo) { $0.string(LinkAttribute.kind, "dummy") }
    }
}
