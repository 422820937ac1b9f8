import Addressing
import DataPlane
import EngineInterface
import Glibc
import LinuxSystem
import Logging
import Netlink
import PathProbes
import Synchronization
import TestKit
import Testing

/// Two nodes, on a wire with cards that compute no checksum inside of a tunnel.
@Suite(.timeLimit(.minutes(3))) struct SpoiltChecksumTests {
    /// Gives a node a link of the underlay, with its other end where the wire is.
    private static func join(_ node: World.Node, to wire: NetworkNamespace, _ port: String) async throws {
        try await wire.run {
            try RouteSocket().perform([
                CreateVeth(name: port, isUp: true, peer: VethPeer(name: "eth0", namespace: node.namespace)),
                SetLink(.name(port), isUp: true),
            ])
        }
        try await node.namespace.run {
            try RouteSocket().perform([
                AddAddress(LinkAddress(link: "eth0", network: IPNetwork(address: node.address, prefixLength: 24))),
                SetLink("eth0", isUp: true),
            ])
        }
    }

    private static func prober(_ node: World.Node, to other: World.Node, _ log: Logger) -> PathProber {
        var pace = PathMachine.Pace()
        pace.round = .milliseconds(500)
        pace.trialTimeout = .milliseconds(300)
        pace.again = .milliseconds(100)
        let prober = PathProber(node: node.namespace, pace: pace, log: log)
        prober.demand.set(
            PathDemand(
                device: ProbeDevice.Setting(own: node.address, port: 4789), linkMTU: 1500,
                targets: [PathTarget(id: "node-\(other.number)", address: other.address, isShared: true)],
                members: [node.address, other.address]))
        return prober
    }

    /// "TCP over VXLAN dead, ping fine": what is found and what is done about it, as the daemon puts them together (`PathService`).
    @Test func `E2: where cards spoil checksums in tunnels nothing arrives until that is found, and then all does`()
        async throws
    {
        try await withNetworkNamespaces(3) { namespaces in
            try await withTemporaryDirectory { directory in
                let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                var nodes: [World.Node] = []
                for number in 1...2 {
                    let plane = NodeDataPlane(
                        runDirectory: "\(directory)/n\(number)", nodeNamespace: namespaces[number], log: log)
                    let node = World.Node(number: UInt8(number), namespace: namespaces[number], plane: plane)
                    try await Self.join(node, to: namespaces[0], "r\(number)")
                    nodes.append(node)
                }
                let wire = try await SpoilingWire(between: ["r1", "r2"], in: namespaces[0])
                let world = World(nodes: nodes, client: namespaces[0], way: .whole)
                let probers = [Self.prober(nodes[0], to: nodes[1], log), Self.prober(nodes[1], to: nodes[0], log)]
                try await cleaningUp {
                    try await apply(swarm(world, tasks: [(1, 1), (2, 1)]), world)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for prober in probers { group.addTask { try await prober.run() } }
                        group.addTask { try await Self.mend(world, probers) }
                        defer { group.cancelAll() }
                        try await group.next()
                    }
                } by: {
                    wire.stop()
                    for node in world.nodes { try await node.plane.teardown() }
                }
            }
        }
    }

    private static func mend(_ world: World, _ probers: [PathProber]) async throws {
        let (one, two) = (world.nodes[0], world.nodes[1])
        let greeter = try await Greeter.start("two", in: two.sandbox("t21"), port: 9000)
        let welcome = "two \(taskAddress(1, 1))"
        #expect(await tcp(taskAddress(2, 1), 9000, from: one.sandbox("t11"), milliseconds: 2000) != welcome)
        for (node, prober) in zip(world.nodes, probers) {
            try await eventually(within: .seconds(60), "node \(node.number) finds it") {
                prober.measurements(seconds: 0).contains { $0.findings.contains(.checksums) }
            }
            let layout = node.plane.layout
            let tunnels = TunnelChecksums(
                directory: layout.namespaceDirectory, prefix: Layout.overlayPrefix, device: Layout.overlayTunnel)
            #expect(try await tunnels.apply(byKernel: true) == 2)
        }
        try await eventually("the task answers") {
            await tcp(taskAddress(2, 1), 9000, from: one.sandbox("t11"), milliseconds: 2000) == welcome
        }
        let stream = try await CheckedStream.start(
            from: one.sandbox("t11"), to: two.sandbox("t21"), at: taskAddress(2, 1), most: 4 << 20)
        try await eventually(within: .seconds(60), "a stream of whole segments arrives") { stream.isDone }
        #expect(stream.received == 4 << 20 && !stream.isWrong && stream.failure == nil)
        withExtendedLifetime(greeter) {}
    }
}

/// Carries frames from either of two links to the other as they are in memory: a checksum that was left to the link is what the kernel has written
/// in its place, a sum of the pseudo-header alone.
private final class SpoilingWire: Sendable {
    private let stopped = Atomic<Bool>(false)

    init(between links: [String], in namespace: NetworkNamespace) async throws {
        let sockets = try await namespace.run { try links.map { try Self.open($0) } }
        pthread_detach(
            try startThread { [self] in
                var bytes = [UInt8](repeating: 0, count: 1 << 16)
                var ready = sockets.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                while !stopped.load(ordering: .relaxed) {
                    guard poll(&ready, nfds_t(ready.count), 50) > 0 else { continue }
                    for (index, entry) in ready.enumerated() where entry.revents & Int16(POLLIN) != 0 {
                        let count = recv(entry.fd, &bytes, bytes.count, CInt(MSG_DONTWAIT))
                        // What is longer than the link sends is lost.
                        if count > 0 { _ = send(sockets[1 - index], bytes, count, 0) }
                    }
                }
                for socket in sockets { close(socket) }
            })
    }

    func stop() { stopped.store(true, ordering: .relaxed) }

    /// packet(7), of all protocols; what is sent by it is not heard.
    private static func open(_ link: String) throws -> CInt {
        let number = if_nametoindex(link)
        if number == 0 { throw SystemError(errno: errno, attempting: "find \(link)") }
        let everything = UInt16(3).bigEndian
        let socket = try check(
            Glibc.socket(AF_PACKET, CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue), CInt(everything)),
            "packet socket")
        // SOL_PACKET, PACKET_IGNORE_OUTGOING.
        var on: CInt = 1
        try check(setsockopt(socket, 263, 23, &on, socklen_t(MemoryLayout<CInt>.size)), "hear no own frames")
        var room: CInt = 4 << 20
        setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, socklen_t(MemoryLayout<CInt>.size))
        // struct sockaddr_ll: family, protocol, number of the link.
        var name = [UInt8](repeating: 0, count: 20)
        withUnsafeBytes(of: UInt16(AF_PACKET)) { name.replaceSubrange(0..<2, with: $0) }
        withUnsafeBytes(of: everything) { name.replaceSubrange(2..<4, with: $0) }
        withUnsafeBytes(of: number) { name.replaceSubrange(4..<8, with: $0) }
        let result = name.withUnsafeBytes { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return CInt(-1) }
            return bind(socket, address, socklen_t(bytes.count))
        }
        try check(result, "bind to \(link)")
        return socket
    }
}
