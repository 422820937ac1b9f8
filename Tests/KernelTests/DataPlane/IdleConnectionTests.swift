import Addressing
import Glibc
import LinuxSystem
import Netlink
import TestKit
import Testing

/// Connections to a service's address on which nobody says anything for long. Times are scaled: two seconds stand for what the kernel would give them.
@Suite struct IdleConnectionTests {
    private static let timeout = "net/netfilter/nf_conntrack_tcp_timeout_"
    private static let short = "2"

    /// A connection whose caller has said that it sends no more, and whose other end has heard that.
    private struct HalfClosed {
        let caller: CInt
        let server: CInt

        static func begin(
            from namespace: NetworkNamespace, to server: NetworkNamespace, port: UInt16
        ) async throws -> HalfClosed {
            let listener = try await server.run {
                let socket = try bound(SOCK_STREAM, IPAddress(0, 0, 0, 0), port)
                try check(listen(socket, 1), "listen")
                return socket
            }
            defer { close(listener) }
            let caller = try await namespace.run {
                let socket = try bound(SOCK_STREAM, IPAddress(0, 0, 0, 0), 0)
                var limit = timeval(tv_sec: 2, tv_usec: 0)
                setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                let place = InternetSocketAddress(serviceAddress, port: port)
                try check(place.withPointer { connect(socket, $0, $1) }, "connect to \(place)")
                try check(shutdown(socket, CInt(SHUT_WR)), "shutdown")
                return socket
            }
            let accepted = try await onThread {
                let socket = try check(accept(listener, nil, nil), "accept")
                var byte: UInt8 = 0
                try check(recv(socket, &byte, 1, 0), "receive")
                return socket
            }
            return HalfClosed(caller: caller, server: accepted)
        }

        /// Whether what the other end says now arrives at the caller.
        func hears() async throws -> Bool {
            let (caller, server) = (caller, server)
            return try await onThread {
                try check(send(server, "x", 1, CInt(MSG_NOSIGNAL)), "send")
                var byte: UInt8 = 0
                return recv(caller, &byte, 1, 0) == 1
            }
        }

        func end() {
            close(caller)
            close(server)
        }
    }

    @Test func `A4: an idle connection and a half-closed one still carry data when the kernel's short times are over`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try await apply(swarm(world, tasks: [(1, 1)], callers: [(1, 2), (1, 3)]), world)
            let greeter = try await Greeter.start("one", in: node.sandbox("t11"), port: 80)
            let (kept, forgetful) = (node.sandbox("t12"), node.sandbox("t13"))
            for caller in [kept, forgetful] {
                try await caller.run {
                    for state in ["close_wait", "fin_wait"] { try Sysctl.write(Self.timeout + state, Self.short) }
                    // Else what was forgotten might be taken up again in its middle.
                    try Sysctl.write("net/netfilter/nf_conntrack_tcp_loose", "0")
                }
            }
            #expect(try await node.plane.resync(reason: "test").failures.isEmpty)
            let days = try await kept.run { try Sysctl.read(Self.timeout + "established") }
            #expect(days.flatMap { Int($0) } ?? 0 >= 5 * 24 * 3600, "\(days ?? "none")")
            // One that has the short times all the same, to see that they would end it.
            try await forgetful.run {
                for state in ["established", "close_wait", "fin_wait"] {
                    try Sysctl.write(Self.timeout + state, Self.short)
                }
            }

            var idle: [Caller] = []
            var halves: [HalfClosed] = []
            defer { for half in halves { half.end() } }
            for (caller, port) in [(kept, 81), (forgetful, 82)] as [(NetworkNamespace, UInt16)] {
                let one = try await Caller.open(.tcp, to: serviceAddress, 80, from: caller)
                #expect(try await one.listen().hasPrefix("one "))
                idle.append(one)
                halves.append(try await HalfClosed.begin(from: caller, to: node.sandbox("t11"), port: port))
            }
            try await eventually(within: .seconds(30), "what has short times is forgotten") {
                try await forgetful.run {
                    try ConntrackSocket().connections().allSatisfy { $0.original.destination != serviceAddress }
                }
            }
            #expect(try await idle[0].ask().hasPrefix("one "))
            #expect(try await halves[0].hears())
            await #expect(throws: SystemError.self) { _ = try await idle[1].ask() }
            #expect(try await !halves[1].hears())
            withExtendedLifetime(greeter) {}
        }
    }
}
