import Faults
import FoundationEssentials
import LinuxSystem

/// As much of an Engine API client as forming a swarm takes: one request a connection, on a Unix socket.
struct EngineClient: Sendable {
    /// What one request may take; a node that joins has a certificate issued.
    static let deadline = Duration.seconds(60)
    static let largestReply = 4 << 20

    let socket: String

    struct Reply: Sendable {
        let status: Int
        let body: [UInt8]

        /// The `message` of an error, or the whole body.
        var message: String {
            struct Failure: Decodable { let message: String }
            // Not every body is Docker's error object; then it is shown as it is.
            let failure = try? JSONDecoder().decode(Failure.self, from: Data(body))
            return failure?.message ?? String(decoding: body, as: UTF8.self)
        }
    }

    func get(_ path: String) async throws -> Reply { try await send("GET", path, nil) }

    func post(_ path: String, _ body: some Encodable) async throws -> Reply {
        try await send("POST", path, Array(try JSONEncoder().encode(body)))
    }

    private func send(_ method: String, _ path: String, _ body: [UInt8]?) async throws -> Reply {
        let head =
            "\(method) \(path) HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body?.count ?? 0)\r\n\r\n"
        let request = Array(head.utf8) + (body ?? [])
        let socket = socket
        let octets = try await onThread {
            try StreamExchange.run(request, at: .unix(socket), within: Self.deadline, most: Self.largestReply)
        }
        return try Self.parse(octets)
    }

    /// Status line, headers, and a body that is chunked or ends with the connection. RFC 9112.
    static func parse(_ octets: [UInt8]) throws -> Reply {
        let malformed = APIError(.internalError, "the daemon's reply is not HTTP")
        guard let end = octets.firstRange(of: Array("\r\n\r\n".utf8)) else { throw malformed }
        let lines = String(decoding: octets[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        guard let status else { throw malformed }
        let isChunked = lines.contains { $0.lowercased() == "transfer-encoding: chunked" }
        var rest = octets[end.upperBound...]
        guard isChunked else { return Reply(status: status, body: Array(rest)) }
        var body: [UInt8] = []
        while let lineEnd = rest.firstRange(of: Array("\r\n".utf8)) {
            let text = String(decoding: rest[..<lineEnd.lowerBound], as: UTF8.self)
            guard let count = Int(text, radix: 16), rest.endIndex - lineEnd.upperBound >= count else { throw malformed }
            if count == 0 { break }
            body += rest[lineEnd.upperBound..<lineEnd.upperBound + count]
            rest = rest[(lineEnd.upperBound + count)...].dropFirst(2)
        }
        return Reply(status: status, body: body)
    }
}
