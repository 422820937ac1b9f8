import NIOCore
import PeerNames
package import Templates

/// An engine, asked over its API: one connection a request.
package struct DaemonClient: Sendable {
    /// The newest version of the API this client knows.
    package static let newestVersion = "1.50"

    package let endpoint: Endpoint
    /// What is asked for; `nil` asks without one.
    package let version: String?

    package init(endpoint: Endpoint, version: String?) {
        self.endpoint = endpoint
        self.version = version
    }

    /// The version that both sides know: asks the engine.
    package static func negotiated(_ endpoint: Endpoint) async throws -> DaemonClient {
        let client = DaemonClient(endpoint: endpoint, version: nil)
        var ping = Request("HEAD", "/_ping")
        ping.isVersioned = false
        let theirs = try await client.stream(ping, accepting: { _ in true }) { $0.head.headers["api-version"] }
        return DaemonClient(endpoint: endpoint, version: older(theirs ?? "1.24", newestVersion))
    }

    static func older(_ left: String, _ right: String) -> String {
        func numbers(_ text: String) -> [Int] { text.split(separator: ".").map { Int($0) ?? 0 } }
        return numbers(left).lexicographicallyPrecedes(numbers(right)) ? left : right
    }

    private var host: String {
        switch endpoint.place {
        case .unix: "api.moby.localhost"
        case .tcp(let host, let port): "\(host):\(port)"
        }
    }

    /// Sends a request and lets `use` read the answer; the connection ends with it.
    ///
    /// - Throws: `DockerError.refused` for a status from 400 on unless `accepting` takes it.
    package func stream<R: Sendable>(
        _ request: Request, accepting: @Sendable (Int) -> Bool = { $0 < 400 },
        _ use: (Response) async throws -> R
    ) async throws -> R {
        try await exchange(request, accepting: accepting) { response, _ in try await use(response) }
    }

    /// Sends a request that turns the connection into a stream.
    package func hijack<R: Sendable>(_ request: Request, _ use: (RawStream) async throws -> R) async throws -> R {
        var request = request
        request.upgrades = true
        return try await exchange(request, accepting: { $0 < 400 }) { response, outbound in
            try await use(RawStream(response: response, input: RawStream.Input(outbound: outbound)))
        }
    }

    private func exchange<R: Sendable>(
        _ request: Request, accepting: @Sendable (Int) -> Bool,
        _ use: (Response, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws -> R
    ) async throws -> R {
        let channel = try await Connection.open(endpoint)
        do {
            return try await channel.executeThenClose { inbound, outbound in
                let head = request.serialized(version: request.isVersioned ? version : nil, host: host)
                try await outbound.write(ByteBuffer(bytes: head))
                return try await withThrowingTaskGroup(of: Void.self) { group in
                    if case .stream(_, let produce) = request.body {
                        // The engine may refuse before it has read everything, so both directions go at once.
                        group.addTask { try await Self.send(produce, outbound, on: channel.channel) }
                    }
                    do {
                        let response = try await Response(
                            inbound.makeAsyncIterator(), isHead: request.method == "HEAD")
                        guard accepting(response.status) else {
                            group.cancelAll()
                            throw try await Self.refusal(response, request, version)
                        }
                        let result = try await use(response, outbound)
                        group.cancelAll()
                        return result
                    } catch {
                        group.cancelAll()
                        // What kept the body from being made says more than the connection that was ended for it. A group is waited
                        // for whatever has been cancelled.
                        while let end = await group.nextResult() { try end.get() }
                        throw error
                    }
                }
            }
        } catch let error as IOError where error.errnoCode == 104 || error.errnoCode == 32 {
            // ECONNRESET and EPIPE: it was there, and went.
            throw DockerError.local("error during connect: \(endpoint.text): connection reset by peer")
        } catch let error as MalformedAnswer {
            throw DockerError.local("error during connect: \(endpoint.text): \(error.description)")
        } catch let error as PeerNameError {
            throw DockerError.local(
                "error during connect: \(endpoint.text): tls: failed to verify certificate: \(error.description)")
        }
    }

    /// Sends a body while it is made.
    ///
    /// - Throws: Only what kept the body from being made. The engine would wait for the rest without end, and this side for its answer:
    ///   the connection is closed then.
    private static func send(
        _ produce: @Sendable (BodyWriter) async throws -> Void, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        on channel: any Channel
    ) async throws {
        let writer = BodyWriter(outbound: outbound)
        do {
            try await produce(writer)
            try await writer.end()
        } catch {
            // The engine takes no more, or has answered: what it says is for the reader to tell.
            if error is BodyWriter.Unsent || Task.isCancelled { return }
            channel.close(promise: nil)
            throw error
        }
    }

    /// As Docker's command line shows what engines say.
    private static func withoutTrailingSpace(_ text: String) -> String {
        var text = text
        while text.last?.isWhitespace == true { _ = text.popLast() }
        return text
    }

    private static func refusal(_ response: Response, _ request: Request, _ version: String?) async throws
        -> DockerError
    {
        let body = try await response.collect()
        // Not every refusal is Docker's error object; then its text is shown as it is.
        if let message = (try? JSON(parsing: body))?["message"].string, !message.isEmpty {
            return .refused(status: response.status, message: withoutTrailingSpace(message))
        }
        var text = withoutTrailingSpace(String(decoding: body, as: UTF8.self))
        if text.isEmpty || text.hasPrefix("{") {
            let reason = response.head.reason
            text =
                "request returned \(response.status) \(reason) for API route and version "
                + "\(version.map { "/v\($0)" } ?? "")\(request.path), check if the server supports the requested API version"
        }
        return .refused(status: response.status, message: text)
    }
}

extension DaemonClient {
    /// The answer's whole body.
    package func bytes(_ request: Request) async throws -> [UInt8] {
        try await stream(request) { try await $0.collect() }
    }

    /// The answer as JSON; `.null` when it has no body.
    package func json(_ request: Request) async throws -> JSON {
        let body = try await bytes(request)
        guard !body.isEmpty else { return .null }
        do { return try JSON(parsing: body) } catch {
            throw DockerError.local("error during \(request.method) \(request.path): \(error)")
        }
    }

    /// Sends a request whose answer says nothing but that it was done.
    package func send(_ request: Request) async throws { _ = try await bytes(request) }

    /// The values of a stream, one after another.
    package func values(_ request: Request, _ each: (JSON) async throws -> Void) async throws {
        try await stream(request) { response in
            var stream = JSONStream()
            while let bytes = try await response.next() {
                for value in try stream.feed(bytes) { try await each(value) }
            }
        }
    }
}
