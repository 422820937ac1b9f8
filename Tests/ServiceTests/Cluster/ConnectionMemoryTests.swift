import NIOCore
import NIOPosix
import Synchronization
import TestKit
import Testing

@testable import Cluster

/// What a connection to a manager keeps.
@Suite(.timeLimit(.minutes(1))) struct ConnectionMemoryTests {
    /// What comes up from the socket: the buffers are those that the connection keeps.
    private final class Gauge: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let received = Atomic<Int>(0)
        let largest = Atomic<Int>(0)

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            largest.max(buffer.capacity, ordering: .relaxed)
            received.add(buffer.readableBytes, ordering: .relaxed)
        }
    }

    @Test func `however much comes at once, it is read a little at a time`() async throws {
        let group = MultiThreadedEventLoopGroup.singletonMultiThreadedEventLoopGroup
        let gauge = Gauge()
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                NodeTransport.bound(channel).flatMap { channel.pipeline.addHandler(gauge) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(server.localAddress)
        let client = try await ClientBootstrap(group: group).connect(to: address).get()
        let sent = 4 << 20
        try await client.writeAndFlush(ByteBuffer(repeating: 7, count: sent))
        try await eventually("everything is read") { gauge.received.load(ordering: .relaxed) == sent }
        let largest = gauge.largest.load(ordering: .relaxed)
        #expect(largest > 0 && largest <= NodeTransport.readBytes)
        try await client.close()
        try await server.close()
    }
}
