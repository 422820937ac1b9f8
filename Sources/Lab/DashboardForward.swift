import Addressing
import Faults
import Glibc
import LinuxSystem
import NIOCore
import NIOPosix

/// Lets a browser on this machine see the first manager's dashboard: what connects on this machine's loopback comes out on the manager's.
struct DashboardForward: Sendable {
    /// Where a manager serves it.
    private static let port: UInt16 = 2378
    static let manager = "node-1"

    let namespace: NetworkNamespace
    /// On this machine's loopback.
    let listening: UInt16

    /// Listens until the channel is closed.
    func open(_ group: MultiThreadedEventLoopGroup) async throws -> any Channel {
        let socket = try ListeningSocket.open(at: .loopback, port: listening).release()
        return try await ServerBootstrap(group: group)
            .childChannelInitializer { [namespace] channel in
                Relay.install(in: channel) { bootstrap in
                    let bootstrap = NIOLoopBound(bootstrap, eventLoop: channel.eventLoop)
                    return channel.eventLoop.makeFutureWithTask {
                        // A socket stays in the network that it was made in.
                        try await namespace.run { try Self.connect().release() }
                    }
                    .flatMap { bootstrap.value.withConnectedSocket($0) }
                }
            }
            .withBoundSocket(socket).get()
    }

    /// Loopback accepts or refuses at once.
    private static func connect() throws -> Descriptor {
        let place = InternetSocketAddress(.loopback, port: port)
        let flags = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try check(Glibc.socket(place.family, flags, 0), "open a socket"))
        try check(place.withPointer { Glibc.connect(socket.raw, $0, $1) }, "connect to \(place)")
        return socket
    }
}

extension IPAddress {
    fileprivate static let loopback = IPAddress(127, 0, 0, 1)
}
