import AsyncHTTPClient
import Foundation
import LinuxSystem
import Logging
import NIOCore
import NIOHTTP1
import OCI

/// What became of a blob that a registry was to have.
enum PushedBlob: Sendable, Equatable {
    case wasThere
    /// Taken over from another repository of the same registry.
    case mounted(from: String)
    case uploaded
}

/// Writing (OCI Distribution 1.1, "Push").
extension RegistryClient {
    /// How often an upload that breaks off is begun again.
    static let uploadAttempts = 3

    /// Finds out at which of its endpoints a registry answers, and takes the login if there is one.
    /// - Throws: ``RegistryError`` `unauthorized` when it refuses the login, `unreachable` when it does not answer.
    @discardableResult
    func ping(_ domain: String, login: RegistryLogin?) async throws -> RegistryEndpoint {
        var failure: (any Error)?
        let probe = try ImageReference("\(domain)/apus-probe")
        for endpoint in preferred(configuration.endpoints(of: domain), domain) {
            do {
                let call = RegistryCall(probe, at: endpoint, login: login, actions: "")
                let url = "\(endpoint.base)/v2/"
                let response = try await perform(HTTPClientRequest(url: url), call, deadline: Self.requestDeadline)
                _ = try await collect(response, endpoint)
                if response.status == .unauthorized, login != nil {
                    throw RegistryError(
                        .unauthorized, "Get \"\(url)\": unauthorized: incorrect username or password")
                }
                remember(endpoint, domain)
                return endpoint
            } catch let error as RegistryError where error.code == .unreachable {
                failure = error
            }
        }
        throw failure ?? RegistryError(.unreachable, "no registry is known for \(domain)")
    }

    // MARK: Blobs

    /// Sees to it that the registry has a blob.
    /// - Parameters:
    ///   - path: The blob's file.
    ///   - sources: Other repositories of the registry that have the blob, most likely.
    ///   - progress: Told how many bytes have been sent.
    /// - Throws: ``RegistryError`` in the registry's words; ``ImagesError`` `damaged` when the file is not the blob.
    func push(
        _ blob: ContentDescriptor, file path: String, sources: [String], _ call: RegistryCall,
        progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> PushedBlob {
        if try await has(blob.digest, call) { return .wasThere }
        var attempt = 1
        while true {
            do {
                return try await upload(blob, path, sources, call, progress)
            } catch let error as RegistryError where error.code == .unreachable && attempt < Self.uploadAttempts {
                log.info(
                    "an upload broke off and is begun again",
                    metadata: ["blob": "\(blob.digest.short)", "error": "\(error)"])
                try await Task.sleep(for: .milliseconds(200 << attempt))
                attempt += 1
            }
        }
    }

    private func has(_ digest: Digest, _ call: RegistryCall) async throws -> Bool {
        var request = HTTPClientRequest(url: "\(call.repositoryURL)/blobs/\(digest)")
        request.method = .HEAD
        let response = try await perform(request, call, deadline: Self.requestDeadline)
        switch response.status {
        case .ok: return true
        case .notFound: return false
        default: throw try await pushRefusal(response, call)
        }
    }

    private func upload(
        _ blob: ContentDescriptor, _ path: String, _ sources: [String], _ call: RegistryCall,
        _ progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> PushedBlob {
        // A registry that does not take the blob over from the repository offered begins an upload instead.
        let offers = sources.isEmpty ? [nil] : sources.map(Optional.some)
        var session: URL?
        for (index, source) in offers.enumerated() {
            switch try await begin(blob.digest, from: source, call) {
            case .mounted: return .mounted(from: source ?? "")
            case .session(let url) where index + 1 < offers.count: await cancel(url, call)
            case .session(let url): session = url
            }
        }
        guard let session else { throw RegistryError(.damaged, "\(call.endpoint.base) began no upload") }
        let body = try await BlobBody(file: path, blob: blob, progress: progress)
        var patch = HTTPClientRequest(url: session.absoluteString)
        patch.method = .PATCH
        patch.headers.add(name: "Content-Type", value: "application/octet-stream")
        patch.body = .stream(body, length: .known(blob.size))
        let sent = try await perform(patch, call, deadline: Self.blobDeadline)
        guard sent.status == .accepted else { throw try await pushRefusal(sent, call) }
        let end = try location(sent, call).appending(
            queryItems: [URLQueryItem(name: "digest", value: blob.digest.description)])
        var put = HTTPClientRequest(url: end.absoluteString)
        put.method = .PUT
        put.headers.add(name: "Content-Length", value: "0")
        let done = try await perform(put, call, deadline: Self.blobDeadline)
        guard done.status == .created else { throw try await pushRefusal(done, call) }
        return .uploaded
    }

    private enum Beginning {
        case mounted
        case session(URL)
    }

    private func begin(_ digest: Digest, from source: String?, _ call: RegistryCall) async throws -> Beginning {
        var url = "\(call.repositoryURL)/blobs/uploads/"
        if let source { url += "?mount=\(digest)&from=\(source)" }
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Length", value: "0")
        let response = try await perform(request, call, deadline: Self.requestDeadline)
        switch response.status {
        case .created where source != nil: return .mounted
        case .accepted: return .session(try location(response, call))
        default: throw try await pushRefusal(response, call)
        }
    }

    private func cancel(_ session: URL, _ call: RegistryCall) async {
        var request = HTTPClientRequest(url: session.absoluteString)
        request.method = .DELETE
        // Registries throw away sessions that nobody goes on with.
        _ = try? await perform(request, call, deadline: Self.requestDeadline)
    }

    /// Where an upload goes on: absolute, or relative to the registry.
    private func location(_ response: HTTPClientResponse, _ call: RegistryCall) throws -> URL {
        guard let text = response.headers.first(name: "Location"), let base = URL(string: call.endpoint.base),
            let url = URL(string: text, relativeTo: base)?.absoluteURL, url.host() == base.host(),
            // What comes with it, a login among it, is not sent in clear because an answer says so.
            url.scheme?.lowercased() == base.scheme || url.scheme?.lowercased() == "https",
            RegistryConfiguration.isOnWeb(url.absoluteString)
        else {
            throw RegistryError(.damaged, "\(call.endpoint.base) did not say where to upload to")
        }
        return url
    }

    // MARK: Manifests

    func push(_ manifest: [UInt8], mediaType: String, tag: String, _ call: RegistryCall) async throws {
        var request = HTTPClientRequest(url: "\(call.repositoryURL)/manifests/\(tag)")
        request.method = .PUT
        request.headers.add(name: "Content-Type", value: mediaType)
        request.body = .bytes(ByteBuffer(bytes: manifest))
        let response = try await perform(request, call, deadline: Self.requestDeadline)
        guard response.status == .created else { throw try await pushRefusal(response, call) }
    }
}

/// A blob's file as the body of a request, piece by piece; its digest is checked on the way.
private struct BlobBody: AsyncSequence, Sendable {
    static let pieceBytes = 256 << 10

    let reader: BlobReader
    let progress: @Sendable (Int64) -> Void

    init(file: String, blob: ContentDescriptor, progress: @escaping @Sendable (Int64) -> Void) async throws {
        reader = try await onThread { try BlobReader(file, digest: blob.digest, size: blob.size) }
        self.progress = progress
    }

    func makeAsyncIterator() -> Iterator { Iterator(reader: reader, progress: progress) }

    struct Iterator: AsyncIteratorProtocol {
        let reader: BlobReader
        let progress: @Sendable (Int64) -> Void

        func next() async throws -> ByteBuffer? {
            let piece = try await onThread { [reader] in try reader.next(BlobBody.pieceBytes) }
            guard let piece else { return nil }
            progress(reader.position)
            return ByteBuffer(bytes: piece)
        }
    }
}
