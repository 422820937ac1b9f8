package import Addressing
import CLinux

/// A network link as the kernel describes it.
package struct Link: Sendable, Hashable {
    /// The kernel's number of the link, unique within its namespace.
    package var index: UInt32
    package var name: String
    /// `bridge`, `veth`, `vxlan`, `dummy`…; `nil` for hardware and `lo`.
    package var kind: String?
    /// Index of the bridge it is a port of.
    package var master: UInt32?
    /// Bytes of a packet without the link's own header.
    package var mtu: Int
    package var mac: MACAddress?
    /// A number by which links are handled together (`ip link set … group`); 0 unless set.
    package var group: UInt32
    /// `ip link set … alias`, at most 255 bytes; Apus writes there whose the link is.
    package var alias: String?
    /// Set up by its administrator (IFF_UP).
    package var isUp: Bool
    /// And has a carrier (IFF_LOWER_UP).
    package var isRunning: Bool
    /// A veth's other end, in the namespace with `peerNamespaceID`, or in this one when that is `nil`.
    package var peerIndex: UInt32?
    /// The id by which this namespace knows the one that the other end is in.
    package var peerNamespaceID: Int32?
    package var vxlan: VXLANSettings?
    package var bridge: BridgeOptions?
    package var macvlan: MacvlanMode?
    package var ipvlan: IpvlanSettings?
    /// Settings as port of its bridge.
    package var port: PortOptions?
    package var statistics: LinkStatistics?

    /// `nil` for messages of other types or families.
    package init?(_ message: NetlinkMessage) throws(NetlinkError) {
        guard message.type == MessageType.newLink else { return nil }
        let (fixed, attributes) = try message.parts(fixed: LinkHeader.length)
        guard let name = attributes.string(LinkAttribute.name) else { return nil }
        self.name = name
        index = try fixed.number(at: 4)
        let flags = try fixed.number(at: 8, as: UInt32.self)
        isUp = flags & LinkAttribute.isUp != 0
        isRunning = flags & LinkAttribute.lowerIsUp != 0
        master = attributes.number(LinkAttribute.master)
        mtu = Int(clamping: attributes.number(LinkAttribute.mtu, as: UInt32.self) ?? 0)
        mac = attributes.mac(LinkAttribute.address)
        group = attributes.number(LinkAttribute.group) ?? 0
        alias = attributes.string(LinkAttribute.alias)
        peerIndex = attributes.number(LinkAttribute.link)
        peerNamespaceID = attributes.number(LinkAttribute.linkNamespaceID)
        statistics = attributes.bytes(LinkAttribute.statistics).flatMap { LinkStatistics($0) }
        guard let info = try attributes.nest(LinkAttribute.linkInfo) else { return }
        kind = info.string(LinkAttribute.kind)
        if let data = try info.nest(LinkAttribute.data) {
            switch kind {
            case "vxlan": vxlan = VXLANSettings(data)
            case "bridge": bridge = BridgeOptions(data)
            case "macvlan":
                macvlan = data.number(ParentLinkAttribute.macvlanMode).flatMap { MacvlanMode(rawValue: $0) }
            case "ipvlan":
                let mode = data.number(ParentLinkAttribute.ipvlanMode).flatMap { IpvlanSettings.Mode(rawValue: $0) }
                let flags: UInt16 = data.number(ParentLinkAttribute.ipvlanFlags) ?? 0
                if let mode, let traffic = IpvlanSettings.Traffic(rawValue: flags) {
                    ipvlan = IpvlanSettings(mode: mode, traffic: traffic)
                }
            default: break
            }
        }
        if info.string(LinkAttribute.portKind) == "bridge", let data = try info.nest(LinkAttribute.portData) {
            port = PortOptions(data)
        }
    }
}

/// Counters since the link was made (`struct rtnl_link_stats64`).
package struct LinkStatistics: Sendable, Hashable {
    package var receivedPackets: UInt64
    package var sentPackets: UInt64
    package var receivedBytes: UInt64
    package var sentBytes: UInt64
    package var receiveErrors: UInt64
    package var sendErrors: UInt64
    /// Packets that were dropped on the way in, as for want of memory.
    package var receiveDropped: UInt64
    /// The same on the way out.
    package var sendDropped: UInt64

    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= 64 else { return nil }
        let numbers = bytes.withUnsafeBytes { raw in
            (0..<8).map { raw.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        }
        guard numbers.count == 8 else { return nil }
        receivedPackets = numbers[0]
        sentPackets = numbers[1]
        receivedBytes = numbers[2]
        sentBytes = numbers[3]
        receiveErrors = numbers[4]
        sendErrors = numbers[5]
        receiveDropped = numbers[6]
        sendDropped = numbers[7]
    }
}

/// Asks for the links of a namespace, or for one of them.
struct GetLinks {
    var name: String?
    /// Instead of a name.
    var index: UInt32?
    var statistics = false

    func message(sequence: UInt32) -> [UInt8] {
        let isDump = name == nil && index == nil
        var writer = MessageWriter(
            type: MessageType.getLink, flags: MessageFlags.request | (isDump ? MessageFlags.dump : 0))
        LinkHeader(index: index ?? 0).encode(into: &writer)
        if let name { writer.string(LinkAttribute.name, name) }
        if !statistics { writer.number(LinkAttribute.extensionMask, LinkAttribute.skipStatistics) }
        return writer.finished(sequence: sequence)
    }
}
