import AsyncHTTPClient
import Foundation
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import OCI
import Synchronization

/// A manifest, or an index of manifests, as a registry gave it.
struct FetchedManifest: Sendable {
    let bytes: [UInt8]
    let mediaType: String
    let digest: Digest
    /// Which endpoint had it: its blobs are asked of the same.
    let endpoint: RegistryEndpoint

    package var descriptor: ContentDescriptor {
        ContentDescriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count))
    }
}

/// Speaks the registry protocol (OCI Distribution 1.1, which is Docker's V2), as a reader.
///
/// Mirrors are asked first; what they do not have or cannot give is asked of the registry itself. Tokens are kept as
/// long as this value lives.
struct RegistryClient: Sendable {
    /// A manifest larger than this is refused. Source: OCI Distribution, which asks registries to take 4 MiB.
    static let manifestLimit = 4 << 20
    static let requestDeadline = TimeAmount.seconds(30)
    /// A whole download, however slow.
    static let blobDeadline = TimeAmount.hours(2)
    /// How often a download that breaks off is taken up where it stopped.
    static let resumptions = 4

    private let configuration: RegistryConfiguration
    private let http: HTTPClient
    private let log: Logger
    private let tokens = TokenCache()

    init(_ configuration: RegistryConfiguration, http: HTTPClient, log: Logger) {
        self.configuration = configuration
        self.http = http
        self.log = log
    }

    // MARK: Manifests

    /// Fetches what a tag or digest names.
    /// - Throws: ``RegistryError`` in Docker's words.
    func manifest(_ reference: ImageReference, login: RegistryLogin?) async throws -> FetchedManifest {
        var failure: (any Error)?
        for endpoint in configuration.endpoints(for: reference) {
            do {
                return try await manifest(reference, at: endpoint, login: endpoint.isMirror ? nil : login)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // What a mirror says matters only as long as the registry itself cannot be reached either.
                log.debug(
                    "an endpoint did not give the manifest",
                    metadata: ["endpoint": "\(endpoint.base)", "error": "\(error)"])
                let saysNo = (failure as? RegistryError).map { $0.code == .notFound || $0.code == .denied } ?? false
                if !saysNo || (error as? RegistryError)?.code != .unreachable { failure = error }
            }
        }
        throw failure ?? RegistryError(.notFound, "no registry is known for \(reference.familiar)")
    }

    /// Fetches a manifest by digest from the endpoint that named it.
    func manifest(
        _ digest: Digest, of reference: ImageReference, at endpoint: RegistryEndpoint, login: RegistryLogin?
    ) async throws -> FetchedManifest {
        try await manifest(reference.digested(digest), at: endpoint, login: endpoint.isMirror ? nil : login)
    }

    private func manifest(_ reference: ImageReference, at endpoint: RegistryEndpoint, login: RegistryLogin?)
        async throws
        -> FetchedManifest
    {
        let wanted = reference.digest?.description ?? reference.withDefaultTag.tag ?? "latest"
        var request = HTTPClientRequest(url: "\(endpoint.base)/v2/\(reference.path)/manifests/\(wanted)")
        for type in MediaType.manifests { request.headers.add(name: "Accept", value: type) }
        let response = try await perform(request, reference, endpoint, login, deadline: Self.requestDeadline)
        guard response.status == .ok else {
            throw try await refusal(
                response, reference, endpoint, what: "manifest for \(reference.withDefaultTag.familiar)")
        }
        let body = try await collect(response, endpoint)
        let digest = Digest(of: body)
        if let asked = reference.digest, asked != digest {
            throw RegistryError(.damaged, "manifest for \(reference.familiar): content has digest \(digest)")
        }
        let type = response.headers.first(name: "Content-Type")?.split(separator: ";").first.map {
            $0.filter { $0 != " " }
        }
        return FetchedManifest(
            bytes: body, mediaType: type ?? MediaType.dockerManifest, digest: digest, endpoint: endpoint)
    }

    private func collect(_ response: HTTPClientResponse, _ endpoint: RegistryEndpoint) async throws -> [UInt8] {
        do {
            return Array(try await response.body.collect(upTo: Self.manifestLimit).readableBytesView)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw RegistryError(.unreachable, "Get \"\(endpoint.base)/v2/\": \(error)")
        }
    }

    // MARK: Blobs

    /// Brings a blob, piece by piece, in order. A connection that breaks is taken up at the byte where it stopped.
    ///
    /// The caller checks the digest of the whole: what arrives is whatever the registry sent.
    func blob(
        _ digest: Digest, of reference: ImageReference, at endpoint: RegistryEndpoint, login: RegistryLogin?,
        _ receive: (ByteBuffer) async throws -> Void
    ) async throws {
        var received: Int64 = 0
        var attempt = 0
        while true {
            var request = HTTPClientRequest(url: "\(endpoint.base)/v2/\(reference.path)/blobs/\(digest)")
            if received > 0 { request.headers.add(name: "Range", value: "bytes=\(received)-") }
            let login = endpoint.isMirror ? nil : login
            let response = try await perform(request, reference, endpoint, login, deadline: Self.blobDeadline)
            guard response.status == .ok || (received > 0 && response.status == .partialContent) else {
                throw try await refusal(response, reference, endpoint, what: "blob \(digest)")
            }
            // A registry that does not resume sends everything again: what is known already is passed over.
            var surplus = response.status == .ok ? received : 0
            var pieces = response.body.makeAsyncIterator()
            while true {
                let next: ByteBuffer?
                do {
                    next = try await pieces.next()
                } catch is CancellationError {
                    throw CancellationError()
                } catch  where attempt < Self.resumptions {
                    attempt += 1
                    log.info(
                        "a download broke off and is taken up again",
                        metadata: ["blob": "\(digest.short)", "error": "\(error)"])
                    try await Task.sleep(for: .milliseconds(200 << attempt))
                    break
                } catch {
                    throw RegistryError(.unreachable, "Get \"\(endpoint.base)/v2/\": \(error)")
                }
                guard var piece = next else { return }
                if surplus > 0 {
                    let skipped = Int(min(surplus, Int64(piece.readableBytes)))
                    piece.moveReaderIndex(forwardBy: skipped)
                    surplus -= Int64(skipped)
                }
                guard piece.readableBytes > 0 else { continue }
                received += Int64(piece.readableBytes)
                try await receive(piece)
            }
        }
    }

    // MARK: Requests

    /// Performs a request; when the registry asks for a token or a password, once more with it.
    private func perform(
        _ request: HTTPClientRequest, _ reference: ImageReference, _ endpoint: RegistryEndpoint,
        _ login: RegistryLogin?,
        deadline: TimeAmount
    ) async throws -> HTTPClientResponse {
        var request = request
        let scope = TokenCache.Key(endpoint: endpoint, repository: reference.path, login: login)
        if let known = tokens[scope] { request.headers.replaceOrAdd(name: "Authorization", value: known) }
        let first = try await execute(request, endpoint, deadline)
        guard first.status == .unauthorized, let header = first.headers.first(name: "WWW-Authenticate"),
            let challenge = AuthenticationChallenge(header)
        else { return first }
        guard let authorization = try await answer(challenge, reference, endpoint, login) else { return first }
        tokens[scope] = authorization
        request.headers.replaceOrAdd(name: "Authorization", value: authorization)
        return try await execute(request, endpoint, deadline)
    }

    private func execute(_ request: HTTPClientRequest, _ endpoint: RegistryEndpoint, _ deadline: TimeAmount)
        async throws
        -> HTTPClientResponse
    {
        do {
            return try await http.execute(request, timeout: deadline)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw RegistryError(.unreachable, "Get \"\(endpoint.base)/v2/\": \(Self.reason(error, endpoint))")
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
        default: return "\(error)"
        }
    }

    /// The `Authorization` that a challenge asks for; `nil` when it asks for what cannot be given.
    private func answer(
        _ challenge: AuthenticationChallenge, _ reference: ImageReference, _ endpoint: RegistryEndpoint,
        _ login: RegistryLogin?
    ) async throws -> String? {
        switch challenge.scheme {
        case "basic": return login.map(Self.basic)
        case "bearer":
            guard let realm = challenge.parameters["realm"], var url = URLComponents(string: realm) else { return nil }
            var query = url.queryItems ?? []
            if let service = challenge.parameters["service"] {
                query.append(URLQueryItem(name: "service", value: service))
            }
            query.append(
                URLQueryItem(name: "scope", value: challenge.parameters["scope"] ?? "repository:\(reference.path):pull")
            )
            url.queryItems = query
            var request = HTTPClientRequest(url: url.string ?? realm)
            if let login { request.headers.add(name: "Authorization", value: Self.basic(login)) }
            let response = try await execute(request, endpoint, Self.requestDeadline)
            guard response.status == .ok else { return nil }
            let body = try await collect(response, endpoint)
            let token: TokenAnswer
            do { token = try JSONDecoder().decode(TokenAnswer.self, from: Data(body)) } catch {
                throw RegistryError(.damaged, "the token service of \(endpoint.base) gave no token: \(error)")
            }
            return (token.token ?? token.access_token).map { "Bearer \($0)" }
        default: return nil
        }
    }

    private struct TokenAnswer: Decodable {
        var token: String?
        var access_token: String?  // swift-format-ignore: AlwaysUseLowerCamelCase
    }

    private static func basic(_ login: RegistryLogin) -> String {
        "Basic " + Data("\(login.username):\(login.password)".utf8).base64EncodedString()
    }

    /// What a refusal means, in Docker's words.
    private func refusal(
        _ response: HTTPClientResponse, _ reference: ImageReference, _ endpoint: RegistryEndpoint, what: String
    ) async throws -> RegistryError {
        let body = try await collect(response, endpoint)
        let answer = try? JSONDecoder().decode(ErrorAnswer.self, from: Data(body))  // Not every refusal has a document.
        let first = answer?.errors.first
        switch response.status {
        case .notFound:
            if first?.code == "NAME_UNKNOWN" { return denied(reference) }
            return RegistryError(
                .notFound, "\(what) not found: manifest unknown: \(first?.message ?? "manifest unknown")")
        case .unauthorized, .forbidden: return denied(reference)
        default:
            return RegistryError(
                .refused,
                "received unexpected HTTP status: \(response.status.code) \(response.status.reasonPhrase) from \(endpoint.base)"
                    + (first.map { ": \($0.message ?? $0.code)" } ?? ""))
        }
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

/// Authorizations that registries have accepted.
private final class TokenCache: Sendable {
    struct Key: Hashable {
        var endpoint: RegistryEndpoint
        var repository: String
        var login: RegistryLogin?
    }

    /// How many are kept.
    static let capacity = 256

    private let known = Mutex<[Key: String]>([:])

    subscript(key: Key) -> String? {
        get { known.withLock { $0[key] } }
        set {
            known.withLock { known in
                if known.count >= Self.capacity { known = [:] }
                known[key] = newValue
            }
        }
    }
}
