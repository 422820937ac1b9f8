import Addressing
import Glibc
import LinuxSystem

/// The two sockets of a server, made inside a namespace and usable from outside: a socket belongs to the namespace in
/// which it was created, whoever holds the descriptor. network_namespaces(7).
struct ServerSockets: Sendable {
    /// Connections waiting to be accepted.
    static let backlog: CInt = 64

    let datagrams: CInt
    let datagramPort: UInt16
    let connections: CInt
    let connectionPort: UInt16

    /// Opens both, in the calling thread's namespace. Port 0: one of the kernel's choice each.
    /// - Throws: `SystemError` of the call that failed; nothing stays open then.
    init(at address: IPAddress, port: UInt16) throws {
        let datagrams = Descriptor(owning: try Self.bound(SOCK_DGRAM, address, port))
        let connections = Descriptor(owning: try Self.bound(SOCK_STREAM, address, port))
        guard listen(connections.raw, Self.backlog) == 0 else {
            throw SystemError(errno: errno, attempting: "listening on \(address)")
        }
        datagramPort = try InternetSocketAddress(of: datagrams.raw).port
        connectionPort = try InternetSocketAddress(of: connections.raw).port
        self.datagrams = datagrams.release()
        self.connections = connections.release()
    }

    private static func bound(_ kind: __socket_type, _ address: IPAddress, _ port: UInt16) throws -> CInt {
        let flags = kind.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let place = InternetSocketAddress(address, port: port)
        let number = Glibc.socket(place.family, CInt(bitPattern: flags), 0)
        guard number >= 0 else { throw SystemError(errno: errno, attempting: "opening a socket") }
        let socket = Descriptor(owning: number)
        var one: CInt = 1
        guard setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw SystemError(errno: errno, attempting: "setting SO_REUSEADDR")
        }
        guard place.withPointer({ bind(socket.raw, $0, $1) }) == 0 else {
            throw SystemError(errno: errno, attempting: "binding to \(place)")
        }
        return socket.release()
    }
}
