import DockerClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// One request as an engine gets it.
struct RecordedRequest: Sendable {
    var method: String
    /// Without the version.
    var path: String
    var query: [URLQueryItem]
    var headers: HTTPHeaders
    var body: [UInt8]
}

/// Stands at an engine's socket: keeps what it is asked and gives the smallest answer that a command line takes for one.
final class RequestRecorder: Sendable {
    let path: String
    private let requests = Mutex<[RecordedRequest]>([])

    private init(_ path: String) { self.path = path }

    /// All but the pings, in the order in which they were read to their ends.
    var recorded: [RecordedRequest] { requests.withLock { $0 } }

    static func with<R: Sendable>(_ path: String, _ work: (RequestRecorder) async throws -> R) async throws -> R {
        let recorder = RequestRecorder(path)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        HTTPResponseEncoder(),
                        ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)),
                        Handler(recorder),
                    ])
                }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        let result: R
        do { result = try await work(recorder) } catch {
            try await server.close()
            throw error
        }
        try await server.close()
        return result
    }

    private func record(_ request: RecordedRequest) {
        guard request.path != "/_ping" else { return }
        requests.withLock { $0.append(request) }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let recorder: RequestRecorder
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ recorder: RequestRecorder) { self.recorder = recorder }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let next):
                head = next
                body = []
            case .body(let buffer): body += Array(buffer.readableBytesView)
            case .end:
                guard let head else { return }
                answer(head, context)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
            guard let target = URLComponents(string: "http://engine" + head.uri) else {
                return context.close(promise: nil)
            }
            let request = RecordedRequest(
                method: head.method.rawValue, path: target.path.replacing(/^\/v1\.\d+/, with: ""),
                // A plus is a blank in a query.
                query: (target.percentEncodedQuery ?? "").split(separator: "&").map { pair in
                    let parts = pair.replacing("+", with: "%20").split(
                        separator: "=", maxSplits: 1, omittingEmptySubsequences: false
                    ).map { String($0).removingPercentEncoding ?? String($0) }
                    return URLQueryItem(name: parts[0], value: parts.count > 1 ? parts[1] : "")
                },
                headers: head.headers, body: body)
            recorder.record(request)
            var headers: HTTPHeaders = ["Api-Version": "1.50", "Ostype": "linux"]
            if head.headers.contains(name: "Upgrade") {
                headers.add(name: "Connection", value: "Upgrade")
                headers.add(name: "Upgrade", value: "tcp")
                headers.add(name: "Content-Type", value: "application/vnd.docker.multiplexed-stream")
                write(context, 101, headers, "", endsConnection: true)
                return
            }
            let answer = RecorderAnswer(to: request)
            if answer.status != 204 { headers.add(name: "Content-Length", value: "\(answer.body.utf8.count)") }
            headers.add(name: "Content-Type", value: answer.isJSON ? "application/json" : "application/octet-stream")
            for (name, value) in answer.headers { headers.add(name: name, value: value) }
            write(
                context, answer.status, headers, head.method == .HEAD ? "" : answer.body,
                endsConnection: !head.isKeepAlive)
        }

        private func write(
            _ context: ChannelHandlerContext, _ status: Int, _ headers: HTTPHeaders, _ body: String,
            endsConnection: Bool
        ) {
            let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if !body.isEmpty {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
            }
            let end = context.writeAndFlush(wrapOutboundOut(.end(nil)))
            if endsConnection {
                let channel = context.channel
                end.whenComplete { _ in channel.close(promise: nil) }
            }
        }
    }
}
