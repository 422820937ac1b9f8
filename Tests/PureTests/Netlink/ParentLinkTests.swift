import Addressing
import Netlink
import TestKit
import Testing

/// Links that hang on another. The bytes are those that ip(8) sends, but for the order of attributes and the zeros behind texts.
@Suite struct ParentLinkTests {
    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func packed(_ text: String) -> String { text.filter { !$0.isWhitespace } }

    private let context = EncodingContext(indexes: ["v0": 3])

    @Test func `a macvlan device is asked for with these bytes`() {
        let request = CreateMacvlan(
            name: "mv0", parent: "v0", mode: .vepa, mac: MACAddress(for: IPAddress(10, 0, 0, 5)), mtu: 1400)
        #expect(
            hex(request.message(sequence: 7, context))
                == packed(
                    """
                    60000000 1000 0506 07000000 00000000
                    00 00 0000 00000000 00000000 00000000
                    0800 0300 6d763000
                    0a00 0100 02420a000005 0000
                    0800 0400 78050000
                    0800 0500 03000000
                    1c00 1200  0c00 0100 6d6163766c616e00  0c00 0200  0800 0100 02000000
                    """))
    }

    @Test func `an ipvlan device is asked for with these bytes`() {
        let request = CreateIpvlan(
            name: "iv0", parent: "v0", settings: IpvlanSettings(mode: .l3s, traffic: .private))
        #expect(
            hex(request.message(sequence: 7, context))
                == packed(
                    """
                    54000000 1000 0506 07000000 00000000
                    00 00 0000 00000000 00000000 00000000
                    0800 0300 69763000
                    0800 0500 03000000
                    2400 1200  0b00 0100 6970766c616e00 00  1400 0200  0600 0100 0200 0000  0600 0200 0100 0000
                    """))
    }

    @Test func `a vlan device and a dummy are asked for with these bytes`() {
        #expect(
            hex(CreateVLAN(name: "v0.10", parent: "v0", id: 10).message(sequence: 7, context))
                == packed(
                    """
                    50000000 1000 0506 07000000 00000000
                    00 00 0000 00000000 00000000 00000000
                    0a00 0300 76302e313000 0000
                    0800 0500 03000000
                    1c00 1200  0900 0100 766c616e00 000000  0c00 0200  0600 0100 0a00 0000
                    """))
        #expect(
            hex(CreateDummy(name: "dm0").message(sequence: 7, context))
                == packed(
                    """
                    38000000 1000 0506 07000000 00000000
                    00 00 0000 00000000 00000000 00000000
                    0800 0300 646d3000
                    1000 1200  0a00 0100 64756d6d7900 0000
                    """))
    }
}
