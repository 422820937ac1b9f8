package import Addressing
package import LinuxSystem
package import Logging
import NIOCore
package import NIOPosix

/// The resolvers of this node's sandboxes. Each answers inside its sandbox, at 127.0.0.11, from sockets that this process
/// holds; nothing runs in the sandbox. The sockets end with the process: after a restart every sandbox is opened again,
/// and the rules that lead port 53 to the chosen ports are renewed.
package actor NameServer {
    /// Where resolvers answer.
    package static let address = IPv4Address(127, 0, 0, 11)

    /// The ports of an open resolver.
    package struct Ports: Sendable, Equatable {
        package let udp: UInt16
        package let tcp: UInt16
    }

    private struct Open {
        let namespace: NetworkNamespace?
        let ports: Ports
        let desk: QueryDesk
        let channels: [any Channel]
    }

    private let group: MultiThreadedEventLoopGroup
    private let log: Logger
    private let forwarding = Quota(limit: QueryDesk.maximumForwarded)
    private let memory = UpstreamMemory()
    private var sandboxes: [String: Open] = [:]
    private var opening: Set<String> = []

    package init(group: MultiThreadedEventLoopGroup = .singleton, log: Logger) {
        self.group = group
        self.log = log
    }

    /// Opens a sandbox's resolver and says at which ports it answers. Already open in that namespace: takes the table
    /// and returns the ports it has.
    /// - Parameters:
    ///   - id: what the resolver is called in later calls.
    ///   - namespace: where it answers; absent: in this process's own.
    ///   - port: 0 for a port of the kernel's choice.
    /// - Throws: `SystemError` when the namespace is missing, or its loopback is down (EADDRNOTAVAIL).
    package func open(
        _ id: String, namespace: NetworkNamespace?, at address: IPv4Address = NameServer.address, port: UInt16 = 0,
        table: NameTable, upstreams: Upstreams
    ) async throws -> Ports {
        guard opening.insert(id).inserted else {
            throw SystemError(errno: EALREADY, attempting: "opening the resolver of \(id)")
        }
        defer { opening.remove(id) }
        if let open = sandboxes[id] {
            if open.namespace == namespace, open.channels.allSatisfy(\.isActive) {
                open.desk.set(table, upstreams)
                return open.ports
            }
            await close(id)
        }
        let make: @Sendable () throws -> ServerSockets = { try ServerSockets(at: address, port: port) }
        let sockets: ServerSockets
        if let namespace { sockets = try await namespace.run(make) } else { sockets = try await onThread(make) }
        let desk = QueryDesk(id, namespace, table, upstreams, shared: forwarding, memory: memory, log: log)
        let channels = try await serve(sockets, desk)
        let ports = Ports(udp: sockets.datagramPort, tcp: sockets.connectionPort)
        sandboxes[id] = Open(namespace: namespace, ports: ports, desk: desk, channels: channels)
        return ports
    }

    /// Replaces what a sandbox can look up; unknown sandboxes are passed over. The next query sees it.
    package func update(_ id: String, table: NameTable, upstreams: Upstreams? = nil) {
        sandboxes[id]?.desk.set(table, upstreams)
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

    private func serve(_ sockets: ServerSockets, _ desk: QueryDesk) async throws -> [any Channel] {
        let datagrams: any Channel
        do {
            datagrams = try await DatagramBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramHandler(desk))
                    }
                }
                .withBoundSocket(sockets.datagrams).get()
        } catch {
            _ = Descriptor(owning: sockets.connections)
            throw error
        }
        do {
            let connections = try await ServerBootstrap(group: group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try ConnectionHandler.install(in: channel, desk) }
                }
                .withBoundSocket(sockets.connections).get()
            return [datagrams, connections]
        } catch {
            try await datagrams.close()
            throw error
        }
    }
}
