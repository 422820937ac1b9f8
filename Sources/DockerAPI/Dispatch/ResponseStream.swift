import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// The body of an answer that is written piece by piece.
///
/// Every write waits until the kernel has taken it, so that a client that does not read holds up its own stream and
/// nothing else. Writes go to the channel itself: the writer of the HTTP framework returns before that and would let a fast
/// producer fill the memory.
final class ResponseStream: Sendable {
    private let connection: ServerConnection
    private let head: HTTPResponse
    private let began = Mutex(false)

    init(connection: ServerConnection, head: HTTPResponse) {
        self.connection = connection
        self.head = head
    }

    var hasBegun: Bool { began.withLock { $0 } }

    /// Sends the head, unless it is sent.
    func begin() async throws {
        writeHead()
        try await connection.channel.eventLoop.submit { self.connection.channel.flush() }.get()
    }

    func write(_ bytes: ByteBuffer) async throws {
        writeHead()
        try await connection.write(.body(bytes))
    }

    /// Sends the head if nothing else was sent, and the end of the body.
    func end() async throws {
        writeHead()
        try await connection.write(.end(nil))
    }

    /// Closes the connection, which tells the client that the answer is incomplete.
    func abort() async {
        // Closed already is as good.
        try? await connection.channel.close().get()
    }

    /// Queued under the lock, so that it comes before every piece of the body, from whatever task.
    private func writeHead() {
        began.withLock { began in
            guard !began else { return }
            began = true
            connection.channel.write(HTTPResponsePart.head(head), promise: nil)
        }
    }
}
