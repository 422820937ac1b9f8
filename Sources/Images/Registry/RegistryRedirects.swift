import AsyncHTTPClient
import Foundation
import NIOHTTP1

/// Where answers lead a request on to (RFC 9110, 15.4). What another host gets has no login with it.
struct RegistryRedirects {
    private static let most = 5
    /// What is meant for the host alone that was asked.
    private static let ofOneHost = ["Authorization", "Cookie", "Origin", "Proxy-Authorization"]

    private var visited: Set<String>

    init(from url: String) { visited = [url] }

    /// - Returns: What to ask next; `nil` for an answer that leads nowhere else.
    /// - Throws: `HTTPClientError` for one that leads in a circle or too far.
    mutating func next(after response: HTTPClientResponse, to request: HTTPClientRequest) throws -> HTTPClientRequest? {
        guard let origin = URL(string: request.url), let target = Self.target(of: response, from: origin) else {
            return nil
        }
        guard visited.count <= Self.most else { throw HTTPClientError.redirectLimitReached }
        guard visited.insert(target.absoluteString).inserted else { throw HTTPClientError.redirectCycleDetected }
        var next = request
        next.url = target.absoluteString
        switch (response.status, request.method) {
        case (.seeOther, .HEAD): break
        case (.seeOther, _), (.movedPermanently, .POST), (.found, .POST):
            next.method = .GET
            next.body = nil
            next.headers.remove(name: "Content-Length")
            next.headers.remove(name: "Content-Type")
        // A file has been read by then.
        case (_, .PATCH): return nil
        default: break
        }
        if origin.host() != target.host() || origin.scheme != target.scheme || origin.port != target.port {
            for name in Self.ofOneHost { next.headers.remove(name: name) }
        }
        return next
    }

    private static func target(of response: HTTPClientResponse, from origin: URL) -> URL? {
        switch response.status {
        case .movedPermanently, .found, .seeOther, .temporaryRedirect, .permanentRedirect: break
        default: return nil
        }
        guard let location = response.headers.first(name: "Location"),
            let target = URL(string: location, relativeTo: origin)?.absoluteURL,
            RegistryConfiguration.isOnWeb(target.absoluteString)
        else { return nil }
        return target
    }
}
