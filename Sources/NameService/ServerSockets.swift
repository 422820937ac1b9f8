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
    init(at address: IPv4Address, port: UInt16) throws {
        let datagrams = Descriptor(owning: try Self.bound(SOCK_DGRAM, address, port))
        let connections = Descriptor(owning: try Self.bound(SOCK_STREAM, address, port))
        guard listen(connections.raw, Self.backlog) == 0 else {
            throw SystemError(errno: errno, attempting: "listening on \(address)")
        }
        datagramPort = try Self.port(of: datagrams.raw)
        connectionPort = try Self.port(of: connections.raw)
        self.datagrams = datagrams.release()
        self.connections = connections.release()
    }

    private static func bound(_ kind: __socket_type, _ address: IPv4Address, _ port: UInt16) throws -> CInt {
        let flags = kind.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let number = Glibc.socket(AF_INET, CInt(bitPattern: flags), 0)
        guard number >= 0 else { throw SystemError(errno: errno, attempting: "opening a socket") }
        let socket = Descriptor(owning: number)
        var one: CInt = 1
        guard setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw SystemError(errno: errno, attempting: "setting SO_REUSEADDR")
        }
        var name = sockaddr_in(address, port: port)
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SystemError(errno: errno, attempting: "binding to \(address):\(port)") }
        return socket.release()
    }

    private static func port(of socket: CInt) throws -> UInt16 {
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        guard result == 0 else { throw SystemError(errno: errno, attempting: "asking for a socket's port") }
        return UInt16(bigEndian: name.sin_port)
    }
}
