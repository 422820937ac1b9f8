import Glibc
import LinuxSystem
import Testing

@Suite struct ListeningSocketsTests {
    @Test func `who listens is told, and who is bound, but not who serves only this host`() throws {
        let open = try [Bound(SOCK_STREAM, "0.0.0.0"), Bound(SOCK_DGRAM, "0.0.0.0")]
        let local = try [Bound(SOCK_STREAM, "127.0.0.1"), Bound(SOCK_DGRAM, "127.0.0.1")]
        let deaf = try Bound(SOCK_STREAM, "0.0.0.0", listens: false)
        let sockets = try ListeningSockets(ofProcess: getpid())
        #expect(sockets.tcp.contains(open[0].port) && sockets.udp.contains(open[1].port))
        #expect(!sockets.tcp.contains(local[0].port) && !sockets.udp.contains(local[1].port))
        #expect(!sockets.tcp.contains(deaf.port))
        withExtendedLifetime((open, local, deaf)) {}
    }

    @Test func `a process that is gone serves nothing`() async throws {
        let child = try Processes.spawn(SpawnRequest(executable: "/bin/true"))
        _ = try await child.wait()
        #expect(try ListeningSockets(ofProcess: child.pid) == ListeningSockets())
    }

    /// A socket on a port that the kernel has chosen.
    private final class Bound {
        let port: UInt16
        private let descriptor: CInt

        init(_ type: __socket_type, _ address: String, listens: Bool = true) throws {
            descriptor = socket(AF_INET, CInt(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_addr.s_addr = inet_addr(address)
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let raw = descriptor
            try withUnsafeMutablePointer(to: &place) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                    try #require(bind(raw, place, size) == 0)
                    try #require(getsockname(raw, place, &size) == 0)
                }
            }
            port = UInt16(bigEndian: place.sin_port)
            if type == SOCK_STREAM, listens { try #require(listen(raw, 1) == 0) }
        }

        deinit { close(descriptor) }
    }
}
