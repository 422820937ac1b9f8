import Concurrency
import DockerTypes
import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOFoundationCompat

/// A request with what routes ask of it.
struct DashboardRequest: Sendable {
    /// The most that a body may have, and how long it may take.
    private static let largestBody = 16 << 10
    private static let longestBody: Duration = .seconds(10)
    /// The longest path with its query.
    static let longestTarget = 8 << 10
    static let cookieName = "__Host-apus"

    let request: Request
    let path: String
    let query: Query
    /// The peer's address without its port.
    let address: String
    /// The connection, or one stream of it.
    let channel: any Channel

    init(_ request: Request, channel: any Channel) {
        self.channel = channel
        self.request = request
        path = request.uri.path
        query = Query(parsing: request.uri.query ?? "")
        // A stream of HTTP/2 is a channel whose parent is the connection.
        address = (channel.remoteAddress ?? channel.parent?.remoteAddress)?.ipAddress ?? ""
    }

    var isLocal: Bool { address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.") }

    var cookie: String? {
        for field in request.headers[values: .cookie] {
            for part in field.split(separator: ";") {
                let pair = part.drop { $0 == " " }
                if pair.hasPrefix(Self.cookieName + "=") { return String(pair.dropFirst(Self.cookieName.count + 1)) }
            }
        }
        return nil
    }

    /// Writes come from the page itself: a form of another site can set neither header, and no browser lets a script claim the second.
    func requireOwnPage() throws {
        guard request.headers[.apus] == "1", request.headers[.secFetchSite] == "same-origin" else {
            throw DashboardError(.crossSite)
        }
    }

    func body<Body: Decodable & Sendable>(_ type: Body.Type) async throws -> Body {
        let body = request.body
        let bytes: ByteBuffer
        do {
            bytes = try await withDeadline(Self.longestBody, orThrow: DashboardError(.slow)) {
                try await body.collect(upTo: Self.largestBody)
            }
        } catch is NIOTooManyBytesError {
            throw DashboardError(.tooLarge)
        } catch let error where !(error is DashboardError || error is CancellationError) {
            // What was sent is no body, or ended in the middle of one.
            throw DashboardError(.badRequest)
        }
        do {
            return try JSONDecoder().decode(type, from: Data(buffer: bytes))
        } catch {
            throw DashboardError(.badRequest)
        }
    }

    func number(_ name: String) throws -> Int64? {
        guard let text = query[name], !text.isEmpty else { return nil }
        guard let value = Int64(text) else { throw DashboardError(.badRequest) }
        return value
    }

    /// `from` and `to`, in milliseconds.
    func window() throws -> DashboardWindow {
        guard let from = try number("from"), let to = try number("to"), let window = DashboardWindow(from: from, to: to)
        else { throw DashboardError(.badRequest) }
        return window
    }

    /// A number within bounds, or the one that is meant when there is none.
    func count(_ name: String, default given: Int, most: Int) throws -> Int {
        guard let value = try number(name) else { return given }
        guard value >= 1 else { throw DashboardError(.badRequest) }
        return Int(clamping: min(value, Int64(clamping: most)))
    }

    /// `scope`, separated by commas; the cluster when there is none.
    func scopes(_ name: String = "scope") throws -> [DashboardScope] {
        let texts = (query[name] ?? "").split(separator: ",")
        guard texts.count <= 64 else { throw DashboardError(.badRequest) }
        return try texts.map {
            guard let scope = DashboardScope(parsing: $0) else { throw DashboardError(.badRequest) }
            return scope
        }
    }

    /// Of a query with text: what is longer is no search.
    func text(_ name: String, most: Int = 200) throws -> String? {
        guard let text = query[name], !text.isEmpty else { return nil }
        guard text.utf8.count <= most else { throw DashboardError(.badRequest) }
        return text
    }
}
