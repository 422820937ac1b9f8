/// Reaches a receiver by a dialect of HTTP.
struct HTTPTransport<Dialect: HTTPDialect>: LogTransport {
    let dialect: Dialect
    let trust: HTTPTrust
    /// Of the receiver's URL.
    let host: String

    var limits: BatchLimits { dialect.limits }

    func connect() async throws -> any LogConnection {
        HTTPConnection(dialect: dialect, client: try await HTTPClientHandle(trust, host: host))
    }
}

/// The client's connections; they are made with the first request.
private struct HTTPConnection<Dialect: HTTPDialect>: LogConnection {
    let dialect: Dialect
    let client: HTTPClientHandle

    func send(_ batch: LogBatch) async throws -> BatchOutcome {
        var delivery = HTTPDelivery(batch)
        return try await delivery.run(shares: dialect.shares(of: batch)) { share in
            let post = dialect.post(share, of: batch)
            let reply = try await client.send(post.url, headers: post.headers, body: post.body)
            return (dialect.verdict(on: reply, of: share.count), reply.retryAfter)
        }
    }

    func close() async { await client.close() }
}
