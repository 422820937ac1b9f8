import EngineInterface
import LinuxSystem
import NIOSSL

/// Whom a receiver over TLS must be, and who we are to it.
struct HTTPTrust: Sendable, Hashable {
    /// Paths of PEM files.
    var authority: String?
    var certificate: String?
    /// Of the certificate's key; `nil` where the certificate's file has it, too.
    var key: String?
    /// The name in the receiver's certificate where it is not the URL's host.
    var serverName: String?
    var isUnverified = false

    private static let longestFile = 1 << 20

    /// Reads the files, and blocks for it.
    /// - Throws: ``LogOptionError`` `unusable`.
    func configuration() throws(LogOptionError) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.certificateVerification = isUnverified ? .none : .fullVerification
        if let authority {
            tls.trustRoots = .certificates(try Self.read(authority, NIOSSLCertificate.fromPEMBytes))
        }
        if let certificate {
            tls.certificateChain = try Self.read(certificate, NIOSSLCertificate.fromPEMBytes).map { .certificate($0) }
            tls.privateKey = .privateKey(
                try Self.read(key ?? certificate) { try NIOSSLPrivateKey(bytes: $0, format: .pem) })
        }
        return tls
    }

    private static func read<Value>(_ path: String, _ make: ([UInt8]) throws -> Value) throws(LogOptionError) -> Value {
        let bytes: [UInt8]?
        do { bytes = try Files.read(path, limit: longestFile) } catch {
            throw .unusable(path: path, reason: "\(error)")
        }
        guard let bytes else { throw .unusable(path: path, reason: "no such file or directory") }
        do { return try make(bytes) } catch { throw .unusable(path: path, reason: "\(error)") }
    }

    /// What a connection depends on, for ``LogDriver/destination``.
    var text: String {
        "\(authority ?? "")|\(certificate ?? "")|\(key ?? "")|\(serverName ?? "")|\(isUnverified)"
    }
}
