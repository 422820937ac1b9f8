package import Addressing
package import LinuxSystem
package import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The resolvers of this node's sandboxes. Each answers inside its sandbox, at 127.0.0.11, from sockets that this process
/// holds; nothing runs in the sandbox. The sockets end with the process: after a restart every sandbox is opened again,
/// and the rules that lead port 53 to the chosen ports are renewed.
package actor NameServer {
    /// Where resolvers answer.
    package static let address = IPAddress(127, 0, 0, 11)

    /// The ports of an open resolver.
    package struct Ports: Sendable, Equatable {
        /// In the sandbox, at 127.0.0.11.
        package let udp: UInt16
        /// The same.
        package let tcp: UInt16
    }

    private struct Open {
        let namespace: NetworkNamespace?
        let ports: Ports
        let zone: Zone
        let channels: [any Channel]
    }

    private let log: Logger
    private let common = CommonMeans()
    private var sandboxes: [String: Open] = [:]
    private var opening: Set<String> = []

    package init(log: Logger) { self.log = log }

    /// How its resolvers have answered.
    package nonisolated var counts: QueryCounts { common.counts }

    /// Opens a sandbox's resolver and says at which ports it answers. Already open in that namespace: takes the table
    /// and returns the ports it has.
    /// - Parameters:
    ///   - id: what the resolver is called in later calls.
    ///   - namespace: where it answers; absent: in this process's own.
    ///   - port: 0 for a port of the kernel's choice.
    /// - Throws: `SystemError` when the namespace is missing, or its loopback is down (EADDRNOTAVAIL).
    package func open(
        _ id: String, namespace: NetworkNamespace?, at address: IPAddress = NameServer.address, port: UInt16 = 0,
        table: any NameSource, upstreams: Upstreams
    ) async throws -> Ports {
        guard opening.insert(id).inserted else {
            throw SystemError(errno: EALREADY, attempting: "opening the resolver of \(id)")
        }
        defer { opening.remove(id) }
        if let open = sandboxes[id] {
            if open.namespace == namespace, open.channels.allSatisfy(\.isActive) {
                open.zone.set(table, upstreams)
                return open.ports
            }
            await close(id)
        }
        let make: @Sendable () throws -> ServerSockets = { try ServerSockets(at: address, port: port) }
        let sockets: ServerSockets
        if let namespace { sockets = try await namespace.run(make) } else { sockets = try await onThread(make) }
        let zone = Zone(table, upstreams)
        let channels = try await serve(sockets, id, namespace, zone)
        let ports = Ports(udp: sockets.datagramPort, tcp: sockets.connectionPort)
        sandboxes[id] = Open(namespace: namespace, ports: ports, zone: zone, channels: channels)
        return ports
    }

    /// Replaces what a sandbox can look up; unknown sandboxes are passed over. The next query sees it.
    package func update(_ id: String, table: any NameSource, upstreams: Upstreams? = nil) {
        sandboxes[id]?.zone.set(table, upstreams)
    }

    /// Closes a sandbox's sockets, which otherwise keep its namespace alive. Not open: nothing happens.
    package func close(_ id: String) async {
        guard let open = sandboxes.removeValue(forKey: id) else { return }
        for channel in open.channels {
            do { try await channel.close() } catch ChannelError.alreadyClosed {} catch {
                log.warning("closing a resolver failed", metadata: ["sandbox": "\(id)", "error": "\(error)"])
            }
        }
    }

    /// The sandboxes that are open.
    package var identities: Set<String> { Set(sandboxes.keys) }

    private func serve(
        _ sockets: ServerSockets, _ id: String, _ namespace: NetworkNamespace?, _ zone: Zone
    ) async throws -> [any Channel] {
        let worker = ResolverLoops.next()
        let (loop, common, log) = (worker.loop, common, log)
        let datagrams: any Channel
        let desk: NIOLoopBound<QueryHandler>
        do {
            desk = try await loop.submit {
                let desk = QueryHandler(
                    id, namespace, zone, on: loop, scheduler: worker.scheduler(), sharing: common, log: log)
                return NIOLoopBound(desk, eventLoop: loop)
            }.get()
            datagrams = try await DatagramBootstrap(group: loop)
                .channelOption(.autoRead, value: false)
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelOption(.datagramVectorReadMessageCount, value: DatagramHandler.together)
                .channelOption(
                    .recvAllocator,
                    value: FixedSizeRecvByteBufferAllocator(
                        capacity: DatagramHandler.together * (Resolver.largestQuery + 1))
                )
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramHandler(desk.value))
                    }
                }
                .withBoundSocket(sockets.datagrams).get()
        } catch {
            _ = Descriptor(owning: sockets.connections)
            throw error
        }
        do {
            let connections = try await ServerBootstrap(group: loop, childGroup: loop)
                .serverChannelOption(.autoRead, value: false)
                .serverChannelOption(.maxMessagesPerRead, value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(AcceptHandler(desk.value))
                    }
                }
                .childChannelOption(.autoRead, value: false)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelOption(
                    .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: ConnectionHandler.readLength)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(ConnectionHandler(desk.value))
                    }
                }
                .withBoundSocket(sockets.connections).get()
            return [datagrams, connections]
        } catch {
            // NIO's futures heed no cancellation.
            try await datagrams.close()
            throw error
        }
    }
}

/// The event loops of all resolvers of this process. They are nobody else's: whatever containers ask, the other work of the
/// daemon has threads to go on with.
enum ResolverLoops {
    struct Worker: Sendable {
        let loop: any EventLoop
        private let box: NIOLoopBoundBox<TimeSliceScheduler?>

        fileprivate init(_ loop: any EventLoop) {
            self.loop = loop
            box = .makeEmptyBox(valueType: TimeSliceScheduler.self, eventLoop: loop)
        }

        /// On the event loop only.
        func scheduler() -> TimeSliceScheduler {
            if let scheduler = box.value { return scheduler }
            let scheduler = TimeSliceScheduler(loop)
            scheduler.openPipe()
            box.value = scheduler
            return scheduler
        }
    }

    private static let workers: [Worker] = {
        let count = max(1, System.coreCount / 2)
        return MultiThreadedEventLoopGroup(numberOfThreads: count).makeIterator().map(Worker.init)
    }()
    private static let turn = Mutex(0)

    static func next() -> Worker {
        let number = turn.withLock { turn in
            defer { turn = (turn + 1) % workers.count }
            return turn
        }
        return workers[number]
    }
}
