import Glibc
import LinuxSystem
import Synchronization

/// Sockets that were made in the calling thread's namespace and wait to be used. Those that are not are closed with it.
final class UpstreamSockets: Sendable {
    private let sockets: Mutex<[CInt]>

    init(count: Int, _ transport: Transport) throws {
        sockets = Mutex([])
        for _ in 0..<min(count, UpstreamExchange.maximumServers) {
            let socket = try Self.make(transport)
            sockets.withLock { $0.append(socket) }
        }
    }

    deinit { for socket in sockets.withLock({ $0 }) { close(socket) } }

    /// The taker closes it.
    func take() -> CInt? { sockets.withLock { $0.popLast() } }

    static func make(_ transport: Transport) throws(SystemError) -> CInt {
        let kind = transport == .udp ? SOCK_DGRAM : SOCK_STREAM
        let flags = kind.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let socket = Glibc.socket(AF_INET, CInt(bitPattern: flags), 0)
        guard socket >= 0 else { throw SystemError(errno: errno, attempting: "open a socket to an upstream resolver") }
        return socket
    }
}

/// Whether somebody still waits for an answer.
final class Wanted: Sendable {
    private let isRevoked = Mutex(false)

    func revoke() { isRevoked.withLock { $0 = true } }
    var isTrue: Bool { !isRevoked.withLock { $0 } }
}
