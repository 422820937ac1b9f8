import Crypto
import Foundation
import LinuxSystem
import NIOSSL
import SwiftASN1
import X509

/// An authority that signs for whoever asks.
struct TestAuthority {
    private let key: Certificate.PrivateKey
    private let root: Certificate

    /// This machine's own name, and its address.
    static let localhost: [GeneralName] = [.dnsName("localhost")]
    static let loopback: [GeneralName] = [.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))]

    init() throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        self.key = key
        let name = try DistinguishedName { CommonName("authority \(RandomID.hex(bytes: 4))") }
        root = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: -3600), notValidAfter: Date(timeIntervalSinceNow: 86_400),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            },
            issuerPrivateKey: key)
    }

    var pem: String { get throws { try root.serializeAsPEM().pemString + "\n" } }

    /// - Parameter subject: The certificate's common name, which is none of a host's.
    func issue(_ names: [GeneralName], subject: String = "somebody") throws -> (certificate: String, key: String) {
        let own = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: own.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: -3600), notValidAfter: Date(timeIntervalSinceNow: 86_400),
            issuer: root.subject, subject: DistinguishedName { CommonName(subject) },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                if !names.isEmpty { SubjectAlternativeNames(names) }
            },
            issuerPrivateKey: key)
        return (
            try certificate.serializeAsPEM().pemString + "\n", try own.serializeAsPEM().pemString + "\n"
        )
    }

    /// What a server needs to show a certificate that is issued for it.
    func server(_ names: [GeneralName], subject: String = "somebody") throws -> NIOSSLContext {
        let shown = try issue(names, subject: subject)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [
                    .certificate(try NIOSSLCertificate(bytes: Array(shown.certificate.utf8), format: .pem))
                ],
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(shown.key.utf8), format: .pem))))
    }
}
