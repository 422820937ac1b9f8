import NIOCore
import NIOPosix
import NIOSSL
import X509

@testable import Cluster

/// The port at which members of the store reach each other, as seen by whoever has a certificate.
enum PeerPort {
    /// What etcd answers to a request for its version; empty when it lets the certificate not in.
    static func answer(_ node: TestNode, to credentials: NodeCredentials) async throws -> String {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // The server is known; what it makes of the client is the question.
        configuration.certificateVerification = .none
        configuration.certificateChain = [
            .certificate(try NIOSSLCertificate(bytes: try credentials.certificate.derBytes, format: .der))
        ]
        configuration.privateKey = .privateKey(
            try NIOSSLPrivateKey(bytes: Array(try credentials.key.pem.utf8), format: .pem))
        let context = try NIOSSLContext(configuration: configuration)
        let group = MultiThreadedEventLoopGroup.singleton
        let end = group.next().makePromise(of: String.self)
        let channel = try await ClientBootstrap(group: group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers(
                    try NIOSSLClientHandler(context: context, serverHostname: nil), Collector(end))
            }
        }.connect(host: node.address, port: node.storePort).get()
        do {
            try await channel.writeAndFlush(ByteBuffer(string: "GET /version HTTP/1.0\r\n\r\n")).get()
        } catch {
            // Refused in the handshake: the collector knows that nothing came.
        }
        return try await end.futureResult.get()
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var text = ""
        private let end: EventLoopPromise<String>

        init(_ end: EventLoopPromise<String>) { self.end = end }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { text += String(buffer: unwrapInboundIn(data)) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
        func channelInactive(context: ChannelHandlerContext) { end.succeed(text) }
    }
}
