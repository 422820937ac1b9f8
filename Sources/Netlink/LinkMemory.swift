import Addressing
import CLinux

/// What was last heard of links, by namespace: a message that tells of one as it was before is no news. The kernel sends several for each change, more
/// whenever a carrier comes or goes, and most do not say who caused them.
struct LinkMemory {
    private struct Known {
        /// Without what changes by itself.
        var link: Link?
        /// As the bridge has told of its port.
        var port: PortOptions?
    }

    /// Beyond as many everything is forgotten: containers may make as many links as they like.
    private static let most = 16_384

    private var known: [Int32?: [UInt32: Known]] = [:]
    private var count = 0

    /// Takes a message in.
    /// - Parameter namespaceID: by which the listener knows the namespace that it is of; `nil`: its own.
    /// - Returns: Whether it tells of something that nobody was told of before. One of neither links nor a bridge's entries always does.
    /// - Throws: ``NetlinkError/Code/malformed``.
    mutating func isNews(_ message: NetlinkMessage, in namespaceID: Int32?) throws(NetlinkError) -> Bool {
        switch message.type {
        case MessageType.newLink: try takeLink(message, namespaceID)
        case MessageType.deleteLink: try takeEnd(message, namespaceID)
        case MessageType.newNeighbour, MessageType.deleteNeighbour: try !isMinorEntry(message, namespaceID)
        case MessageType.deleteNamespaceID: try takeEndOfNamespace(message)
        default: true
        }
    }

    mutating func forgetAll() {
        known = [:]
        count = 0
    }

    private mutating func takeLink(_ message: NetlinkMessage, _ namespaceID: Int32?) throws(NetlinkError) -> Bool {
        let (fixed, attributes) = try message.parts(fixed: LinkHeader.length)
        let index: UInt32 = try fixed.number(at: 4)
        switch AddressFamily(rawValue: try fixed.number(at: 0)) {
        case .unspecified:
            guard var link = try Link(message) else { return true }
            link.isRunning = false
            link.statistics = nil
            return keep(link, as: \.link, index, namespaceID)
        case .bridge:
            guard let told = try attributes.nest(LinkAttribute.ofFamily) else { return true }
            return keep(PortOptions(told), as: \.port, index, namespaceID)
        case .ipv4, .ipv6, nil: return true
        }
    }

    private mutating func keep<Value: Equatable>(
        _ value: Value, as place: WritableKeyPath<Known, Value?>, _ index: UInt32, _ namespaceID: Int32?
    ) -> Bool {
        let before = known[namespaceID]?[index]
        if before?[keyPath: place] == value { return false }
        if before == nil {
            if count >= Self.most { forgetAll() }
            count += 1
        }
        known[namespaceID, default: [:]][index, default: Known()][keyPath: place] = value
        return true
    }

    /// A link is gone, or is no port any more.
    private mutating func takeEnd(_ message: NetlinkMessage, _ namespaceID: Int32?) throws(NetlinkError) -> Bool {
        let (fixed, _) = try message.parts(fixed: LinkHeader.length)
        let index: UInt32 = try fixed.number(at: 4)
        if try fixed.number(at: 0) == AddressFamily.bridge.rawValue {
            known[namespaceID]?[index]?.port = nil
        } else if known[namespaceID]?.removeValue(forKey: index) != nil {
            count -= 1
        }
        return true
    }

    private mutating func takeEndOfNamespace(_ message: NetlinkMessage) throws(NetlinkError) -> Bool {
        let (_, attributes) = try message.parts(fixed: 1)
        guard let id = attributes.number(NamespaceAttribute.id, as: Int32.self) else { return true }
        count -= known.removeValue(forKey: id)?.count ?? 0
        return true
    }

    /// A bridge has an entry for each of its ports' own MACs, which comes and goes with the port. And where it knows VLANs, whoever sets an entry is told
    /// of one more for each, which is the same (see ``ForwardingEntry``).
    private func isMinorEntry(_ message: NetlinkMessage, _ namespaceID: Int32?) throws(NetlinkError) -> Bool {
        let (fixed, attributes) = try message.parts(fixed: Neighbour.headerLength)
        guard try fixed.number(at: 0) == AddressFamily.bridge.rawValue else { return false }
        if attributes.bytes(NeighbourAttribute.vlan) != nil { return true }
        guard NeighbourState(rawValue: try fixed.number(at: 8)) == .permanent,
            attributes.bytes(NeighbourAttribute.destination) == nil,
            let mac = attributes.mac(NeighbourAttribute.linkAddress)
        else { return false }
        let index: UInt32 = try fixed.number(at: 4)
        return known[namespaceID]?[index]?.link?.mac == mac
    }
}
