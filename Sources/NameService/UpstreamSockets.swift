import Addressing
import Glibc
import LinuxSystem
import Synchronization

/// Sockets that were made in the calling thread's namespace, one for each of some servers, and wait to be used. Those that are not are
/// closed with it.
final class UpstreamSockets: Sendable {
    private let sockets: Mutex<[(family: IPFamily, socket: CInt)]>

    /// A server of a family that the kernel has no sockets for is passed over.
    /// - Throws: `SystemError` when there is a socket for none.
    init(for servers: some Collection<Upstreams.Server>, _ transport: Transport) throws(SystemError) {
        sockets = Mutex([])
        var failure: SystemError?
        for server in servers.prefix(UpstreamExchange.maximumServers) {
            do throws(SystemError) {
                let (family, socket) = (server.address.family, try Self.make(server, transport))
                sockets.withLock { $0.append((family, socket)) }
            } catch {
                failure = error
            }
        }
        if let failure, sockets.withLock({ $0.isEmpty }) { throw failure }
    }

    deinit { for (_, socket) in sockets.withLock({ $0 }) { close(socket) } }

    /// One that a server of this family can be asked by; the taker closes it.
    func take(_ family: IPFamily) -> CInt? {
        sockets.withLock { sockets in
            sockets.firstIndex { $0.family == family }.map { sockets.remove(at: $0).socket }
        }
    }

    /// One of TCP is broken off when it is closed, and leaves nothing: closed in order it would keep its port for a minute (TIME-WAIT, RFC 9293 section
    /// 3.6.1), and one container that asks without end would take all ports of the node that there are towards a server. Who closes has its answer,
    /// or wants none any more.
    static func make(_ server: Upstreams.Server, _ transport: Transport) throws(SystemError) -> CInt {
        let kind = transport == .udp ? SOCK_DGRAM : SOCK_STREAM
        let flags = kind.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let family = InternetSocketAddress(server.address, port: server.port).family
        let socket = Glibc.socket(family, CInt(bitPattern: flags), 0)
        guard socket >= 0 else { throw SystemError(errno: errno, attempting: "open a socket to an upstream resolver") }
        if transport == .tcp {
            var atOnce = linger(l_onoff: 1, l_linger: 0)
            setsockopt(socket, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
        }
        return socket
    }
}

/// Whether somebody still waits for an answer.
final class Wanted: Sendable {
    private let isRevoked = Mutex(false)

    func revoke() { isRevoked.withLock { $0 = true } }
    var isTrue: Bool { !isRevoked.withLock { $0 } }
}
