import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore

/// Terminals in containers, for operators: one is opened, its output is a stream of server-sent events, what is typed comes in requests of its own.
///
/// `output` is bytes in Base64, `ended` that the shell has ended and with which code, `signedout` that the session is over.
extension DashboardRoutes {
    /// What is asked of an open one.
    enum TerminalOrder: String { case input, size }

    /// How long a session that is over may go on; a comment this often keeps proxies from closing.
    private static let pause = Duration.seconds(15)

    private struct Opening: Decodable {
        var container: String
        var columns: Int
        var rows: Int
    }
    private struct Opened: Encodable { var id: String }
    private struct Input: Decodable { var text: String }
    private struct Size: Decodable {
        var columns: Int
        var rows: Int
    }
    private struct Ended: Encodable { var code: Int? }

    /// `nil` for what is no terminal's.
    static func terminal(of path: String) -> (id: String, order: TerminalOrder?)? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5 || parts.count == 6, parts.prefix(4) == ["", "ui", "v1", "terminals"],
            parts[4].utf8.count == 64
        else { return nil }
        guard parts.count == 6 else { return (parts[4], nil) }
        return TerminalOrder(rawValue: parts[5]).map { (parts[4], $0) }
    }

    func openTerminal(_ call: DashboardRequest, _ user: DashboardUser) async throws -> DashboardAnswer {
        guard user.role == .operator else {
            // Of which container is told as far as it can be read; it is refused all the same.
            let container = (try? await call.body(Opening.self)).map { String($0.container.prefix(128)) } ?? ""
            await writeDown("terminal", of: container, summary: "terminal in \(container)", call, user)
            throw DashboardError(.notAllowed)
        }
        let asked = try await call.body(Opening.self)
        guard let size = DashboardTerminalSize(columns: asked.columns, rows: asked.rows), !asked.container.isEmpty,
            asked.container.utf8.count <= 128
        else { throw DashboardError(.badRequest) }
        let id: String
        do {
            id = try await terminals.open(for: user.name) {
                try await backend.openTerminal(in: asked.container, size: size, by: user.name)
            }
        } catch let error as DashboardError where error.code == .tooMany {
            // The others were written down by whoever refused them. It heeds no cancellation.
            await writeDown(
                "terminal", of: asked.container, summary: "terminal in \(asked.container)", reason: .tooMany, call, user
            )
            throw error
        }
        return try .json(Opened(id: id), call.request)
    }

    func order(_ order: TerminalOrder, _ id: String, _ call: DashboardRequest, _ user: DashboardUser) async throws
        -> DashboardAnswer
    {
        guard user.role == .operator else { throw DashboardError(.notAllowed) }
        let open = try terminals.terminal(id, of: user.name)
        switch order {
        case .input: try await open.terminal.write(ByteBuffer(string: try await call.body(Input.self).text))
        case .size:
            let asked = try await call.body(Size.self)
            guard let size = DashboardTerminalSize(columns: asked.columns, rows: asked.rows) else {
                throw DashboardError(.badRequest)
            }
            try await open.terminal.resize(size)
        }
        return .empty(.noContent)
    }

    func closeTerminal(_ id: String, _ user: DashboardUser) async throws -> DashboardAnswer {
        _ = try terminals.terminal(id, of: user.name)
        await terminals.close(id, of: user.name)
        return .empty(.noContent)
    }

    func terminalOutput(_ id: String, _ call: DashboardRequest, _ user: DashboardUser) throws -> DashboardAnswer {
        guard user.role == .operator else { throw DashboardError(.notAllowed) }
        let open = try terminals.read(id, of: user.name)
        var answer = DashboardAnswer(status: .ok)
        answer.fields[.contentType] = "text/event-stream"
        answer.fields[.cacheControl] = "no-store"
        let (cookie, isLocal) = (call.cookie ?? "", call.isLocal)
        answer.body = ResponseBody { writer in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await call.departure()
                    guard !Task.isCancelled else { return }
                    open.abandon()
                    await terminals.close(id, of: user.name)
                }
                group.addTask { for await _ in await accounts.store.changes() { open.doubt() } }
                defer { group.cancelAll() }
                do {
                    try await pass(open, to: &writer) {
                        // Accounts that cannot be looked at are no reason to go on.
                        (try? await accounts.user(of: cookie, isLocal: isLocal))??.role == .operator
                    }
                } catch {
                    // Closes it also when this is cancelled.
                    await terminals.close(id, of: user.name)
                    throw error
                }
                await terminals.close(id, of: user.name)
            }
            try await writer.finish(nil)
        }
        return answer
    }

    private func pass(
        _ open: OpenTerminal, to writer: inout any ResponseBodyWriter, while isAllowed: () async -> Bool
    ) async throws {
        var judgedAt = ContinuousClock.now
        while true {
            let waiting = await open.take(within: Self.pause)
            try Task.checkCancellation()
            if waiting.isAbandoned { throw CancellationError() }
            if waiting.isInDoubt || .now - judgedAt >= Self.pause {
                guard await isAllowed() else {
                    try await writer.write(ByteBuffer(string: "event: signedout\ndata: {}\n\n"))
                    return
                }
                judgedAt = .now
                if waiting.isInDoubt, !waiting.isOver, waiting.bytes.readableBytes == 0 { continue }
            }
            var text = ": \n\n"
            if waiting.bytes.readableBytes > 0 {
                let bytes = Data(waiting.bytes.readableBytesView).base64EncodedString()
                text = "event: output\ndata: \(bytes)\n\n"
            }
            if waiting.isOver {
                let code = try JSONEncoder().encode(Ended(code: await open.terminal.exitCode()))
                text += "event: ended\ndata: \(String(decoding: code, as: UTF8.self))\n\n"
            }
            try await writer.write(ByteBuffer(string: text))
            if waiting.isOver { return }
        }
    }
}
