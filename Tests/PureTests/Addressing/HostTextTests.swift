import Addressing
import Testing

@Suite struct HostTextTests {
    @Test(
        arguments: [
            ("10.0.0.1", "10.0.0.1", nil), ("10.0.0.1:2377", "10.0.0.1", "2377"), ("manager:80", "manager", "80"),
            ("fd00::1", "fd00::1", nil), ("[fd00::1]", "fd00::1", nil), ("[fd00::1]:2377", "fd00::1", "2377"),
            ("eth0", "eth0", nil), (":2377", "", "2377"), ("", "", nil), ("[fd00::1]:", "fd00::1", ""),
        ] as [(String, String, String?)])
    func `a host is told from its port, with and without brackets`(text: String, host: String, port: String?) throws {
        let parts = try #require(HostText.split(text))
        #expect(parts.host == host && parts.port == port)
        if let port, let number = Int(port), !host.isEmpty { #expect(HostText.join(host, number) == text) }
    }

    @Test(arguments: ["a:b:c", "[fd00::1", "[10.0.0.1]:80", "[fd00::1]80", "[]:80", "fd00::1%eth0:80"])
    func `what is neither is neither`(text: String) {
        #expect(HostText.split(text) == nil)
    }

    @Test func `the address of a host is found in either form`() {
        #expect(HostText.address(in: "[2001:db8::1]:2377") == IPv6Address("2001:db8::1").map { .v6($0) })
        #expect(HostText.address(in: "10.0.0.1:2377") == IPAddress(10, 0, 0, 1))
        #expect(HostText.address(in: "manager:2377") == nil)
        #expect(HostText.join(IPAddress(10, 0, 0, 1), 80) == "10.0.0.1:80")
        let longest = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
        #expect(HostText.address(in: longest) != nil && longest.utf8.count == HostText.longest)
    }

    @Test func `an address with a port is written in one way, and a name or a missing port is none`() throws {
        for text in ["10.0.0.1:2377", "[fd00::1]:1", "[::]:65535", "0.0.0.0:2377"] {
            let read = try #require(TransportAddress(text))
            #expect(read.description == text)
            #expect(TransportAddress(read.address, port: read.port) == read)
        }
        #expect(TransportAddress("[FD00:0::1]:80")?.description == "[fd00::1]:80")
        for text in [
            "", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:80:80", "fd00::1",
            "[fd00::1]", "manager:2377", ":2377", "[fd00::1%eth0]:80",
        ] { #expect(TransportAddress(text) == nil, "\(text)") }
    }

    @Test func `a prefix of one's own follows from an id, and another from another`() throws {
        let one = UniqueLocalPrefix(hashing: "m4n8").network
        #expect(one == UniqueLocalPrefix(hashing: "m4n8").network && one != UniqueLocalPrefix(hashing: "m4n9").network)
        #expect(one.prefixLength == 48 && one.address.high >> 56 == 0xfd && one.masked == one)
        #expect(UniqueLocalPrefix(random: "0123456789abcdef")?.network.description == "fd01:2345:6789::/48")
        #expect(UniqueLocalPrefix(random: "012345678") == nil && UniqueLocalPrefix(random: "xyz3456789") == nil)
        let mac = try #require(MACAddress("02:42:ac:11:00:02"))
        #expect(IPv6Address(linkLocalFor: mac).description == "fe80::42:acff:fe11:2")
    }
}
