import Addressing
import Netlink
import TestKit
import Testing

@Suite struct NetlinkMessageTests {
    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The text without its spaces and line ends.
    private func packed(_ text: String) -> String { text.filter { !$0.isWhitespace } }

    // The expected bytes follow netlink(7) and the kernel's headers, field by field, on a little-endian machine.

    @Test func `a bridge is asked for with these bytes`() {
        let request = CreateBridge(
            name: "br0", mtu: 1450, group: 77, options: BridgeOptions(multicastSnooping: false), isUp: true)
        #expect(
            hex(request.message(sequence: 7, EncodingContext()))
                == packed(
                    """
                    54000000 1000 0506 07000000 00000000
                    00 00 0000 00000000 01000000 01000000
                    0800 0300 62723000
                    0800 0400 aa050000
                    0800 1b00 4d000000
                    1c00 1200  0b00 0100 62726964676500 00  0c00 0200  0500 1700 00 000000
                    """))
    }

    @Test func `a default route in a table of our own is asked for with these bytes`() {
        let request = AddRoute(Route(gateway: IPAddress(10, 255, 0, 1), link: "eth1", table: 77))
        #expect(
            hex(request.message(sequence: 1, EncodingContext(indexes: ["eth1": 5])))
                == packed(
                    """
                    34000000 1800 0505 01000000 00000000
                    02 00 00 00 4d 4d 00 01 00000000
                    0800 0f00 4d000000
                    0800 0500 0aff0001
                    0800 0400 05000000
                    """))
    }

    @Test func `a rule by mark is asked for with these bytes`() {
        let request = AddRule(Rule(priority: 77, table: 77, mark: 0x0000_ff0a, markMask: 0x0000_ffff))
        #expect(
            hex(request.message(sequence: 1, EncodingContext()))
                == packed(
                    """
                    44000000 2000 0506 01000000 00000000
                    02 00 00 00 4d 00 00 01 00000000
                    0800 0600 4d000000
                    0800 0f00 4d000000
                    0800 0a00 0aff0000
                    0800 1000 ffff0000
                    0500 1500 4d 000000
                    """))
    }

    @Test func `a forwarding entry of a vxlan device is asked for with these bytes`() {
        let mac = MACAddress(for: IPAddress(10, 255, 1, 22))
        let entry = ForwardingEntry(link: .index(3), mac: mac, owner: .device, remote: IPAddress(192, 0, 2, 12))
        #expect(
            hex(SetForwardingEntry(entry).message(sequence: 1, EncodingContext()))
                == packed(
                    """
                    30000000 1c00 0505 01000000 00000000
                    07 00 0000 03000000 8000 02 00
                    0a00 0200 02420aff0116 0000
                    0800 0100 c000020c
                    """))
    }

    @Test func `what is written is read back`() throws {
        var writer = MessageWriter(type: 16, flags: 5)
        writer.put(UInt32(9))
        writer.string(1, "eth0")
        writer.nest(2) {
            $0.bigEndian(1, UInt16(4789))
            $0.nest(2, marked: true) { $0.flag(3, true) }
            $0.bytes(4, [1, 2, 3])
        }
        writer.number(3, UInt64.max)
        let one = writer.finished(sequence: 11)
        #expect(one.count % 4 == 0)
        let messages = try NetlinkMessage.decode(one + one)
        #expect(messages.count == 2)
        let message = messages[1]
        #expect(message.type == 16 && message.flags == 5 && message.sequence == 11)
        let (_, attributes) = try message.parts(fixed: 4)
        #expect(attributes.string(1) == "eth0")
        #expect(attributes.number(3, as: UInt64.self) == .max)
        #expect(attributes.number(3, as: UInt32.self) == nil)
        let nest = try #require(try attributes.nest(2))
        #expect(nest.bigEndian(1, as: UInt16.self) == 4789)
        #expect(try #require(try nest.nest(2)).flag(3) == true)
        #expect(nest.bytes(4).map { Array($0) } == [1, 2, 3])
        #expect(try attributes.nest(9) == nil)
    }

    @Test func `lengths that contradict each other are refused`() {
        let cases: [[UInt8]] = [
            [1], Array(repeating: 0, count: 16), [15] + Array(repeating: 0, count: 15),
            [17] + Array(repeating: 0, count: 15), [255, 255, 255, 255] + Array(repeating: 0, count: 20),
        ]
        for bytes in cases {
            let error = #expect(throws: NetlinkError.self) { try NetlinkMessage.decode(bytes) }
            #expect(error?.code == .malformed)
        }
        #expect(throws: NetlinkError.self) { try Attributes([3, 0, 1, 0]) }
        #expect(throws: NetlinkError.self) { try Attributes([9, 0, 1, 0, 7, 7, 7, 7]) }
    }

    /// Whether any row can be read from the message; a refusal is as good as none.
    private func isRow(_ message: NetlinkMessage) -> Bool {
        let readers: [(NetlinkMessage) throws -> Bool] = [
            { try Link($0) != nil }, { try LinkAddress($0) != nil }, { try Route($0) != nil },
            { try Rule($0) != nil }, { try Neighbour($0) != nil }, { try ForwardingEntry($0) != nil },
            { try TrackedConnection($0) != nil },
        ]
        return readers.contains { reader in
            do { return try reader(message) } catch { return false }
        }
    }

    @Test func `damaged messages are refused or read, and never stop the program`() throws {
        var random = SeededGenerator.fresh("netlink messages")
        let whole = [
            CreateVXLAN(name: "vx0", settings: VXLANSettings(id: 4097, local: IPAddress(1, 2, 3, 4)), mtu: 1450)
                .message(sequence: 1, EncodingContext()),
            AddRoute(Route(gateway: IPAddress(1, 2, 3, 4), mtu: 1300)).message(sequence: 2, EncodingContext()),
            AddRule(Rule(priority: 1, table: 2, source: Route.everywhere)).message(sequence: 3, EncodingContext()),
            SetNeighbour(Neighbour(link: .index(1), address: IPAddress(1, 2, 3, 4), mac: nil))
                .message(sequence: 4, EncodingContext()),
        ]
        var read = 0
        for _ in 0..<20_000 {
            let bytes = random.mutated(whole[Int.random(in: 0..<whole.count, using: &random)])
            guard let messages = try? NetlinkMessage.decode(bytes) else { continue }  // Refused, as it may be.
            for message in messages where isRow(message) { read += 1 }
        }
        #expect(read > 0)
    }
}
