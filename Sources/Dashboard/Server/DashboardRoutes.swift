import DockerTypes
import Foundation
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore

/// Answers requests: the page's files to everybody, the rest to whoever has signed in.
struct DashboardRoutes: Sendable {
    let accounts: DashboardAccounts
    let backend: any DashboardBackend
    let hub: StateHub
    let logger: Logger
    /// The cluster's name and the certificate's fingerprint, for the page before anybody signs in.
    let greeting: @Sendable () async -> (name: String, fingerprint: String)
    let streams = StreamPlaces()
    let work = WorkPlaces()
    let terminals = Terminals()
    let refusals = Refusals()

    func serve(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let call = DashboardRequest(request, channel: channel)
        var answer: DashboardAnswer
        var place: StreamPlaces.Place?
        do {
            (answer, place) = try await self.answer(call)
        } catch {
            answer = .failure(error, request)
            logger.log(
                level: answer.status == .internalServerError ? .error : .debug, "a request failed",
                metadata: ["method": "\(request.method)", "path": "\(call.path)", "error": "\(error)"])
        }
        defer { if let place { streams.leave(place) } }
        var fields = DashboardAnswer.security
        for field in answer.fields { fields.append(field) }
        if answer.status != .notModified, let length = answer.body.contentLength {
            fields[.contentLength] = "\(length)"
        }
        let head = HTTPResponse(status: answer.status, headerFields: fields)
        if request.method == .head || answer.status == .notModified {
            try await writer.writeResponse(head)
        } else {
            try await writer.write(response: head, body: answer.body)
        }
    }

    private func answer(_ call: DashboardRequest) async throws -> (DashboardAnswer, StreamPlaces.Place?) {
        guard (call.request.head.path ?? "").utf8.count <= DashboardRequest.longestTarget else {
            throw DashboardError(.tooLarge)
        }
        let method = call.request.method
        let isRead = method == .get || method == .head
        guard call.path.hasPrefix("/ui/") else {
            guard isRead else { throw DashboardError(.notFound) }
            return (try page(call), nil)
        }
        if !isRead { try call.requireOwnPage() }
        switch (method, call.path) {
        case (.get, "/ui/v1/session"): return (try await whoIs(call), nil)
        case (.post, "/ui/v1/session"): return (try await signIn(call), nil)
        case (.post, "/ui/v1/session/link"): return (try await signInByLink(call), nil)
        case (.delete, "/ui/v1/session"): return (Self.signOut(), nil)
        default: break
        }
        guard let user = try await user(of: call) else { throw DashboardError(.notSignedIn) }
        if let (id, order) = Self.terminal(of: call.path) { return try await terminal(id, order, call, user) }
        switch (method, call.path) {
        case (.get, "/ui/v1/stream"):
            let place = try streams.enter(user.name)
            do { return (try stream(call), place) } catch {
                streams.leave(place)
                throw error
            }
        case (.get, "/ui/v1/logs/download"):
            let place = try streams.enter(user.name)
            do { return (try await download(call, user), place) } catch {
                streams.leave(place)
                throw error
            }
        case (.get, "/ui/v1/state"):
            return (.json(text: ByteBuffer(string: await hub.look().delta(since: nil)), call.request), nil)
        case (.get, "/ui/v1/query"), (.get, "/ui/v1/logs"), (.get, "/ui/v1/logs/volume"), (.get, "/ui/v1/events"),
            (.get, "/ui/v1/alerts"):
            return (try await work.run(user.name) { try await read(call) }, nil)
        case (.post, "/ui/v1/terminals"): return (try await openTerminal(call, user), nil)
        case (.post, let path) where path.hasPrefix("/ui/v1/actions/"):
            return (try await act(call, String(path.dropFirst(15)), user), nil)
        default: throw DashboardError(.notFound)
        }
    }

    private func terminal(_ id: String, _ order: TerminalOrder?, _ call: DashboardRequest, _ user: DashboardUser)
        async throws -> (DashboardAnswer, StreamPlaces.Place?)
    {
        switch (call.request.method, order) {
        case (.get, nil):
            let place = try streams.enter(user.name)
            do { return (try terminalOutput(id, call, user), place) } catch {
                streams.leave(place)
                throw error
            }
        case (.post, let order?): return (try await self.order(order, id, call, user), nil)
        case (.delete, nil): return (try await closeTerminal(id, user), nil)
        default: throw DashboardError(.notFound)
        }
    }

    /// What takes a manager or its nodes some work.
    private func read(_ call: DashboardRequest) async throws -> DashboardAnswer {
        switch call.path {
        case "/ui/v1/query": return try await metrics(call)
        case "/ui/v1/logs": return try .json(try await backend.logs(try logQuery(call)), call.request)
        case "/ui/v1/logs/volume":
            let buckets = try call.count("buckets", default: 120, most: 400)
            return try .json(try await backend.logVolume(try logQuery(call), buckets: buckets), call.request)
        case "/ui/v1/alerts": return try .json(try await backend.alertBook(), call.request)
        default:
            let limit = try call.count("limit", default: 500, most: 2000)
            return try .json(try await backend.events(try call.window(), limit: limit), call.request)
        }
    }

    private func page(_ call: DashboardRequest) throws -> DashboardAnswer {
        let isFile = call.path.hasPrefix("/a/")
        guard let file = PageFiles.all[isFile ? String(call.path.dropFirst(3)) : "index.html"] else {
            throw DashboardError(.notFound)
        }
        return .file(file, call.request)
    }

    private func user(of call: DashboardRequest) async throws -> DashboardUser? {
        guard let cookie = call.cookie else { return nil }
        return try await accounts.user(of: cookie, isLocal: call.isLocal)
    }

    private func stream(_ call: DashboardRequest) throws -> DashboardAnswer {
        var answer = DashboardAnswer(status: .ok)
        answer.fields[.contentType] = "text/event-stream"
        answer.fields[.cacheControl] = "no-store"
        let tail = try call.scopes("tail")
        let known = try call.text("epoch").flatMap { epoch in
            try call.number("revision").flatMap { UInt64(exactly: $0) }.map { (epoch: epoch, revision: $0) }
        }
        let route = StreamRoute(
            hub: hub, backend: backend, departure: { await call.departure() },
            isSignedIn: isSignedIn(call),
            accountChanges: { [accounts] in await accounts.store.changes() },
            tail: tail, after: try call.request.headers[.lastEventID] ?? call.text("after"), known: known,
            logger: logger)
        answer.body = ResponseBody { writer in
            try await route.write(to: &writer)
            try await writer.finish(nil)
        }
        return answer
    }

    private func metrics(_ call: DashboardRequest) async throws -> DashboardAnswer {
        guard let series = try call.text("series", most: 64) else { throw DashboardError(.badRequest) }
        let scopes = try call.scopes()
        guard scopes.count <= 1 || scopes.allSatisfy({ $0.kind == .service }) else { throw DashboardError(.badRequest) }
        let query = DashboardMetricsQuery(
            scope: scopes.first ?? DashboardScope(.cluster), others: Array(scopes.dropFirst()), series: series,
            by: try call.text("by", most: 64),
            window: try call.window(), points: try call.count("points", default: 240, most: 600))
        return try .json(try await backend.metrics(query), call.request)
    }

    private func download(_ call: DashboardRequest, _ user: DashboardUser) async throws -> DashboardAnswer {
        var query = try logQuery(call)
        query.limit = LogDownload.most
        let asked = query
        let (lines, names) = try await work.run(user.name) {
            // Where the state cannot be looked at, lines are told with ids.
            (try await backend.allLines(asked), (try? await backend.state())?.names ?? [:])
        }
        let download = LogDownload(
            lines: lines, names: names, isSignedIn: isSignedIn(call), departure: { await call.departure() },
            close: { call.channel.close(promise: nil) })
        return download.answer(query.window)
    }

    /// Whether the session of a request is still good.
    private func isSignedIn(_ call: DashboardRequest) -> @Sendable () async -> Bool {
        { [accounts, cookie = call.cookie ?? "", isLocal = call.isLocal, logger] in
            do {
                return try await accounts.user(of: cookie, isLocal: isLocal) != nil
            } catch {
                // Accounts cannot be looked at: the answer ends, and the page asks again.
                logger.warning("a session cannot be judged", metadata: ["error": "\(error)"])
                return false
            }
        }
    }

    private func logQuery(_ call: DashboardRequest) throws -> DashboardLogQuery {
        let scopes = try call.scopes()
        var query = DashboardLogQuery(
            scopes: scopes.isEmpty ? [DashboardScope(.cluster)] : scopes, window: try call.window(),
            limit: try call.count("limit", default: 500, most: 1000))
        query.text = try call.text("text")
        query.onlyErrors = call.query.flag("stderr")
        query.onlyStated = call.query.flag("stated")
        return query
    }
}
