import Addressing
import Glibc
import LinuxSystem

enum ListeningSocket {
    /// Connections waiting to be accepted.
    static let backlog: CInt = 128

    /// A TCP socket that listens, in the calling thread's network namespace.
    static func open(at address: IPv4Address, port: UInt16) throws -> Descriptor {
        let flags = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let socket = Descriptor(owning: try check(Glibc.socket(AF_INET, flags, 0), "open a socket"))
        var one: CInt = 1
        try check(
            setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size)),
            "set SO_REUSEADDR")
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = address.inMemory
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try check(result, "bind to \(address):\(port)")
        try check(listen(socket.raw, backlog), "listen on \(address):\(port)")
        return socket
    }
}
