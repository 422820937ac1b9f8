import Glibc
import LinuxSystem
import TestKit
import Testing

@Suite struct UnixSocketAddressTests {
    private func made(_ type: __socket_type) throws -> CInt {
        try check(Glibc.socket(AF_UNIX, CInt(clamping: type.rawValue | SOCK_CLOEXEC.rawValue), 0), "make a socket")
    }

    @Test func `the longest path that there is leads to a socket of any kind, and a longer one is refused`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            for type in [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET] {
                // 107 octets, and a zero at the end (unix(7)).
                let name = String(repeating: "\(type.rawValue)", count: 106 - directory.utf8.count)
                let address = UnixSocketAddress("\(directory)/\(name)")
                #expect(address.path.utf8.count == 107)
                let server = try made(type)
                defer { close(server) }
                try check(try address.withPointer { bind(server, $0, $1) }, "bind \(address.path)")
                if type != SOCK_DGRAM { try check(listen(server, 1), "listen at \(address.path)") }
                let client = try made(type)
                defer { close(client) }
                try check(try address.withPointer { connect(client, $0, $1) }, "connect to \(address.path)")
                let error = #expect(throws: SystemError.self) {
                    try UnixSocketAddress(address.path + "1").withPointer { _, _ in 0 }
                }
                #expect(error?.errno == ENAMETOOLONG)
            }
        }
    }
}
