package import Netlink

/// A network whose endpoints hang on a link of the node: macvlan and ipvlan. No rule of the node sees what they send.
package struct ParentNetwork: Codable, Equatable, Sendable, Identifiable {
    /// Of the devices on the parent.
    package enum Kind: Codable, Equatable, Sendable {
        case macvlan(MacvlanMode)
        case ipvlan(IpvlanSettings)
    }

    /// Where the parent comes from.
    package enum Origin: Codable, Hashable, Sendable {
        /// It is there, and nobody of ours touches it.
        case given
        /// Made for the network: what leaves by it is tagged (802.1Q) and leaves by another link of the node.
        case vlan(of: String, id: UInt16)
        /// Made for the network: it leads nowhere.
        case dummy
    }

    package var id: String
    /// The name of the node's link.
    package var parent: String
    package var origin: Origin
    package var kind: Kind
    /// Bytes; the parent's when `nil`.
    package var mtu: Int?

    package init(id: String, parent: String, origin: Origin = .given, kind: Kind, mtu: Int? = nil) {
        self.id = id
        self.parent = parent
        self.origin = origin
        self.kind = kind
        self.mtu = mtu
    }

    /// A link of it does not tell neighbours apart: its packets go to the parent unasked.
    var isRouted: Bool { if case .ipvlan(let settings) = kind { settings.mode != .l2 } else { false } }
}
