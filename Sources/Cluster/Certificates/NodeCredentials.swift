package import Foundation
import LinuxSystem
import Model
package import X509

/// A node's key, its certificate, and the roots it trusts.
package struct NodeCredentials: Sendable {
    package let key: NodeKey
    package let certificate: Certificate
    package let roots: [Certificate]
    package let member: Member

    /// - Throws: ``ClusterError`` with `.badCertificate` when key and certificate do not belong together.
    package init(key: NodeKey, certificate: Certificate, roots: [Certificate]) throws {
        guard certificate.publicKey == key.key.publicKey else {
            throw ClusterError(.badCertificate, "the node's certificate and its key do not belong together")
        }
        guard !roots.isEmpty else { throw ClusterError(.badCertificate, "no root certificate to trust") }
        member = try Member(of: certificate)
        self.certificate = certificate
        self.key = key
        self.roots = roots
    }

    /// When to renew: at a random point in 50 to 80 % of the certificate's life, so that nodes do not come all at once.
    /// - Parameter position: 0 to 1, chosen once for each certificate.
    package func renewalDate(at position: Double) -> Date {
        let life = certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore)
        return certificate.notValidBefore.addingTimeInterval(life * (0.5 + 0.3 * position))
    }
}

/// Where a node keeps its credentials: `root.pem`, and `node.pem` with certificate and key in one file, since a renewal must not
/// be able to leave a pair that does not match. etcd takes the same file for both.
package struct CredentialFiles: Sendable {
    package let directory: String

    package init(directory: String) { self.directory = directory }

    /// The root certificate, PEM.
    package var rootPath: String { directory + "/root.pem" }
    /// Certificate and private key in one file, PEM.
    package var nodePath: String { directory + "/node.pem" }
    /// Serial numbers of certificates that count no more, a JSON array.
    var revokedPath: String { directory + "/revoked.json" }
    /// The same as etcd reads it at each handshake.
    package var revocationListPath: String { directory + "/revoked.crl" }

    /// What is stored; `nil` when the node has no certificate.
    package func load() throws -> NodeCredentials? {
        guard let node = try Files.text(nodePath), let root = try Files.text(rootPath) else { return nil }
        guard let certificate = try Certificate.bundle(pem: node).first else {
            throw ClusterError(.badMembership, "\(nodePath) holds no certificate")
        }
        guard
            let start = node.range(of: "-----BEGIN PRIVATE KEY-----")
                ?? node.range(of: "-----BEGIN EC PRIVATE KEY-----")
        else { throw ClusterError(.badMembership, "\(nodePath) holds no key") }
        return try NodeCredentials(
            key: NodeKey(pem: String(node[start.lowerBound...])), certificate: certificate,
            roots: Certificate.bundle(pem: root))
    }

    /// What a manager seals the store's values with.
    var sealingPath: String { directory + "/store-secrets.json" }

    /// The serial numbers of certificates that count no more.
    package func loadRevoked() throws -> Set<String> {
        guard let bytes = try Files.read(revokedPath) else { return [] }
        do { return try WireJSON.decode(record: RevokedSerials.self, from: bytes).serials } catch {
            throw ClusterError(.badMembership, "\(revokedPath) cannot be read: \(error)")
        }
    }

    /// Replaces the list of certificates that count no more: first what etcd reads.
    func save(revoked serials: Set<String>, by key: NodeKey) throws {
        try Files.writeAtomically(try RevocationList.der(serials, by: key), to: revocationListPath, mode: 0o600)
        try Files.writeAtomically(
            try WireJSON.encode(record: RevokedSerials(serials: serials)), to: revokedPath, mode: 0o600)
    }

    /// Sees to it that there is a list: without one etcd lets nobody in.
    func ensureRevocationList(by key: NodeKey) throws {
        if !Files.exists(revocationListPath) { try save(revoked: try loadRevoked(), by: key) }
    }

    /// Replaces what is stored: first the roots, which may be more than the new certificate needs, then certificate and key at once.
    package func save(_ credentials: NodeCredentials) throws {
        try Files.makeDirectories(directory, mode: 0o700)
        try Files.writeAtomically(try credentials.roots.map { try $0.canonicalPEM }.joined(), to: rootPath, mode: 0o600)
        try Files.writeAtomically(
            try credentials.certificate.canonicalPEM + credentials.key.pem, to: nodePath, mode: 0o600)
    }
}
