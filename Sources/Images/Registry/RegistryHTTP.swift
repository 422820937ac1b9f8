import AsyncHTTPClient
import Concurrency
import Foundation
import LinuxSystem
import NIOCore
import NIOSSL
import OCI
import PeerNames
import Synchronization

/// The HTTP clients of all stores in the process: one for each way of trusting and each name that a certificate must be for.
enum RegistryHTTP {
    static let connectTimeout = TimeAmount.seconds(10)
    /// A connection that brings nothing for so long has broken off.
    static let readTimeout = TimeAmount.seconds(60)
    /// A file with certificates larger than this is refused.
    private static let certificateLimit = 1 << 20

    /// How many clients are kept. A registry may lead to ever other hosts.
    private static let mostClients = 256

    /// Certificates of one registry, as they are in their files now.
    private struct Trust: Hashable {
        /// `nil` for addresses, and where nothing is verified.
        var name: PeerName?
        var isVerified = true
        var roots: [[UInt8]] = []
        var chain: [UInt8]?
        var key: [UInt8]?
    }

    private static let clients = Mutex(BoundedTable<Trust, RegistryConnections>(most: mostClients))

    /// Asks an endpoint, or wherever that leads, each host by a client that knows its name. Certificates' files are read each time, so that one that
    /// was put there counts at once.
    /// - Parameter deadline: For the head of the last answer.
    static func execute(
        _ request: HTTPClientRequest, for endpoint: RegistryEndpoint, certificates directory: String,
        deadline: TimeAmount, followingRedirects: Bool
    ) async throws -> HTTPClientResponse {
        let deadline = NIODeadline.now() + deadline
        var trust = Trust()
        if endpoint.base.hasPrefix("https:") {
            trust = try await onThread { try read("\(directory)/\(endpoint.name)") }
            trust.isVerified = endpoint.isVerified
        }
        var request = request
        var redirects = RegistryRedirects(from: request.url)
        while true {
            let connections = try client(trust, to: request.url)
            var response = try await connections.http.execute(request, deadline: deadline)
            if followingRedirects, let next = try redirects.next(after: response, to: request) {
                request = next
                continue
            }
            response.body = .stream(RegistryBody(body: response.body, connections: connections))
            return response
        }
    }

    private static func client(_ trust: Trust, to url: String) throws -> RegistryConnections {
        guard let url = URL(string: url), let host = url.host(percentEncoded: false) else {
            throw HTTPClientError.invalidURL
        }
        var trust = trust
        trust.name = trust.isVerified && url.scheme?.lowercased() == "https" ? PeerName(host) : nil
        // Who is forgotten is let go of behind the lock.
        let (connections, _) = try clients.withLock {
            clients throws -> (RegistryConnections, [Trust: RegistryConnections]) in
            if let known = clients[trust] { return (known, [:]) }
            let before = clients.all
            let made = RegistryConnections(try make(trust))
            clients[trust] = made
            return (made, before)
        }
        return connections
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
        configuration.redirectConfiguration = .disallow
        if let name = trust.name {
            configuration.http1_1ConnectionDebugInitializer = { name.check($0) }
            configuration.http2ConnectionDebugInitializer = { name.check($0) }
        }
        // A refused connection is told at once; whether to ask again is the caller's business.
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}
