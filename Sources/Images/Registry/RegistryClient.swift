import AsyncHTTPClient
import Concurrency
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import OCI
import Synchronization

/// A manifest, or an index of manifests, as a registry gave it.
struct FetchedManifest: Sendable {
    let bytes: [UInt8]
    let mediaType: String
    let digest: Digest
    /// Which endpoint had it: its blobs are asked of the same first.
    let endpoint: RegistryEndpoint

    package var descriptor: ContentDescriptor {
        ContentDescriptor(mediaType: mediaType, digest: digest, size: Int64(clamping: bytes.count))
    }
}

/// Speaks the registry protocol (OCI Distribution 1.1, which is Docker's V2).
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

    let configuration: RegistryConfiguration
    let log: Logger
    let tokens = TokenCache()
    private let answering = EndpointMemory()

    init(_ configuration: RegistryConfiguration, log: Logger) {
        self.configuration = configuration
        self.log = log
    }

    // MARK: Endpoints

    /// Where to read an image, in order; of a registry's own endpoints the one that has answered before comes first.
    func endpoints(for reference: ImageReference, first: RegistryEndpoint? = nil) -> [RegistryEndpoint] {
        let all = configuration.endpoints(for: reference)
        let own = preferred(all.filter { !$0.isMirror }, reference.domain)
        let ordered = all.filter(\.isMirror) + own
        guard let first else { return ordered }
        return [first] + ordered.filter { $0 != first }
    }

    /// Endpoints of one registry, the one that has answered before first.
    func preferred(_ endpoints: [RegistryEndpoint], _ domain: String) -> [RegistryEndpoint] {
        guard let known = answering[domain], endpoints.contains(known) else { return endpoints }
        return [known] + endpoints.filter { $0 != known }
    }

    /// Notes that a registry has answered here.
    func remember(_ endpoint: RegistryEndpoint, _ domain: String) {
        if !endpoint.isMirror { answering[domain] = endpoint }
    }

    // MARK: Manifests

    /// Fetches what a tag or digest names.
    /// - Throws: ``RegistryError`` in Docker's words.
    func manifest(_ reference: ImageReference, login: RegistryLogin?, first: RegistryEndpoint? = nil) async throws
        -> FetchedManifest
    {
        var failure: (any Error)?
        for endpoint in endpoints(for: reference, first: first) {
            do {
                let found = try await manifest(RegistryCall(reference, at: endpoint, login: login))
                remember(endpoint, reference.domain)
                return found
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

    private func manifest(_ call: RegistryCall) async throws -> FetchedManifest {
        let reference = call.reference
        let requested = reference.digest?.description ?? reference.withDefaultTag.tag ?? "latest"
        var request = HTTPClientRequest(url: "\(call.repositoryURL)/manifests/\(requested)")
        for type in MediaType.manifests { request.headers.add(name: "Accept", value: type) }
        let response = try await perform(request, call, deadline: Self.requestDeadline)
        guard response.status == .ok else {
            throw try await refusal(response, call, what: "manifest for \(reference.withDefaultTag.familiar)")
        }
        let body = try await collect(response, call.endpoint)
        let digest = Digest(of: body)
        if let asked = reference.digest, asked != digest {
            throw RegistryError(.damaged, "manifest for \(reference.familiar): content has digest \(digest)")
        }
        let type = response.headers.first(name: "Content-Type")?.split(separator: ";").first.map {
            $0.filter { $0 != " " }
        }
        return FetchedManifest(
            bytes: body, mediaType: type ?? MediaType.dockerManifest, digest: digest, endpoint: call.endpoint)
    }

    // MARK: Blobs

    /// Brings a blob, piece by piece, in order. A connection that breaks is taken up at the byte where it stopped.
    ///
    /// The caller checks the digest of the whole: what arrives is whatever the registry sent.
    func blob(_ digest: Digest, _ call: RegistryCall, _ receive: (ByteBuffer) async throws -> Void) async throws {
        var received: Int64 = 0
        var attempt = 0
        while true {
            var request = HTTPClientRequest(url: "\(call.repositoryURL)/blobs/\(digest)")
            if received > 0 { request.headers.add(name: "Range", value: "bytes=\(received)-") }
            let response = try await perform(request, call, deadline: Self.blobDeadline)
            guard response.status == .ok || (received > 0 && response.status == .partialContent) else {
                throw try await refusal(response, call, what: "blob \(digest)")
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
                    throw RegistryError(.unreachable, "Get \"\(call.endpoint.base)/v2/\": \(error)")
                }
                guard var piece = next else { return }
                if surplus > 0 {
                    let skipped = Int(clamping: min(surplus, Int64(clamping: piece.readableBytes)))
                    piece.moveReaderIndex(forwardBy: skipped)
                    surplus -= Int64(clamping: skipped)
                }
                guard piece.readableBytes > 0 else { continue }
                received += Int64(clamping: piece.readableBytes)
                try await receive(piece)
            }
        }
    }

    /// Tries `work` at each endpoint until one has given what is wanted, the one that gave the manifest first.
    func anywhere<Answer: Sendable>(
        _ reference: ImageReference, login: RegistryLogin?, first: RegistryEndpoint,
        _ work: (RegistryCall) async throws -> Answer
    ) async throws -> Answer {
        var failure: (any Error)?
        for endpoint in endpoints(for: reference, first: first) {
            do {
                return try await work(RegistryCall(reference, at: endpoint, login: login))
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                log.info(
                    "an endpoint did not give a blob", metadata: ["endpoint": "\(endpoint.base)", "error": "\(error)"])
                // The first one's reason is told: it is the one that has the image.
                if failure == nil { failure = error }
            }
        }
        throw failure ?? RegistryError(.notFound, "no registry is known for \(reference.familiar)")
    }
}

/// Which endpoint of each registry has answered.
final class EndpointMemory: Sendable {
    private let known = Mutex(BoundedTable<String, RegistryEndpoint>(most: 256))

    subscript(domain: String) -> RegistryEndpoint? {
        get { known.withLock { $0[domain] } }
        set { known.withLock { $0[domain] = newValue } }
    }
}

/// Authorizations that registries have accepted.
final class TokenCache: Sendable {
    struct Key: Hashable {
        var endpoint: RegistryEndpoint
        var scopes: [String]
        var login: RegistryLogin?
    }

    /// How many are kept.
    static let capacity = 256

    private let known = Mutex(BoundedTable<Key, String>(most: TokenCache.capacity))

    subscript(key: Key) -> String? {
        get { known.withLock { $0[key] } }
        set { known.withLock { $0[key] = newValue } }
    }
}
