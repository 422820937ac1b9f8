package import Addressing
import CLinux

/// A bridge's own settings; in requests, what is `nil` stays.
package struct BridgeOptions: Sendable, Hashable {
    /// Multicast goes only where somebody has asked for it by IGMP or MLD (`IFLA_BR_MCAST_SNOOPING`).
    package var multicastSnooping: Bool?
    /// Bridged packets pass iptables/nft hooks of the `ip` family, whatever the sysctl says (needs br_netfilter). `false` does not keep them from it
    /// where the namespace's `bridge-nf-call-iptables` is 1.
    package var callIPTables: Bool?
    /// The same of the `ip6` family.
    package var callIP6Tables: Bool?
    /// The same of the `arp` family.
    package var callARPTables: Bool?

    package init(
        multicastSnooping: Bool? = nil, callIPTables: Bool? = nil, callIP6Tables: Bool? = nil,
        callARPTables: Bool? = nil
    ) {
        self.multicastSnooping = multicastSnooping
        self.callIPTables = callIPTables
        self.callIP6Tables = callIP6Tables
        self.callARPTables = callARPTables
    }

    func encode(into message: inout MessageWriter) {
        if let multicastSnooping { message.flag(BridgeAttribute.multicastSnooping, multicastSnooping) }
        if let callIPTables { message.flag(BridgeAttribute.callIPTables, callIPTables) }
        if let callIP6Tables { message.flag(BridgeAttribute.callIP6Tables, callIP6Tables) }
        if let callARPTables { message.flag(BridgeAttribute.callARPTables, callARPTables) }
    }

    init(_ attributes: Attributes) {
        multicastSnooping = attributes.flag(BridgeAttribute.multicastSnooping)
        callIPTables = attributes.flag(BridgeAttribute.callIPTables)
        callIP6Tables = attributes.flag(BridgeAttribute.callIP6Tables)
        callARPTables = attributes.flag(BridgeAttribute.callARPTables)
    }

    /// Whether every setting that `wanted` names is as it wants it. A kernel without br_netfilter tells nothing of it, and does nothing of it.
    package func satisfies(_ wanted: BridgeOptions) -> Bool {
        func calls(_ value: KeyPath<BridgeOptions, Bool?>) -> Bool {
            wanted[keyPath: value] == nil || wanted[keyPath: value] == (self[keyPath: value] ?? false)
        }
        return (wanted.multicastSnooping == nil || wanted.multicastSnooping == multicastSnooping)
            && calls(\.callIPTables) && calls(\.callIP6Tables) && calls(\.callARPTables)
    }
}

/// A bridge port's settings (bridge(8)); in requests, what is `nil` stays.
package struct PortOptions: Sendable, Hashable {
    /// The bridge learns senders' MACs at this port; without it only entries that somebody sets lead there.
    package var learning: Bool?
    /// Only sources with a static forwarding entry at this port may send (5.18).
    package var locked: Bool?
    /// A frame may leave by the port that it came in by.
    package var hairpin: Bool?
    /// Frames to MACs that the bridge does not know go out here as well. The same below for multicast and broadcast.
    package var unicastFlood: Bool?
    package var multicastFlood: Bool?
    package var broadcastFlood: Bool?
    /// Isolated ports cannot reach each other, only those that are not.
    package var isolated: Bool?
    /// Which of the addresses 01:80:c2:00:00:00 to :0f are forwarded as any other, a bit each. Frames to the others skip the
    /// bridge and its rules and enter the node as if from an uplink.
    package var groupForwardMask: UInt16?

    /// All that the kernel lets be forwarded: not :01, pause frames.
    package static let allGroups: UInt16 = 0xfffd

    package init(
        learning: Bool? = nil, locked: Bool? = nil, hairpin: Bool? = nil, unicastFlood: Bool? = nil,
        multicastFlood: Bool? = nil, broadcastFlood: Bool? = nil, isolated: Bool? = nil, groupForwardMask: UInt16? = nil
    ) {
        self.learning = learning
        self.locked = locked
        self.hairpin = hairpin
        self.unicastFlood = unicastFlood
        self.multicastFlood = multicastFlood
        self.broadcastFlood = broadcastFlood
        self.isolated = isolated
        self.groupForwardMask = groupForwardMask
    }

    func encode(into message: inout MessageWriter) {
        if let learning { message.flag(PortAttribute.learning, learning) }
        if let locked { message.flag(PortAttribute.locked, locked) }
        if let hairpin { message.flag(PortAttribute.hairpin, hairpin) }
        if let unicastFlood { message.flag(PortAttribute.unicastFlood, unicastFlood) }
        if let multicastFlood { message.flag(PortAttribute.multicastFlood, multicastFlood) }
        if let broadcastFlood { message.flag(PortAttribute.broadcastFlood, broadcastFlood) }
        if let isolated { message.flag(PortAttribute.isolated, isolated) }
        if let groupForwardMask { message.number(PortAttribute.groupForwardMask, groupForwardMask) }
    }

    init(_ attributes: Attributes) {
        learning = attributes.flag(PortAttribute.learning)
        locked = attributes.flag(PortAttribute.locked)
        hairpin = attributes.flag(PortAttribute.hairpin)
        unicastFlood = attributes.flag(PortAttribute.unicastFlood)
        multicastFlood = attributes.flag(PortAttribute.multicastFlood)
        broadcastFlood = attributes.flag(PortAttribute.broadcastFlood)
        isolated = attributes.flag(PortAttribute.isolated)
        groupForwardMask = attributes.number(PortAttribute.groupForwardMask)
    }

    /// Whether every setting that `wanted` names is as it wants it.
    package func satisfies(_ wanted: PortOptions) -> Bool {
        func fits<Value: Equatable>(_ value: KeyPath<PortOptions, Value?>) -> Bool {
            wanted[keyPath: value] == nil || wanted[keyPath: value] == self[keyPath: value]
        }
        return fits(\.learning) && fits(\.locked) && fits(\.hairpin) && fits(\.unicastFlood) && fits(\.multicastFlood)
            && fits(\.broadcastFlood) && fits(\.isolated) && fits(\.groupForwardMask)
    }
}

/// A VXLAN device's settings; the defaults are those of an overlay with static tables.
package struct VXLANSettings: Sendable, Hashable {
    /// VXLAN network identifier, 24 bits.
    package var id: UInt32
    /// The underlay's address that packets are sent from and received at; any of the node's when `nil`.
    package var local: IPAddress?
    /// UDP port, sent to and listened at; 4789 unless given (RFC 7348).
    package var port: UInt16
    /// The device learns which remote node a MAC is behind, from what arrives.
    package var learning: Bool
    /// Answers ARP from the neighbour table.
    package var proxy: Bool
    /// Sent packets have a checksum in the outer UDP header (over IPv4 it may be zero).
    package var udpChecksum: Bool
    /// Of the outer header; 0 stands for the route's default.
    package var ttl: UInt8
    /// What is too long for a link on the way is lost there: it does not go on in fragments (IPv4; over IPv6 it never does).
    package var forbidsFragments: Bool

    package init(
        id: UInt32, local: IPAddress? = nil, port: UInt16 = 4789, learning: Bool = false, proxy: Bool = true,
        udpChecksum: Bool = false, ttl: UInt8 = 64, forbidsFragments: Bool = false
    ) {
        self.forbidsFragments = forbidsFragments
        self.id = id
        self.local = local
        self.port = port
        self.learning = learning
        self.proxy = proxy
        self.udpChecksum = udpChecksum
        self.ttl = ttl
    }

    func encode(into message: inout MessageWriter) {
        message.number(VXLANAttribute.id, id)
        switch local {
        case .v4(let address): message.bytes(VXLANAttribute.local, address.octets)
        case .v6(let address): message.bytes(VXLANAttribute.local6, address.octets)
        case nil: break
        }
        message.bigEndian(VXLANAttribute.port, port)
        message.flag(VXLANAttribute.learning, learning)
        message.flag(VXLANAttribute.proxy, proxy)
        message.flag(VXLANAttribute.udpChecksum, udpChecksum)
        message.number(VXLANAttribute.ttl, ttl)
        if forbidsFragments { message.number(VXLANAttribute.fragments, VXLANAttribute.fragmentsForbidden) }
    }

    init?(_ attributes: Attributes) {
        guard let id = attributes.number(VXLANAttribute.id, as: UInt32.self) else { return nil }
        self.id = id
        local = attributes.address(VXLANAttribute.local) ?? attributes.address(VXLANAttribute.local6)
        port = attributes.bigEndian(VXLANAttribute.port) ?? 0
        learning = attributes.flag(VXLANAttribute.learning) ?? false
        proxy = attributes.flag(VXLANAttribute.proxy) ?? false
        udpChecksum = attributes.flag(VXLANAttribute.udpChecksum) ?? false
        ttl = attributes.number(VXLANAttribute.ttl) ?? 0
        forbidsFragments =
            attributes.number(VXLANAttribute.fragments, as: UInt8.self) == VXLANAttribute.fragmentsForbidden
    }
}

/// Changes a bridge.
package struct SetBridge: NetlinkRequest {
    package var name: String
    package var options: BridgeOptions

    package init(_ name: String, _ options: BridgeOptions) {
        self.name = name
        self.options = options
    }

    package var type: UInt16 { MessageType.newLink }
    package var flags: UInt16 { 0 }
    package var description: String { "change bridge \(name)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        LinkHeader().encode(into: &message)
        message.string(LinkAttribute.name, name)
        message.nest(LinkAttribute.linkInfo) {
            $0.string(LinkAttribute.kind, "bridge")
            $0.nest(LinkAttribute.data) { options.encode(into: &$0) }
        }
    }
}

/// Changes a link as port of its bridge.
package struct SetPort: NetlinkRequest {
    package var name: String
    package var options: PortOptions

    package init(_ name: String, _ options: PortOptions) {
        self.name = name
        self.options = options
    }

    package var type: UInt16 { MessageType.newLink }
    package var flags: UInt16 { 0 }
    package var description: String { "change bridge port \(name)" }

    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        LinkHeader().encode(into: &message)
        message.string(LinkAttribute.name, name)
        message.nest(LinkAttribute.linkInfo) {
            $0.string(LinkAttribute.portKind, "bridge")
            $0.nest(LinkAttribute.portData) { options.encode(into: &$0) }
        }
    }
}

extension Attributes {
    /// An address; `nil` when missing or of another family than the two.
    func address(_ type: UInt16) -> IPAddress? { bytes(type).flatMap { IPAddress(octets: $0) } }

    func mac(_ type: UInt16) -> MACAddress? {
        guard let value = bytes(type), value.count == 6 else { return nil }
        return MACAddress(octets: value)
    }
}
