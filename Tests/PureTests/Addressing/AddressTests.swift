import Addressing
import Foundation
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "a.b.c.d", "", "+1.2.3.4", "1.2.3.4/8",
    ])
    func `text that is no IPv4 address is refused`(text: String) {
        #expect(IPv4Address(text) == nil && IPAddress(text) == nil)
    }

    @Test(arguments: [
        "fe80::1%eth0", "::1%1", "[::1]", "::1/128", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "12345::", "g::", "::1.2.3", "::01.2.3.4", "1.2.3.4::",
        "::1.2.3.4:5", "+1::", "-1::", " ::1", "::1 ", "1:2:3:4:5:6:7:1.2.3.4", "::ffff:1.2.3.4%eth0", "１::",
    ])
    func `text that is no IPv6 address is refused, one with a zone among it`(text: String) {
        #expect(IPv6Address(text) == nil && IPAddress(text) == nil)
    }

    @Test(arguments: [
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0DB8::0001", "2001:db8::1"), ("::", "::"),
        ("0:0:0:0:0:0:0:0", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("::FFFF:10.1.2.3", "::ffff:10.1.2.3"),
        ("::ffff:a01:203", "::ffff:10.1.2.3"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
    ])
    func `an IPv6 address is written as RFC 5952 says, whatever form it is read in`(read: String, written: String)
        throws
    {
        let address = try #require(IPv6Address(read))
        #expect(address.description == written)
        #expect(IPv6Address(written) == address)
        #expect(IPv6Address(octets: address.octets) == address)
        #expect(IPv6Address(number: address.number) == address)
    }

    @Test func `kinds of addresses`() throws {
        func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
        #expect(try address("::1").isLoopback && address("127.3.2.1").isLoopback && !address("::2").isLoopback)
        #expect(try address("::").isUnspecified && address("0.0.0.0").isUnspecified)
        #expect(try !address("ff02::1").isOfAHost && !address("::").isOfAHost && address("fd00::1").isOfAHost)
        #expect(try !address("224.0.0.1").isOfAHost && address("10.0.0.1").isOfAHost)
        #expect(try address("febf::1").v6?.isLinkLocal == true && address("fec0::1").v6?.isLinkLocal == false)
        #expect(try address("::ffff:10.0.0.1").v6?.mappedIPv4 == IPv4Address(10, 0, 0, 1))
        #expect(try address("::ffff:10.0.0.1") != address("10.0.0.1"))
        #expect(IPAddress(ipv4: "::1") == nil && IPNetwork(ipv4: "fd00::/8") == nil)
        #expect(try address("255.255.255.255").advanced(by: 1) == address("0.0.0.0"))
        #expect(try address("::ffff:ffff:ffff:ffff").advanced(by: 1) == address("0:0:0:1::"))
        #expect(IPAddress(number: 1 << 32, family: .v4) == nil)
        #expect(try IPAddress(number: 1 << 32, family: .v6) == address("::1:0:0"))
    }

    @Test(arguments: [
        "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/", "::/129", "::/", "::", "fe80::%a/10",
    ])
    func `text that is no network is refused`(text: String) { #expect(IPNetwork(text) == nil) }

    @Test func `networks of two families have nothing in common`() throws {
        let all4 = IPNetwork.everywhere(.v4)
        let all6 = IPNetwork.everywhere(.v6)
        #expect(!all4.overlaps(all6) && !all6.contains(all4) && !all6.contains(all4.first) && !all4.contains(all6.last))
        #expect(all6.description == "::/0" && all6.last.description == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
        #expect(all4 < all6 && IPNetwork(all4.first).isSingle && IPNetwork(all6.first).description == "::/128")
    }

    @Test func `one address is a text in JSON, two are a list`() throws {
        func written(_ value: some Encodable) throws -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.withoutEscapingSlashes]
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        }
        func read<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
            try JSONDecoder().decode(type, from: Data(text.utf8))
        }
        for text in [#""10.1.0.7/24""#, #""fd00::7/64""#, #"["10.1.0.7/24","fd00::7/64"]"#, "[]"] {
            #expect(try written(read(EndpointAddresses.self, text)) == text)
        }
        for text in [#""10.1.0.7""#, #""fd00::7""#, #"["10.1.0.7","fd00::7"]"#, "[]"] {
            #expect(try written(read(HostAddresses.self, text)) == text)
        }
        for text in [#""10.1.0.7""#, "7", #"["10.1.0.7/24","x"]"#, "{}"] {
            #expect(throws: DecodingError.self) { try read(EndpointAddresses.self, text) }
        }
        let both = try read(EndpointAddresses.self, #"["fd00::7/64","10.1.0.7/24"]"#)
        #expect(both.primary?.description == "10.1.0.7/24" && both.hosts[.v6]?.description == "fd00::7")
        #expect(both.hosts.contains(IPAddress(10, 1, 0, 7)) && !both.hosts.contains(IPAddress(10, 1, 0, 8)))
    }

    @Test func `an endpoint that was given no tag has the one of before there were tags`() throws {
        let (four, six) = (try #require(IPAddress("10.255.1.22")), try #require(IPAddress("fd00::7")))
        let both = HostAddresses([four, six])
        let tag = EndpointTag(defaultFor: both)
        #expect(tag.number == 0x0aff_0116)
        #expect(MACAddress(tag: tag).description == "02:42:0a:ff:01:16")
        #expect(MACAddress(tag: tag) == MACAddress("02:42:0A:FF:01:16"))
        #expect(MACAddress(tag: tag).octets == [0x02, 0x42, 10, 255, 1, 22])
        let mark: [UInt8] = withUnsafeBytes(of: tag.mark) { Array($0) }
        #expect(mark == [10, 255, 1, 22])
        #expect(EndpointTag(defaultFor: HostAddresses(v6: both.v6)).number == 7)
        let block = EndpointTagBlock(defaultFor: IPv4Network("10.255.0.0/16"))
        #expect(block.contains(tag) && !block.contains(EndpointTag(number: 7)))
        #expect(EndpointTagBlock(defaultFor: nil).contains(EndpointTag(number: 7)))
    }
}
