import CLinux
import Glibc
package import LinuxSystem
import Synchronization

/// Listens to changes of addresses and routes in one namespace, of both families, and tells only that there was one: whoever wants to know looks.
///
/// Beside ``NetlinkListener`` it hears nothing of links, neighbours and rules, nor of other namespaces, where containers come and go.
package final class RouteListener: Sendable {
    private static let receiveBytes: CInt = 256 << 10
    private static let datagramBytes = 64 << 10
    /// Datagrams that are taken before the poller's other descriptors have their turn.
    private static let mostAtOnce = 32

    /// An element for any number of changes since the last one. One reader only; ends with the listener.
    package let changes: AsyncStream<Void>
    private let news: AsyncStream<Void>.Continuation
    private let socket: Descriptor
    private let token = Mutex<Poller.Token?>(nil)

    /// Listens in the calling thread's namespace from now on.
    package init() throws {
        (changes, news) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        socket = Descriptor(owning: try check(clinux_netlink_socket(NETLINK_ROUTE), "open netlink socket"))
        var port: UInt32 = 0
        try check(clinux_netlink_bind(socket.raw, &port), "bind netlink socket")
        try check(clinux_socket_buffers(socket.raw, Self.receiveBytes, 1 << 16), "set netlink buffers")
        for group in [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE] {
            try check(
                clinux_netlink_option(socket.raw, NETLINK_ADD_MEMBERSHIP, CInt(clamping: group.rawValue)),
                "join netlink group \(group.rawValue)")
        }
        let watch = try Poller.shared.watch(socket.raw) { [weak self] in self?.read() }
        token.withLock { $0 = watch }
    }

    deinit {
        if let token = token.withLock({ $0 }) { Poller.shared.remove(token) }
        news.finish()
    }

    /// Listens from a thread inside a namespace; `nil`: in the one this process was started in.
    package static func open(in namespace: NetworkNamespace?) async throws -> RouteListener {
        guard let namespace else { return try await onThread { try RouteListener() } }
        return try await namespace.run { try RouteListener() }
    }

    /// On the poller's thread: takes what there is, and is called again where that is more. What was lost is a change, too.
    private func read() {
        var buffer = [UInt8](repeating: 0, count: Self.datagramBytes)
        var hasChanged = false
        for _ in 0..<Self.mostAtOnce {
            var truncated: CInt = 0
            var sender: UInt32 = 0
            var namespace: CInt = -1
            let count = clinux_netlink_receive(
                socket.raw, &buffer, buffer.count, CInt(MSG_DONTWAIT), &truncated, &sender, &namespace)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno != ENOBUFS { break }
            // Only the kernel is believed.
            if count < 0 || sender == 0 { hasChanged = true }
        }
        if hasChanged { news.yield() }
    }
}
