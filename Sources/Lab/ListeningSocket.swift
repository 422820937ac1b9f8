import Addressing
import Glibc
import LinuxSystem

enum ListeningSocket {
    /// Connections waiting to be accepted.
    static let backlog: CInt = 128

    /// A TCP socket that listens, in the calling thread's network namespace.
    static func open(at address: IPAddress, port: UInt16) throws -> Descriptor {
        let flags = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let place = InternetSocketAddress(address, port: port)
        let socket = Descriptor(owning: try check(Glibc.socket(place.family, flags, 0), "open a socket"))
        var one: CInt = 1
        try check(
            setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size)),
            "set SO_REUSEADDR")
        try check(place.withPointer { bind(socket.raw, $0, $1) }, "bind to \(place)")
        try check(listen(socket.raw, backlog), "listen on \(place)")
        return socket
    }
}
