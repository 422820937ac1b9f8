import Glibc
import NIOCore
import NIOHTTPTypes

/// The client's connection, as a route that streams or leaves HTTP needs it.
struct ServerConnection: Sendable {
    let channel: any Channel

    /// Leaves HTTP: `head` are the bytes of the answer's head, the rest is the session's.
    /// - Throws: When the client has gone in the meantime.
    func hijack(head: String) async throws -> RawSession {
        let bytes = channel.allocator.buffer(string: head)
        return try await channel.eventLoop.flatSubmit { () -> EventLoopFuture<RawSession> in
            do {
                let gate = try channel.pipeline.syncOperations.handler(type: ConnectionUpgradeHandler.self)
                let bound = NIOLoopBound(gate, eventLoop: channel.eventLoop)
                return try gate.hijack(head: bytes).map { RawSession(input: $0, gate: bound, channel: channel) }
            } catch {
                return channel.eventLoop.makeFailedFuture(error)
            }
        }.get()
    }

    /// Lets a client that asked with `Expect: 100-continue` send the body.
    func continueIfExpected() async {
        await onGate { $0.continueIfExpected() }
    }

    /// Runs `work` and cancels it when the client goes.
    /// - Throws: ``ClientGone``, or what `work` throws.
    func whileClientIsThere<Answer: Sendable>(
        _ work: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let (gone, continuation) = AsyncStream.makeStream(of: Never.self)
        // A connection that has closed has no gate any more, which would never tell that its client has gone.
        if await !onGate({ gate in gate.onClientGone { continuation.finish() } }) { continuation.finish() }
        let result: Result<Answer, any Error>
        do {
            result = .success(
                try await withThrowingTaskGroup(of: Answer.self) { group in
                    group.addTask(operation: work)
                    group.addTask {
                        for await _ in gone {}
                        throw ClientGone()
                    }
                    defer { group.cancelAll() }
                    guard let answer = try await group.next() else { throw ClientGone() }
                    return answer
                })
        } catch { result = .failure(error) }
        await onGate { $0.forgetClientGone() }
        return try result.get()
    }

    /// The user at the other end of a local socket, as the kernel knows it; `nil` for another connection.
    func clientName() async -> String? {
        let answer = channel.eventLoop.submit {
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
                // unix(7), `SO_PEERCRED`: process, user, group.
                var credentials: (pid_t, uid_t, gid_t) = (0, 0, 0)
                var length = socklen_t(MemoryLayout<(pid_t, uid_t, gid_t)>.size)
                return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0
                    ? "uid=\(credentials.1)" : nil
            }
        }
        // A client that has gone is nobody any more.
        return (try? await answer.get()) ?? nil
    }

    func write(_ part: HTTPResponsePart) async throws {
        try await channel.writeAndFlush(part).get()
    }

    /// - Returns: False, with nothing done, when the channel has closed and the gate is gone.
    @discardableResult
    private func onGate(_ body: @escaping @Sendable (ConnectionUpgradeHandler) -> Void) async -> Bool {
        do {
            try await channel.eventLoop.submit {
                body(try channel.pipeline.syncOperations.handler(type: ConnectionUpgradeHandler.self))
            }.get()
            return true
        } catch {
            return false
        }
    }
}

/// The client closed its connection before it had its answer.
struct ClientGone: Error {}
