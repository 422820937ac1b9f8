import AsyncHTTPClient
import LinuxSystem
import NIOCore
import NIOHTTP1
import PeerNames

/// A client with the bounds that every request of a driver has: connect 3 s, an answer 10 s and 4 MiB, no redirects, which could lead tokens elsewhere.
struct HTTPClientHandle: Sendable {
    static let connectDeadline = TimeAmount.seconds(3)
    static let answerDeadline = TimeAmount.seconds(10)
    private static let longestAnswer = 4 << 20

    private let client: HTTPClient
    /// What the header `Host` says where the URL has the certificate's name instead of the receiver's.
    private let alias: (host: String, name: String)?

    /// - Parameter host: Of all URLs that will be asked: a name must be the certificate's, unless `trust` has another one for it.
    /// - Throws: ``LogOptionError`` when certificates cannot be read.
    init(_ trust: HTTPTrust, host: String) async throws {
        let tls = try await onThread { try trust.configuration() }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: Self.connectDeadline, read: Self.answerDeadline))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1
        configuration.httpVersion = .http1Only
        // URLs have brackets around addresses of IPv6.
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        if !trust.isUnverified, let name = PeerName(trust.serverName ?? bare) {
            configuration.http1_1ConnectionDebugInitializer = { name.check($0) }
        }
        if let name = trust.serverName, name != host {
            configuration.dnsOverride = [name: bare]
            alias = (bare.contains(":") ? "[\(bare)]" : bare, name)
        } else {
            alias = nil
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// - Throws: what AsyncHTTPClient throws when there is no whole answer in time.
    func send(
        _ url: String, method: HTTPMethod = .POST, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        deadline: TimeAmount = Self.answerDeadline
    ) async throws -> HTTPReply {
        var request = HTTPClientRequest(url: aliased(url))
        request.method = method
        request.headers.add(name: "User-Agent", value: "apus")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await client.execute(request, deadline: .now() + deadline)
        let content = try await response.body.collect(upTo: Self.longestAnswer)
        let seconds = response.headers.first(name: "Retry-After").flatMap { Int($0) }
        return HTTPReply(
            status: Int(clamping: response.status.code), retryAfter: seconds.map { .seconds(min(3600, max(0, $0))) },
            body: Array(content.readableBytesView))
    }

    private func aliased(_ url: String) -> String {
        guard let alias else { return url }
        return url.replacing("://\(alias.host)", with: "://\(alias.name)", maxReplacements: 1)
    }

    /// Must be called once, at the end.
    func close() async {
        // Requests that are still under way are of nobody's interest any more, and that they break off is no news.
        do { try await client.shutdown() } catch { return }
    }
}
