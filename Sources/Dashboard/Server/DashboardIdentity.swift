import Crypto
import Foundation
import NIOSSL

/// The certificate that the dashboard shows.
package struct DashboardIdentity: Sendable, Equatable {
    /// PEM, the server's own first.
    package let chain: String
    /// PEM.
    package let key: String

    package init(chain: String, key: String) {
        self.chain = chain
        self.key = key
    }

    /// SHA-256 of the first certificate as browsers show it: pairs of hexadecimal digits with colons.
    package func fingerprint() throws -> String {
        guard let first = try NIOSSLCertificate.fromPEMBytes(Array(chain.utf8)).first else { return "" }
        return SHA256.hash(data: try first.toDERBytes()).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined(separator: ":")
    }

    func configuration() throws -> TLSConfiguration {
        let certificates = try NIOSSLCertificate.fromPEMBytes(Array(chain.utf8))
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        return configuration
    }
}
