import NIOCore
import NIOHTTP1

/// Clients for hosts that come up one by one, of which each has a client of its own: that knows the name of its host's certificate. For the few hosts
/// that the daemon's own settings lead to, since none is forgotten before the end.
actor HTTPClients {
    private let trust: HTTPTrust
    /// By host.
    private var clients: [String: HTTPClientHandle] = [:]
    private var isClosed = false

    init(_ trust: HTTPTrust) { self.trust = trust }

    /// - Throws: ``TransportError`` for what is no URL of http or https; what AsyncHTTPClient throws when there is no whole answer in time.
    func send(
        _ url: String, method: HTTPMethod = .POST, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        deadline: TimeAmount = HTTPClientHandle.answerDeadline
    ) async throws -> HTTPReply {
        guard let address = HTTPAddress(url) else { throw TransportError("no URL of http or https") }
        return try await client(for: address.host).send(
            url, method: method, headers: headers, body: body, deadline: deadline)
    }

    private func client(for host: String) async throws -> HTTPClientHandle {
        if let known = clients[host] { return known }
        let made = try await HTTPClientHandle(trust, host: host)
        // Meanwhile others may have been here.
        if isClosed {
            await made.close()
            throw TransportError("the connection is closed")
        }
        if let known = clients[host] {
            await made.close()
            return known
        }
        clients[host] = made
        return made
    }

    /// Must be called once, at the end.
    func close() async {
        isClosed = true
        let all = clients.values
        clients = [:]
        for client in all { await client.close() }
    }
}
