import AsyncHTTPClient
import Faults
import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import OCI
import PeerNames

extension RegistryClient {
    /// Performs a request; when the registry asks for a token or a password, once more with it.
    func perform(_ request: HTTPClientRequest, _ call: RegistryCall, deadline: TimeAmount) async throws
        -> HTTPClientResponse
    {
        var request = request
        let scope = TokenCache.Key(endpoint: call.endpoint, scopes: call.scopes, login: call.login)
        if let known = tokens[scope] { request.headers.replaceOrAdd(name: "Authorization", value: known) }
        let first = try await execute(request, call.endpoint, deadline)
        guard first.status == .unauthorized, let header = first.headers.first(name: "WWW-Authenticate"),
            let challenge = AuthenticationChallenge(header)
        else { return first }
        tokens[scope] = nil
        guard let authorization = try await answer(challenge, call) else { return first }
        tokens[scope] = authorization
        request.headers.replaceOrAdd(name: "Authorization", value: authorization)
        return try await execute(request, call.endpoint, deadline)
    }

    /// How often a request is sent again at the most.
    private static let repetitions = 3

    /// - Parameter isRepeatable: Whether it may be sent again when the other end lets its connection go without an answer: a server may end
    ///   one that was kept from an earlier request in the very moment in which it is used again. Requests that only read are, if it is `nil`.
    func execute(
        _ request: HTTPClientRequest, _ endpoint: RegistryEndpoint, _ deadline: TimeAmount,
        followingRedirects: Bool = true, isRepeatable: Bool? = nil
    ) async throws -> HTTPClientResponse {
        func once() async throws -> HTTPClientResponse {
            try await RegistryHTTP.execute(
                request, for: endpoint, certificates: configuration.certificates, deadline: deadline,
                followingRedirects: followingRedirects)
        }
        do {
            // Each of the connections that are kept may have been let go.
            for _ in 0..<Self.repetitions {
                do { return try await once() } catch  where Self.isLetGo(error) {
                    guard isRepeatable ?? [.GET, .HEAD].contains(request.method) else { throw error }
                }
            }
            return try await once()
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as any Fault {
            throw error  // Of the body that was being sent.
        } catch {
            let method = request.method.rawValue.prefix(1) + request.method.rawValue.dropFirst().lowercased()
            throw RegistryError(.unreachable, "\(method) \"\(endpoint.base)/v2/\": \(Self.reason(error, endpoint))")
        }
    }

    /// A whole answer that is a document.
    func collect(_ response: HTTPClientResponse, _ endpoint: RegistryEndpoint) async throws -> [UInt8] {
        do {
            return Array(try await response.body.collect(upTo: Self.manifestLimit).readableBytesView)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw RegistryError(.unreachable, "Get \"\(endpoint.base)/v2/\": \(error)")
        }
    }

    /// The connection has ended before an answer began.
    private static func isLetGo(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .remoteConnectionClosed
        case let error as IOError: error.errnoCode == ECONNRESET || error.errnoCode == EPIPE
        case let error as NIOSSLError: if case .uncleanShutdown = error { true } else { false }
        default: false
        }
    }

    /// Why a connection did not come about, in the words that Docker's clients know from Go.
    private static func reason(_ error: any Error, _ endpoint: RegistryEndpoint) -> String {
        switch error {
        case let error as HTTPClientError
        where error == .connectTimeout || error == .deadlineExceeded || error == .readTimeout:
            return "net/http: request canceled while waiting for connection "
                + "(Client.Timeout exceeded while awaiting headers)"
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first { return reason(failure.error, endpoint) }
            return "dial tcp: lookup \(error.host): no such host"
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            return "dial tcp \(endpoint.address): connect: connection refused"
        case let error as IOError:
            return "dial tcp \(endpoint.address): connect: \(String(cString: strerror(error.errnoCode)))"
        case let error as PeerNameError: return "tls: failed to verify certificate: x509: \(error.description)"
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            let text = "\(error)"
            if text.contains("CERTIFICATE_VERIFY_FAILED") || error is NIOSSLExtraError {
                return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
            }
            if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
                return "http: server gave HTTP response to HTTPS client"
            }
            return "tls: \(text)"
        default: return "\(error)"
        }
    }

    // MARK: Who asks

    /// The `Authorization` that a challenge asks for; `nil` when it asks for what cannot be given.
    private func answer(_ challenge: AuthenticationChallenge, _ call: RegistryCall) async throws -> String? {
        switch challenge.scheme {
        case "basic": return call.login.map(Self.basic)
        case "bearer":
            guard let realm = challenge.parameters["realm"], let service = TokenService(realm: realm) else {
                return nil
            }
            if call.login != nil {
                try service.checkCredentials(for: call.endpoint.address, isVerified: call.endpoint.isVerified)
            }
            let request = tokenRequest(service, challenge, call)
            // A form is sent on as it is where an answer leads elsewhere, with what it holds; a header of credentials is not.
            let follows = request.method == .GET
            let response = try await execute(
                request, call.endpoint, Self.requestDeadline, followingRedirects: follows, isRepeatable: true)
            guard response.status == .ok else { return nil }
            let body = try await collect(response, call.endpoint)
            let token: TokenAnswer
            do { token = try JSONDecoder().decode(TokenAnswer.self, from: Data(body)) } catch {
                throw RegistryError(.damaged, "the token service of \(call.endpoint.base) gave no token: \(error)")
            }
            return (token.token ?? token.access_token).map { "Bearer \($0)" }
        default: return nil
        }
    }

    /// Asks with the password in the header or, with an identity token, in a form (distribution, auth/token and oauth).
    private func tokenRequest(
        _ tokens: TokenService, _ challenge: AuthenticationChallenge, _ call: RegistryCall
    ) -> HTTPClientRequest {
        var items: [URLQueryItem] = []
        if let service = challenge.parameters["service"] { items.append(URLQueryItem(name: "service", value: service)) }
        // What is asked for is what the work needs in all, not only what this request was refused for.
        var scopes = call.scopes
        if let scope = challenge.parameters["scope"], scopes.isEmpty { scopes = [scope] }
        var url = tokens.url
        guard let login = call.login, let token = login.identityToken else {
            url.queryItems = (url.queryItems ?? []) + items + scopes.map { URLQueryItem(name: "scope", value: $0) }
            var request = HTTPClientRequest(url: url.string ?? tokens.realm)
            if let login = call.login { request.headers.add(name: "Authorization", value: Self.basic(login)) }
            return request
        }
        items += [
            URLQueryItem(name: "grant_type", value: "refresh_token"),
            URLQueryItem(name: "refresh_token", value: token), URLQueryItem(name: "client_id", value: "apus"),
            URLQueryItem(name: "scope", value: scopes.joined(separator: " ")),
        ]
        var form = URLComponents()
        form.queryItems = items
        var request = HTTPClientRequest(url: tokens.realm)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        // A form's plus is a space.
        let text = (form.percentEncodedQuery ?? "").replacingOccurrences(of: "+", with: "%2B")
        request.body = .bytes(ByteBuffer(string: text))
        return request
    }

    private struct TokenAnswer: Decodable {
        var token: String?
        var access_token: String?  // swift-format-ignore: AlwaysUseLowerCamelCase
    }

    private static func basic(_ login: RegistryLogin) -> String {
        "Basic " + Data("\(login.username):\(login.password)".utf8).base64EncodedString()
    }

    // MARK: Refusals

    /// What a refusal of a reading request means, in Docker's words.
    func refusal(_ response: HTTPClientResponse, _ call: RegistryCall, what: String) async throws -> RegistryError {
        let first = try await complaint(response, call)
        switch response.status {
        case .notFound:
            if first?.code == "NAME_UNKNOWN" { return denied(call.reference) }
            return RegistryError(
                .notFound, "\(what) not found: manifest unknown: \(first?.message ?? "manifest unknown")")
        case .unauthorized, .forbidden: return denied(call.reference)
        default: return unexpected(response, call, first)
        }
    }

    /// What a refusal of a writing request means: the registry's own words, as Docker tells them.
    func pushRefusal(_ response: HTTPClientResponse, _ call: RegistryCall) async throws -> RegistryError {
        let first = try await complaint(response, call)
        switch response.status {
        case .unauthorized, .forbidden:
            let word = first?.code.lowercased().replacingOccurrences(of: "_", with: " ") ?? "denied"
            let message = first?.message ?? "requested access to the resource is denied"
            return RegistryError(.unauthorized, "\(word): \(message)")
        default: return unexpected(response, call, first)
        }
    }

    private func complaint(_ response: HTTPClientResponse, _ call: RegistryCall) async throws -> ErrorAnswer.Entry? {
        let body = try await collect(response, call.endpoint)
        return try? JSONDecoder().decode(ErrorAnswer.self, from: Data(body)).errors.first  // Not every refusal has one.
    }

    private func unexpected(
        _ response: HTTPClientResponse, _ call: RegistryCall, _ first: ErrorAnswer.Entry?
    ) -> RegistryError {
        RegistryError(
            .refused,
            "received unexpected HTTP status: \(response.status.code) \(response.status.reasonPhrase) from "
                + "\(call.endpoint.base)" + (first.map { ": \($0.message ?? $0.code)" } ?? ""))
    }

    private func denied(_ reference: ImageReference) -> RegistryError {
        RegistryError(
            .denied,
            "pull access denied for \(reference.familiarName), repository does not exist or may require 'docker login': "
                + "denied: requested access to the resource is denied")
    }

    private struct ErrorAnswer: Decodable {
        var errors: [Entry]
        struct Entry: Decodable {
            var code: String
            var message: String?
        }
    }
}
