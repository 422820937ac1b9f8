package import EngineInterface
import Glibc
import NIOSSL

/// How a receiver is made sure of, and what it is shown.
package struct StreamTLS: Sendable, Hashable {
    /// PEM; `nil` for the system's certificates.
    package var authorities: String?
    /// Path of a PEM file; `nil` where the receiver asks for none.
    package var certificate: String?
    /// Path of a PEM file, of the private key that belongs to the certificate; `nil` where the certificate's file has it, too.
    package var key: String?
    /// Whoever answers is taken for the receiver.
    package var trustsAnybody: Bool

    package init(
        authorities: String? = nil, certificate: String? = nil, key: String? = nil, trustsAnybody: Bool = false
    ) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
        self.trustsAnybody = trustsAnybody
    }

    /// Reads the files; blocks.
    func context() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let authorities { configuration.trustRoots = .file(authorities) }
        if let certificate {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
        }
        if let key = key ?? certificate {
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        if trustsAnybody { configuration.certificateVerification = .none }
        return try NIOSSLContext(configuration: configuration)
    }

    /// Whether the files can be read, for who creates a container. Blocks.
    package func check() throws(LogOptionError) {
        for path in [authorities, certificate, key].compactMap({ $0 }) {
            var status = stat()
            guard stat(path, &status) == 0 else {
                throw .unusable(path: path, reason: String(cString: strerror(errno)))
            }
        }
        do { _ = try context() } catch {
            throw .unusable(
                path: [authorities, certificate, key].compactMap { $0 }.joined(separator: ", "), reason: "\(error)")
        }
    }
}
