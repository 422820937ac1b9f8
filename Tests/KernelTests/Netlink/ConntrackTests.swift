import Addressing
import Glibc
import LinuxSystem
import Netlink
import TestKit
import Testing

@Suite struct ConntrackTests {
    /// Sends a datagram from and to loopback addresses, on the calling thread's namespace.
    private func send(to address: IPAddress) throws {
        let socket = Descriptor(
            owning: try check(socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0), "socket"))
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = UInt16(9).bigEndian
        target.sin_addr.s_addr = address.v4?.inMemory ?? 0
        let sent = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket.raw, "x", 1, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try check(sent, "sendto")
    }

    @Test func `connections to an address are forgotten and others stay`() async throws {
        try await withNetworkNamespace { namespace in
            // A rule that looks at connections makes the kernel track them.
            let rules = """
                table ip t { chain c { type filter hook output priority 0; ct state new counter; }; }
                """
            let nft = try #require(Processes.find("nft"))
            let loaded = try await Processes.run(
                SpawnRequest(executable: nft, arguments: [rules], networkNamespace: namespace.path))
            #expect(loaded == .exited(0))
            try await namespace.run {
                let (gone, kept) = (IPAddress(127, 0, 0, 5), IPAddress(127, 0, 0, 6))
                for address in [gone, gone, kept] { try send(to: address) }
                let socket = try ConntrackSocket()
                let before = try socket.connections()
                #expect(before.filter { $0.original.destination == gone }.count == 2)
                #expect(before.allSatisfy { $0.protocol == 17 && $0.original.destinationPort == 9 })
                // The kernel itself looks through its table.
                #expect(try socket.connections(.sent(to: kept)).map(\.endpoint) == [kept])
                #expect(try socket.connections(.answered(from: gone)).count == 2)
                #expect(try socket.connections(.begun(by: IPAddress(127, 0, 0, 9))).isEmpty)
                #expect(try socket.connections(.begun(by: IPAddress(127, 0, 0, 1))).count == 3)
                #expect(try socket.connections(.port(9, protocol: 17)).count == 3)
                #expect(try socket.connections(.port(9, protocol: 6)).isEmpty)
                #expect(try socket.connections(.port(10, protocol: 17)).isEmpty)
                #expect(try socket.deleteConnections(to: gone) == 2)
                #expect(try socket.connections().map(\.endpoint) == [kept])
                #expect(try socket.deleteConnections(to: gone) == 0)
            }
        }
    }
}
