import NIOCore
import NIOPosix
import NIOSSL
import PeerNames

/// A connection of raw bytes to an endpoint, for one request.
struct Connection {
    typealias Channel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    static func open(_ endpoint: Endpoint) async throws -> Channel {
        let tls = try endpoint.tls.map { try NIOSSLContext(configuration: configuration($0)) }
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        do {
            switch endpoint.place {
            case .unix(let path):
                return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .channelOption(.allowRemoteHalfClosure, value: true)
                    .connect(unixDomainSocketPath: path) { wrap($0) }
            case .tcp(let host, let port):
                return try await bootstrap.connect(host: host, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let tls else { return }
                        try channel.pipeline.syncOperations.addHandler(
                            try PeerName.handler(tls, to: host, isVerified: endpoint.tls?.verifies == true))
                    }.flatMap { wrap(channel) }
                }
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as IOError where error.errnoCode == 13 {
            throw DockerError.local(
                "permission denied while trying to connect to the Docker daemon socket at \(endpoint.text)")
        } catch {
            throw DockerError.unreachable(endpoint.text)
        }
    }

    private static func wrap(_ channel: any NIOCore.Channel) -> EventLoopFuture<Channel> {
        channel.eventLoop.makeCompletedFuture {
            try Channel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    private static func configuration(_ tls: Endpoint.TLS) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = tls.verifies ? .fullVerification : .none
        if tls.verifies { configuration.trustRoots = .file(tls.authority) }
        if !tls.certificate.isEmpty {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(tls.certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: tls.key, format: .pem))
        }
        return configuration
    }
}

/// Writes the body of a request in chunks.
package struct BodyWriter: Sendable {
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    /// The connection takes no more.
    struct Unsent: Error {}

    /// Returns when the connection has room for more.
    package func write(_ bytes: some Collection<UInt8>) async throws {
        guard !bytes.isEmpty else { return }
        var buffer = ByteBuffer()
        buffer.writeString(String(bytes.count, radix: 16) + "\r\n")
        buffer.writeBytes(bytes)
        buffer.writeString("\r\n")
        try await send(buffer)
    }

    func end() async throws { try await send(ByteBuffer(string: "0\r\n\r\n")) }

    private func send(_ buffer: ByteBuffer) async throws(Unsent) {
        do { try await outbound.write(buffer) } catch { throw Unsent() }
    }
}

/// An answer: its head, and its body piece by piece. For one task.
package final class Response {
    package let head: ResponseHead
    private var decoder: ResponseDecoder
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator

    /// Of HTTP.
    package var status: Int { head.status }

    /// Reads the head.
    init(
        _ inbound: consuming NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator, isHead: Bool
    ) async throws {
        var decoder = ResponseDecoder(isHead: isHead)
        var iterator = inbound
        while true {
            if case .head(let head)? = try decoder.next() {
                self.head = head
                break
            }
            guard let buffer = try await iterator.next() else {
                try decoder.finish()
                throw MalformedAnswer(description: "the connection ended without an answer")
            }
            decoder.feed(Array(buffer.readableBytesView))
        }
        self.decoder = decoder
        self.inbound = iterator
    }

    /// The next piece of the body; `nil` at its end.
    package func next() async throws -> [UInt8]? {
        while true {
            switch try decoder.next() {
            case .body(let bytes): return bytes
            case .end: return nil
            case .head: throw MalformedAnswer(description: "a second head")
            case nil: break
            }
            guard let buffer = try await inbound.next() else {
                try decoder.finish()
                return nil
            }
            decoder.feed(Array(buffer.readableBytesView))
        }
    }

    /// The rest of the body.
    package func collect() async throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try await next() { all += bytes }
        return all
    }
}

/// A connection that has become a stream of bytes in both directions.
package struct RawStream {
    package let response: Response
    package let input: Input

    /// The direction to the engine.
    package struct Input: Sendable {
        let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

        /// Returns when the connection has room for more.
        package func write(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }
        /// Half-close: no more input, the output goes on.
        package func end() { outbound.finish() }
    }

    /// Whether the engine sends both outputs in frames: without a terminal, that is.
    package var isMultiplexed: Bool {
        response.head.headers["content-type"] == "application/vnd.docker.multiplexed-stream"
    }
}
