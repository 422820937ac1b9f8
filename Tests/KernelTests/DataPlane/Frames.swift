import Addressing
import Model
import TestKit

/// Frames that a container could send, each with its own name in brackets inside. Addresses determine MACs.
struct Frames {
    /// The container's own address, the one it sends to, the gateway's, and that of somebody else.
    let own: IPAddress
    var peer: IPAddress
    let gate: IPAddress
    let other: IPAddress

    enum Kind {
        /// What must arrive.
        case good
        /// What must not.
        case bad
        /// IPv4 to addresses that bridges keep for themselves.
        case reserved
        /// IPv6 and its neighbour discovery.
        case ip6
    }

    static let everyone = [UInt8](repeating: 0xff, count: 6)
    private static let unknown: [UInt8] = [2, 0x42, 0xde, 0xad, 0xbe, 0xef]
    private static let allNodes: [UInt8] = [0x33, 0x33, 0, 0, 0, 1]

    private var me: [UInt8] { MACAddress(for: own).octets }
    private var you: [UInt8] { MACAddress(for: peer).octets }

    func named(_ kind: Kind) -> [(name: String, frame: [UInt8])] {
        let makers: [(String, ([UInt8]) -> [UInt8])] =
            switch kind {
            case .good: good
            case .bad: strange + forgedARP + tagged + otherProtocols
            case .reserved: reserved
            case .ip6: ip6
            }
        return makers.map { name, make in
            let frame = make(Array("[\(name)]".utf8))
            return (name, frame + [UInt8](repeating: 0, count: max(0, 60 - frame.count)))
        }
    }

    // MARK: layers

    private func ethernet(
        _ type: UInt16, _ body: [UInt8], to: [UInt8]? = nil, by: [UInt8]? = nil
    ) -> [UInt8] { (to ?? you) + (by ?? me) + type.bytes + body }

    static func udp(
        _ source: IPAddress, _ target: IPAddress, port: UInt16, _ data: [UInt8], fragment: UInt16 = 0
    ) -> [UInt8] {
        let datagram = UInt16(7777).bytes + port.bytes + UInt16(8 + data.count).bytes + [0, 0] + data
        var head: [UInt8] = [0x45, 0] + UInt16(20 + datagram.count).bytes + [0, 1] + fragment.bytes + [64, 17, 0, 0]
        head += source.octets + target.octets
        head.replaceSubrange(10..<12, with: checksum(head).bytes)
        return head + datagram
    }

    private func ip(_ name: [UInt8], from source: IPAddress? = nil, fragment: UInt16 = 0) -> [UInt8] {
        Self.udp(source ?? own, peer, port: 9, name, fragment: fragment)
    }

    private func arp(
        _ name: [UInt8], _ operation: UInt16, _ sender: IPAddress, _ target: IPAddress, mac: [UInt8]? = nil,
        targetMAC: [UInt8]? = nil, hardware: UInt16 = 1
    ) -> [UInt8] {
        hardware.bytes + UInt16(0x0800).bytes + [6, 4] + operation.bytes + (mac ?? me) + sender.octets
            + (targetMAC ?? [UInt8](repeating: 0, count: 6)) + target.octets + name
    }

    static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var total: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            total += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
        }
        while total >> 16 != 0 { total = total & 0xffff + total >> 16 }
        return ~UInt16(total)
    }

    // MARK: IPv4

    private var good: [(String, ([UInt8]) -> [UInt8])] {
        [
            ("ip", { ethernet(0x0800, ip($0)) }),
            ("arp-request", { ethernet(0x0806, arp($0, 1, own, peer), to: Self.everyone) }),
            ("arp-reply", { ethernet(0x0806, arp($0, 2, own, peer, targetMAC: you)) }),
            ("arp-gratuitous", { ethernet(0x0806, arp($0, 1, own, own), to: Self.everyone) }),
        ]
    }

    private var strange: [(String, ([UInt8]) -> [UInt8])] {
        let neighbour = MACAddress(for: other).octets
        return [
            ("mac-peer", { ethernet(0x0800, ip($0), by: peer == gate ? neighbour : you) }),
            ("mac-unknown", { ethernet(0x0800, ip($0), by: Self.unknown) }),
            ("ip-other", { ethernet(0x0800, ip($0, from: other)) }),
            ("ip-gateway", { ethernet(0x0800, ip($0, from: gate)) }),
            ("ip-nobody", { ethernet(0x0800, ip($0, from: IPAddress(192, 0, 2, 9))) }),
            ("ip-zero", { ethernet(0x0800, ip($0, from: IPAddress(0, 0, 0, 0))) }),
            ("ip-loopback", { ethernet(0x0800, ip($0, from: IPAddress(127, 0, 0, 1))) }),
            ("ip-other-fragment", { ethernet(0x0800, ip($0, from: other, fragment: 0x2000)) }),
            ("ip-other-fragment-2", { ethernet(0x0800, ip($0, from: other, fragment: 3)) }),
        ]
    }

    private var forgedARP: [(String, ([UInt8]) -> [UInt8])] {
        let nobody = IPAddress(0, 0, 0, 0)
        return [
            ("arp-request-other", { ethernet(0x0806, arp($0, 1, other, peer), to: Self.everyone) }),
            ("arp-request-gateway", { ethernet(0x0806, arp($0, 1, gate, peer), to: Self.everyone) }),
            ("arp-reply-other", { ethernet(0x0806, arp($0, 2, other, peer, targetMAC: you)) }),
            ("arp-reply-gateway", { ethernet(0x0806, arp($0, 2, gate, peer, targetMAC: you)) }),
            ("arp-gratuitous-other", { ethernet(0x0806, arp($0, 1, other, other), to: Self.everyone) }),
            (
                "arp-gratuitous-reply-other",
                { ethernet(0x0806, arp($0, 2, other, other, targetMAC: Self.everyone), to: Self.everyone) }
            ),
            (
                "arp-foreign-sender-mac",
                { ethernet(0x0806, arp($0, 2, own, peer, mac: Self.unknown), to: Self.everyone) }
            ),
            ("arp-foreign-frame-mac", { ethernet(0x0806, arp($0, 2, own, peer), by: Self.unknown) }),
            ("arp-probe", { ethernet(0x0806, arp($0, 1, nobody, other), to: Self.everyone) }),
            ("arp-reverse", { ethernet(0x0806, arp($0, 3, own, peer)) }),
            ("arp-hardware-6", { ethernet(0x0806, arp($0, 2, own, peer, hardware: 6)) }),
        ]
    }

    private var tagged: [(String, ([UInt8]) -> [UInt8])] {
        let (ipv4, arpType, ipv6): ([UInt8], [UInt8], [UInt8]) = ([8, 0], [8, 6], [0x86, 0xdd])
        return [
            ("vlan0-ip", { ethernet(0x8100, [0, 0] + ipv4 + ip($0)) }),
            ("vlan5-ip", { ethernet(0x8100, [0, 5] + ipv4 + ip($0)) }),
            ("vlan0-priority-ip", { ethernet(0x8100, [0xe0, 0] + ipv4 + ip($0)) }),
            ("vlan0-arp", { ethernet(0x8100, [0, 0] + arpType + arp($0, 2, own, peer)) }),
            ("vlan0-ad-ip", { ethernet(0x88a8, [0, 0] + ipv4 + ip($0)) }),
            ("vlan-double", { ethernet(0x8100, [0, 0, 0x81, 0, 0, 0] + ipv4 + ip($0)) }),
            ("vlan-qinq", { ethernet(0x88a8, [0, 5, 0x81, 0, 0, 6] + ipv4 + ip($0)) }),
            ("vlan0-ip6", { ethernet(0x8100, [0, 0] + ipv6 + udp6($0, local6(own), local6(peer))) }),
        ]
    }

    private var otherProtocols: [(String, ([UInt8]) -> [UInt8])] {
        let types: [(String, UInt16)] = [
            ("eapol", 0x888e), ("lldp", 0x88cc), ("pppoe", 0x8863), ("mpls", 0x8847), ("batman", 0x4305),
            ("experimental", 0x88b5), ("loopback", 0x9000),
        ]
        let snap: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0]
        return types.map { name, type in (name, { ethernet(type, $0) }) } + [
            (
                "stp",
                { [1, 0x80, 0xc2, 0, 0, 0] + me + UInt16(60).bytes + [0x42, 0x42, 3] + $0 }
            ),
            ("snap-ip", { name in ethernet(UInt16(8 + ip(name).count), snap + [8, 0] + ip(name)) }),
            ("snap", { ethernet(UInt16(38 + $0.count), snap + [0x86, 0xdd] + $0) }),
        ]
    }

    private var reserved: [(String, ([UInt8]) -> [UInt8])] {
        [("lacp", 2), ("lldp", 0x0e), ("eapol", 3)].map { name, last in
            ("reserved-\(name)", { ethernet(0x0800, ip($0), to: [1, 0x80, 0xc2, 0, 0, last]) })
        }
    }

    // MARK: IPv6

    /// The link-local address that Linux makes of a MAC.
    private func local6(_ address: IPAddress) -> [UInt8] {
        let mac = MACAddress(for: address).octets
        return [0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe] + mac[3...]
    }

    private func site6(_ last: UInt8) -> [UInt8] { [0xfd, 0, 0xde, 0xad] + [UInt8](repeating: 0, count: 11) + [last] }

    private func packet6(
        _ source: [UInt8], _ target: [UInt8], _ kind: UInt8, _ body: [UInt8], extension more: [UInt8] = [],
        first: UInt8? = nil
    ) -> [UInt8] {
        var body = body
        if let place = [58: 2, 17: 6][kind] {
            let pseudo = source + target + [0, 0] + UInt16(body.count).bytes + [0, 0, 0, kind]
            body.replaceSubrange(place..<place + 2, with: Self.checksum(pseudo + body).bytes)
        }
        return [0x60, 0, 0, 0] + UInt16(more.count + body.count).bytes + [first ?? kind, 255] + source + target + more
            + body
    }

    private func udp6(_ name: [UInt8], _ source: [UInt8], _ target: [UInt8]) -> [UInt8] {
        packet6(
            source, target, 17, UInt16(7777).bytes + UInt16(9).bytes + UInt16(8 + name.count).bytes + [0, 0] + name)
    }

    /// Neighbour discovery; the name is in an option that nobody knows.
    private func discovery(
        _ name: [UInt8], _ kind: UInt8, _ body: [UInt8], _ source: [UInt8], _ target: [UInt8]
    ) -> [UInt8] { packet6(source, target, 58, message(name, kind, body)) }

    private func message(_ name: [UInt8], _ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
        let length = (name.count + 9) / 8
        let note = [253, UInt8(length)] + name + [UInt8](repeating: 32, count: length * 8 - 2 - name.count)
        return [kind, 0, 0, 0, kind == 136 ? 0x20 : 0, 0, 0, 0] + body + note
    }

    private var ip6: [(String, ([UInt8]) -> [UInt8])] {
        let (unspecified, everybody) = (
            [UInt8](repeating: 0, count: 16), [0xff, 2] + [UInt8](repeating: 0, count: 13) + [1]
        )
        let (own6, peer6, gate6) = (site6(1), site6(2), site6(3))
        let mapped: (IPAddress) -> [UInt8] = { [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + $0.octets }
        func address(_ option: UInt8) -> [UInt8] { [option, 1] + me }
        func spread(_ body: [UInt8]) -> [UInt8] { ethernet(0x86dd, body, to: Self.allNodes) }
        func single(_ body: [UInt8], by: [UInt8]? = nil) -> [UInt8] { ethernet(0x86dd, body, by: by) }
        return [
            ("ip6-local", { single(udp6($0, local6(own), local6(peer))) }),
            ("ip6-multicast", { spread(udp6($0, local6(own), everybody)) }),
            ("ip6-solicit", { spread(discovery($0, 135, local6(peer), local6(own), everybody)) }),
            ("ip6-mapped", { single(udp6($0, mapped(own), mapped(peer))) }),
            ("ip6-other", { single(udp6($0, site6(99), peer6)) }),
            ("ip6-gateway", { single(udp6($0, gate6, peer6)) }),
            ("ip6-gateway-local", { single(udp6($0, local6(gate), peer6)) }),
            ("ip6-mac", { single(udp6($0, own6, peer6), by: Self.unknown) }),
            ("ip6-unspecified", { single(udp6($0, unspecified, peer6)) }),
            ("solicit-as-gateway", { spread(discovery($0, 135, peer6 + address(1), gate6, everybody)) }),
            ("solicit-duplicate-peer", { spread(discovery($0, 135, peer6, unspecified, everybody)) }),
            ("advert-gateway", { single(discovery($0, 136, gate6 + address(2), own6, peer6)) }),
            ("advert-peer", { spread(discovery($0, 136, peer6 + address(2), local6(own), everybody)) }),
            ("advert-gateway-local", { single(discovery($0, 136, local6(gate) + address(2), local6(own), peer6)) }),
            (
                "advert-after-extension",
                {
                    single(
                        packet6(
                            own6, peer6, 58, message($0, 136, gate6 + address(2)),
                            extension: [58, 0, 1, 4, 0, 0, 0, 0], first: 60))
                }
            ),
            (
                "advert-in-fragment",
                { single(packet6(own6, peer6, 44, [58, 0, 0, 1, 0, 0, 0, 7] + message($0, 136, gate6 + address(2)))) }
            ),
            ("router-advert", { spread(discovery($0, 134, [UInt8](repeating: 0, count: 8), local6(own), everybody)) }),
            ("redirect", { single(discovery($0, 137, gate6 + peer6, local6(own), peer6)) }),
        ]
    }
}

extension UInt16 {
    /// As packets have it.
    var bytes: [UInt8] { [UInt8(self >> 8), UInt8(self & 0xff)] }
}
