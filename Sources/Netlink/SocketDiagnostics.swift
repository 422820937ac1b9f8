import Addressing
import CLinux
import Glibc
package import LinuxSystem
import Synchronization

/// Which sockets a network namespace has (sock_diag(7)): those of the one in which it was opened, whoever asks. Blocking.
package final class SocketDiagnostics: Sendable {
    private let socket: Mutex<NetlinkSocket>

    /// In the calling thread's namespace.
    package init() throws { socket = Mutex(try NetlinkSocket(protocol: NETLINK_SOCK_DIAG)) }

    /// The socket to the kernel, for one question at a time.
    func withSocket<Result>(_ body: (inout NetlinkSocket) throws -> sending Result) throws -> sending Result {
        try socket.withLock { try body(&$0) }
    }

    /// Ports at which somebody serves, without those that only the namespace itself reaches. The kernel tells of those alone, however many
    /// connections there are.
    package func listening() throws -> ListeningSockets {
        var found = ListeningSockets()
        for family in [AddressFamily.ipv4, .ipv6] {
            found.tcp.formUnion(try ports(family, IPPROTO_TCP, state: Self.listening))
            found.udp.formUnion(try ports(family, IPPROTO_UDP, state: Self.unconnected))
        }
        return found
    }

    /// TCP_LISTEN and TCP_CLOSE, which is what a UDP socket without a peer is in (linux/tcp_states.h).
    private static let listening: UInt32 = 10
    private static let unconnected: UInt32 = 7
    /// SOCK_DIAG_BY_FAMILY (linux/sock_diag.h).
    static let byFamily: UInt16 = 20
    /// `struct inet_diag_sockid` and `struct inet_diag_msg` (linux/inet_diag.h).
    static let identityLength = 48
    static let rowLength = 72

    private func ports(_ family: AddressFamily, _ transport: Int, state: UInt32) throws -> Set<UInt16> {
        var writer = MessageWriter(type: Self.byFamily, flags: MessageFlags.request | MessageFlags.dump)
        writer.put(family.rawValue)
        writer.put(UInt8(clamping: transport))
        writer.put(zeros: 2)
        writer.put(UInt32(1) << state)
        writer.put(zeros: Self.identityLength)
        let request = writer
        let found = try socket.withLock { socket in
            try socket.dump(attempting: "list sockets", request.finished) { try Self.port($0, family) }
        }
        return Set(found.rows)
    }

    /// The local port of a row; `nil` for one that others do not reach.
    static func port(_ message: NetlinkMessage, _ family: AddressFamily) throws(NetlinkError) -> UInt16? {
        guard message.type == byFamily else { return nil }
        let row = try message.parts(fixed: rowLength).fixed
        guard try row.number(at: 0) == family.rawValue else { return nil }
        let port = UInt16(bigEndian: try row.number(at: 4))
        let address = row.bytes.dropFirst(8).prefix(16)
        let isLoopback =
            switch family {
            case .ipv4: address.first == 127
            // ::1, or an IPv4 address among IPv6's.
            case .ipv6:
                address.elementsEqual(repeatElement(0, count: 15) + [1])
                    || address.dropLast(3).elementsEqual(repeatElement(0, count: 10) + [0xff, 0xff, 127])
            case .unspecified, .bridge: false
            }
        return port == 0 || isLoopback ? nil : port
    }
}
