import Addressing
import Crypto
package import Foundation
import SwiftASN1
package import X509

/// The swarm's certificate authority: an ECDSA P-256 root of 20 years that signs the nodes' certificates of 90 days.
package struct CertificateAuthority: Sendable {
    /// Seconds that certificates are valid before they are made, for nodes whose clocks differ.
    static let backdating: TimeInterval = 3600
    static let rootLifetime: TimeInterval = 20 * 365 * 86_400
    /// Seconds; Docker's default.
    package static let nodeLifetime: TimeInterval = 90 * 86_400

    package let root: Certificate
    private let key: Certificate.PrivateKey

    /// Makes a new authority.
    package init(now: Date = Date()) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let name = try DistinguishedName { CommonName("swarm-ca") }
        root = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: now.addingTimeInterval(-Self.backdating),
            notValidAfter: now.addingTimeInterval(Self.rootLifetime),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            },
            issuerPrivateKey: key)
        self.key = key
    }

    /// Takes up an authority that was stored.
    /// - Throws: ``ClusterError`` with `.badCertificate` when the key is not the root's.
    package init(rootPEM: String, keyPEM: String) throws {
        guard let root = try Certificate.bundle(pem: rootPEM).first else {
            throw ClusterError(.badCertificate, "the swarm's root certificate is missing")
        }
        key = try Certificate.PrivateKey(pemEncoded: keyPEM)
        guard key.publicKey == root.publicKey else {
            throw ClusterError(.badCertificate, "the swarm's root certificate and its key do not belong together")
        }
        self.root = root
    }

    /// Each once, in network byte order.
    static func octets(of addresses: [IPAddress]) -> [[UInt8]] { Set(addresses).sorted().map(\.octets) }

    /// The certificate in the one form whose digest is in join tokens.
    package var rootPEM: String { get throws { try root.canonicalPEM } }
    /// The private key, PKCS #8 in PEM. Whoever has it makes certificates that all nodes accept.
    package var keyPEM: String { get throws { try key.serializeAsPEM().pemString + "\n" } }

    /// Signs a node's certificate for the key of a signing request; nothing else is taken from the request.
    ///
    /// - Parameters:
    ///   - addresses: The node's IPv4 or IPv6 addresses in network byte order, which etcd's peers of managers compare.
    /// - Throws: ``ClusterError`` with `.badCertificate` when the request is not signed by its own key.
    package func issue(
        _ request: CertificateSigningRequest, for member: Member, addresses: [[UInt8]] = [],
        lifetime: TimeInterval = nodeLifetime, now: Date = Date()
    ) throws -> Certificate {
        guard request.publicKey.isValidSignature(request.signature, for: request) else {
            throw ClusterError(.badCertificate, "the signing request is not signed by its own key")
        }
        let names =
            [GeneralName.dnsName(member.nodeID), .dnsName(member.role.rawValue)]
            + addresses.map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) }
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: request.publicKey,
            notValidBefore: now.addingTimeInterval(-Self.backdating), notValidAfter: now.addingTimeInterval(lifetime),
            issuer: root.subject,
            subject: DistinguishedName {
                OrganizationName(member.clusterID)
                OrganizationalUnitName(member.role.rawValue)
                CommonName(member.nodeID)
            },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames(names)
                AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: root.publicKey).keyIdentifier)
            },
            issuerPrivateKey: key)
    }
}

/// A node's key and what it makes of it.
package struct NodeKey: Sendable {
    package let key: Certificate.PrivateKey

    package init() { key = Certificate.PrivateKey(P256.Signing.PrivateKey()) }
    /// - Throws: X509's error for a text that is no private key.
    package init(pem: String) throws { key = try Certificate.PrivateKey(pemEncoded: pem) }

    /// The private key, PKCS #8 in PEM.
    package var pem: String { get throws { try key.serializeAsPEM().pemString + "\n" } }

    /// A PKCS #10 request in DER.
    package func signingRequest() throws -> [UInt8] {
        let request = try CertificateSigningRequest(
            version: .v1, subject: DistinguishedName { CommonName("node") }, privateKey: key,
            attributes: CertificateSigningRequest.Attributes(), signatureAlgorithm: .ecdsaWithSHA256)
        var serializer = DER.Serializer()
        try serializer.serialize(request)
        return serializer.serializedBytes
    }

    /// What a joiner shows before it has a certificate of the swarm: it proves that the joiner has the key.
    package func selfSigned(now: Date = Date()) throws -> Certificate {
        let name = try DistinguishedName { CommonName("joiner") }
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: now.addingTimeInterval(-CertificateAuthority.backdating),
            notValidAfter: now.addingTimeInterval(86_400), issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: Certificate.Extensions(), issuerPrivateKey: key)
    }
}

/// Whom to trust: the roots of the moment.
package enum CertificateCheck {
    /// The chain from a leaf to one of the roots, or `nil` when there is none or a certificate is not valid now.
    package static func chain(of certificates: [Certificate], roots: [Certificate]) async -> [Certificate]? {
        guard let leaf = certificates.first else { return nil }
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) { RFC5280Policy() }
        let result = await verifier.validate(
            leaf: leaf, intermediates: CertificateStore(certificates.dropFirst()))
        guard case .validCertificate(let chain) = result else { return nil }
        return Array(chain)
    }
}
