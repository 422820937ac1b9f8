import Addressing
import Glibc
import LinuxSystem
import Netlink
import TestKit
import Testing

/// What the kernel tells of connections, by which ways to managers are known.
@Suite struct ConnectionTests {
    private static func bound() throws -> (descriptor: CInt, port: UInt16) {
        let raw = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let place = InternetSocketAddress(IPAddress(127, 0, 0, 1), port: 0)
        try #require(place.withPointer { bind(raw, $0, $1) } == 0)
        return (raw, try InternetSocketAddress(of: raw).port)
    }

    @Test func `connections to a port are told, with their round trip, and no others`() async throws {
        try await withNetworkNamespaces(1) { namespaces in
            try await namespaces[0].run {
                let (server, port) = try Self.bound()
                let (other, otherPort) = try Self.bound()
                try #require(listen(server, 4) == 0 && listen(other, 4) == 0)
                var clients: [CInt] = []
                for target in [port, port, otherPort] {
                    let (client, _) = try Self.bound()
                    let place = InternetSocketAddress(IPAddress(127, 0, 0, 1), port: target)
                    try #require(place.withPointer { connect(client, $0, $1) } == 0)
                    clients.append(client)
                }
                let found = try SocketDiagnostics().connections(toPort: port)
                #expect(found.count == 2)
                #expect(found.allSatisfy { $0.remotePort == port && $0.remote == IPAddress(127, 0, 0, 1) })
                #expect(found.allSatisfy { $0.roundTripMicroseconds < 1_000_000 && $0.retransmits == 0 })
                #expect(found.contains { $0.roundTripMicroseconds > 0 })
                #expect(try SocketDiagnostics().connections(toPort: otherPort).count == 1)
                for client in clients { close(client) }
                #expect(try SocketDiagnostics().connections(toPort: 1).isEmpty)
                close(server)
                close(other)
            }
        }
    }
}
