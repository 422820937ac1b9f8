import Addressing
import DataPlane
import EngineInterface
import Glibc
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Engine

/// A daemon that comes back finds a published port taken by a program of the node.
@Suite(.timeLimit(.minutes(2))) struct PortReturnTests {
    private static let port: UInt16 = 18_080

    /// A program's socket at the port, at all addresses of IPv4; `nil` where somebody else has it.
    private static func take(in namespace: NetworkNamespace) async throws -> CInt? {
        try await namespace.run {
            let place = InternetSocketAddress(.unspecified(.v4), port: port)
            let socket = Descriptor(owning: Glibc.socket(place.family, CInt(SOCK_STREAM.rawValue), 0))
            if place.withPointer({ bind(socket.raw, $0, $1) }) == 0 { return socket.release() }
            guard errno == EADDRINUSE else { throw SystemError(errno: errno, attempting: "bind") }
            return nil
        }
    }

    @Test func `a port that a program has meanwhile is had again when it is free, and by nobody else`() async throws {
        let kept = Kept<CInt>(-1)
        func publishing(_ request: inout ContainerCreateRequest) {
            request.hostConfig.networkMode = "bridge"
            request.hostConfig.portBindings = ["80/tcp": [PortBinding(hostIp: "0.0.0.0", hostPort: "\(Self.port)")]]
        }
        try await EngineFixture.run { fixture in
            let id = try await fixture.start(["sleep", "1000"], publishing)
            #expect(try await Self.take(in: fixture.namespace) == nil)
            // As the end of the daemon does.
            fixture.engine.endpoints.ports.release(id)
            let taken = try await Self.take(in: fixture.namespace)
            let socket = try #require(taken)
            try check(listen(socket, 1), "listen")
            kept.withLock { $0 = socket }
        } restarted: { next in
            try await next.waitForLog("a published port is in use on this node")
            let other = try await next.create(["sleep", "1000"], publishing)
            close(kept.withLock { $0 })
            await #expect(throws: PortError.self) { try await next.engine.containers.startContainer(other) }
            // Why it does not run it says itself.
            #expect(try next.record(other).state.error.contains("port is already allocated"))
            try await eventually(within: .seconds(20), "the port is held") {
                guard let socket = try await Self.take(in: next.namespace) else { return true }
                close(socket)
                return false
            }
        }
    }

    @Test func `what another container has is not waited for, and what is waited for stays`() async throws {
        try await withNetworkNamespace { namespace in
            let ports = PortReservations(namespace: namespace)
            let port = HostPort(
                PublishedPort(transport: .tcp, hostPort: Self.port, containerPort: 80), to: IPAddress(10, 0, 0, 2))
            let request = PortReservations.Request(
                transport: .tcp, first: Self.port, targetAddress: IPAddress(10, 0, 0, 2), targetPort: 80)
            #expect(try await ports.hold([port], owner: "a", isAhead: false).isEmpty)
            #expect(try await ports.hold([port], owner: "b", isAhead: false) == [port])
            ports.release("a")
            // As it is started again at once.
            #expect(try await ports.exchange([request], owner: "a", endpoint: ("a", "1"), isLax: false).count == 1)
            ports.release("a")
            ports.release("b")

            let taken = try await Self.take(in: namespace)
            let socket = try #require(taken)
            try check(listen(socket, 1), "listen")
            #expect(try await ports.hold([port], owner: "a", isAhead: false) == [port])
            // It leaves another network meanwhile.
            #expect(try await ports.exchange([request], owner: "a", endpoint: ("a", "1"), isLax: true).count == 1)
            close(socket)
            await #expect(throws: PortError.self) {
                try await ports.exchange([request], owner: "b", endpoint: ("b", "2"), isLax: false)
            }
            #expect(try await ports.holdMore([port], owner: "a", isAhead: false).isEmpty)
        }
    }

    @Test func `what a container has waited for that publishes nothing any more is given to others`() async throws {
        try await withWorld(nodes: 1) { world in
            let (namespace, plane) = (world.nodes[0].namespace, world.nodes[0].plane)
            let reservations = try plane.reservations
            let target = IPAddress(172, 17, 0, 10)
            let port = HostPort(
                PublishedPort(transport: .tcp, hostPort: Self.port, containerPort: 80), to: target)
            let request = PortReservations.Request(
                transport: .tcp, first: Self.port, targetAddress: target, targetPort: 80)
            let published = NodeNetwork(bridges: [docker0], sandboxes: [container("c1", 10, published: [port])])
            let nothing = NodeNetwork(bridges: [docker0], sandboxes: [container("c1", 10)])
            for isWhole in [true, false] {
                let taken = try await Self.take(in: namespace)
                let socket = try #require(taken)
                try check(listen(socket, 1), "listen")
                #expect(try await plane.reconcile(published).failures.isEmpty)
                close(socket)
                await #expect(throws: PortError.self) {
                    try await reservations.reserve([request], owner: "c2", endpoint: ("two", "e2"))
                }
                let report =
                    try await isWhole
                    ? plane.reconcile(nothing) : plane.apply(NetworkChanges(from: published, to: nothing))
                #expect(report.failures.isEmpty)
                let got = try await reservations.reserve([request], owner: "c2", endpoint: ("two", "e2"))
                #expect(got.count == 1)
                reservations.release("c2")
            }
        }
    }

    @Test func `a row of which a program has one is looked through once, and nobody else's`() async throws {
        try await withNetworkNamespace { namespace in
            let ports = PortReservations(namespace: namespace)
            let target = IPAddress(10, 0, 0, 2)
            func row(_ first: UInt16) -> HostPort {
                HostPort(
                    PublishedPort(transport: .tcp, hostPort: first, containerPort: first, count: 1_100), to: target)
            }
            let single = HostPort(PublishedPort(transport: .tcp, hostPort: 30_000, containerPort: 80), to: target)
            let request = PortReservations.Request(
                transport: .tcp, first: Self.port, targetAddress: target, targetPort: 80)
            let taken = try await Self.take(in: namespace)
            let socket = try #require(taken)
            try check(listen(socket, 1), "listen")
            #expect(try await ports.hold([row(18_000)], owner: "a", isAhead: false) == [row(18_000)])
            close(socket)
            #expect(try await ports.hold([row(18_000)], owner: "a", isAhead: false) == [row(18_000)])
            // What is had beside does not end the wait.
            #expect(try await ports.holdMore([single], owner: "a", isAhead: false).isEmpty)
            await #expect(throws: PortError.self) {
                try await ports.reserve([request], owner: "b", endpoint: ("b", "2"))
            }
            #expect(try await ports.hold([row(17_900)], owner: "a", isAhead: false).isEmpty)
        }
    }
}
