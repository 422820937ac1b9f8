import Concurrency
import Glibc
import NIOCore
import NIOPosix

/// Datagrams to one receiver, from a connected socket: what its host sends back is told with the next one, or when it comes.
package final class DatagramConnection: Sendable {
    /// A name is looked up anew after so long.
    private static let longestLife = Duration.seconds(30)
    private static let writeTime = TimeAmount.seconds(10)

    private let channel: any Channel
    private let inbox: Inbox
    private let isNamed: Bool

    private init(channel: any Channel, inbox: Inbox, isNamed: Bool) {
        self.channel = channel
        self.inbox = inbox
        self.isNamed = isNamed
    }

    /// - Throws: What the kernel or the resolver says.
    package static func open(_ address: ReceiverAddress) async throws -> DatagramConnection {
        let inbox = Inbox()
        let bootstrap = DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(DatagramErrors(inbox))
            }
        }
        switch address {
        case .host(let host, let port):
            let channel = try await bootstrap.connect(host: host, port: port).get()
            return DatagramConnection(channel: channel, inbox: inbox, isNamed: true)
        case .path(let path):
            let channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
            return DatagramConnection(channel: channel, inbox: inbox, isNamed: false)
        }
    }

    /// Returns when the kernel has taken them all, in order.
    /// - Throws: When one could not be sent, or one before came back.
    package func write(_ datagrams: [[UInt8]]) async throws {
        let channel = channel
        guard let remote = channel.remoteAddress else { throw TransportError("the receiver is gone") }
        let late = channel.eventLoop.scheduleTask(in: Self.writeTime) { channel.close(promise: nil) }
        defer { late.cancel() }
        for part in stride(from: 0, to: datagrams.count, by: 64) {
            var last: EventLoopFuture<Void>?
            var sent: [EventLoopFuture<Void>] = []
            for datagram in datagrams[part..<min(part + 64, datagrams.count)] {
                var buffer = channel.allocator.buffer(capacity: datagram.count)
                buffer.writeBytes(datagram)
                let future = channel.write(AddressedEnvelope(remoteAddress: remote, data: buffer))
                sent.append(future)
                last = future
            }
            channel.flush()
            guard last != nil else { continue }
            for future in sent { try await future.get() }
            if let failure = inbox.failure { throw TransportError(failure) }
        }
    }

    /// Returns when the name is to be looked up anew; throws when a datagram came back.
    package func untilOver() async throws {
        guard isNamed else { return try await inbox.untilOver() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.inbox.untilOver() }
            group.addTask { try await Task.sleep(for: Self.longestLife) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Returns when the socket is closed, also when it was before.
    package func close() async {
        // Closed already is as good.
        try? await channel.close()
    }
}

/// `ECONNREFUSED` and its like come when the socket is read.
private final class DatagramErrors: ChannelInboundHandler, Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let inbox: Inbox

    init(_ inbox: Inbox) { self.inbox = inbox }

    /// Nobody is asked anything.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelInactive(context: ChannelHandlerContext) { inbox.end(nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { inbox.end(TransportError(error).description) }
}
