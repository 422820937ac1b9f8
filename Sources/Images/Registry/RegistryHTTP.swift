import AsyncHTTPClient
import LinuxSystem
import NIOCore
import NIOSSL
import OCI
import Synchronization

/// The HTTP clients of all stores in the process: one for each way of trusting. They live as long as the process does and
/// are never shut down.
enum RegistryHTTP {
    static let connectTimeout = TimeAmount.seconds(10)
    /// A connection that brings nothing for so long has broken off.
    static let readTimeout = TimeAmount.seconds(60)
    /// A file with certificates larger than this is refused.
    private static let certificateLimit = 1 << 20

    /// Certificates of one registry, as they are in their files now.
    private struct Trust: Hashable {
        var followsRedirects = true
        var isVerified = true
        var roots: [[UInt8]] = []
        var chain: [UInt8]?
        var key: [UInt8]?
    }

    private static let clients = Mutex<[Trust: HTTPClient]>([:])

    /// The client for an endpoint. Files are read each time, so that a certificate that was put there counts at once.
    static func client(
        for endpoint: RegistryEndpoint, certificates directory: String, followingRedirects: Bool
    ) async throws -> HTTPClient {
        var trust = Trust()
        if endpoint.base.hasPrefix("https:") {
            trust = try await onThread { try read("\(directory)/\(endpoint.name)") }
            trust.isVerified = endpoint.isVerified
        }
        trust.followsRedirects = followingRedirects
        return try clients.withLock { clients in
            if let known = clients[trust] { return known }
            let made = try make(trust)
            clients[trust] = made
            return made
        }
    }

    private static func read(_ directory: String) throws -> Trust {
        var trust = Trust()
        for name in try Files.list(directory) {
            let bytes = { try Files.read("\(directory)/\(name)", limit: certificateLimit) ?? [] }
            if name.hasSuffix(".crt") { trust.roots.append(try bytes()) }
            guard name.hasSuffix(".cert"), trust.chain == nil else { continue }
            let keyName = String(name.dropLast(5)) + ".key"
            guard let key = try Files.read("\(directory)/\(keyName)", limit: certificateLimit) else {
                throw RegistryError(.refused, "missing key \(keyName) for client certificate \(name)")
            }
            trust.chain = try bytes()
            trust.key = key
        }
        return trust
    }

    private static func make(_ trust: Trust) throws -> HTTPClient {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = trust.isVerified ? .fullVerification : .none
        do {
            if !trust.roots.isEmpty {
                tls.additionalTrustRoots = [
                    .certificates(try trust.roots.flatMap { try NIOSSLCertificate.fromPEMBytes($0) })
                ]
            }
            if let chain = trust.chain, let key = trust.key {
                tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(chain).map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
            }
        } catch {
            throw RegistryError(.refused, "a registry's certificates cannot be read: \(error)")
        }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, timeout: .init(connect: connectTimeout, read: readTimeout))
        if !trust.followsRedirects { configuration.redirectConfiguration = .disallow }
        // A refused connection is told at once; whether to ask again is the caller's business.
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}
