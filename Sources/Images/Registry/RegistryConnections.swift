import AsyncHTTPClient
import NIOCore

/// A client for one way of trusting and one name, with its connections. They are closed when nobody has it any more.
final class RegistryConnections: Sendable {
    let http: HTTPClient

    init(_ http: HTTPClient) { self.http = http }

    // Whoever asks or reads an answer has it: nothing is broken off.
    deinit { http.shutdown { _ in } }
}

/// An answer's body, which keeps its connection open for as long as somebody reads it.
struct RegistryBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let body: HTTPClientResponse.Body
    let connections: RegistryConnections

    func makeAsyncIterator() -> Iterator { Iterator(pieces: body.makeAsyncIterator(), connections: connections) }

    struct Iterator: AsyncIteratorProtocol {
        var pieces: HTTPClientResponse.Body.AsyncIterator
        let connections: RegistryConnections

        mutating func next() async throws -> ByteBuffer? { try await pieces.next() }
    }
}
