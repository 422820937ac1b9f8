import Crypto
import LinuxSystem
import Model
import SwiftASN1
package import X509

/// Who a node of a swarm is, as its certificate says: `O=<cluster id>, OU=<role>, CN=<node id>`.
package struct Member: Sendable, Hashable {
    /// What a certificate says its node is.
    package enum Role: String, Sendable, Hashable {
        case manager = "swarm-manager"
        case worker = "swarm-worker"
    }

    package let nodeID: String
    package let clusterID: String
    package let role: Role

    package init(nodeID: String, clusterID: String, role: Role) {
        self.clusterID = clusterID
        self.nodeID = nodeID
        self.role = role
    }

    /// Reads a certificate that has been verified before.
    /// - Throws: ``ClusterError`` with `.badCertificate` when one of the three parts is missing or unknown.
    package init(of certificate: Certificate) throws(ClusterError) {
        var parts: [ASN1ObjectIdentifier: String] = [:]
        for name in certificate.subject {
            for attribute in name {
                guard let text = String(attribute.value), parts.updateValue(text, forKey: attribute.type) == nil else {
                    throw ClusterError(.badCertificate, "the certificate's subject is ambiguous")
                }
            }
        }
        guard let node = parts[.NameAttributes.commonName], !node.isEmpty,
            let cluster = parts[.NameAttributes.organizationName],
            let role = parts[.NameAttributes.organizationalUnitName].flatMap(Role.init(rawValue:))
        else { throw ClusterError(.badCertificate, "the certificate is not one of a swarm's node") }
        self.init(nodeID: node, clusterID: cluster, role: role)
    }
}

extension Member {
    /// The id of the node that joins a swarm with a key: 128 bits of SHA-256 over the swarm's id and the key (SubjectPublicKeyInfo, RFC 5280). So
    /// whoever joins once more with the same key is the same node, whichever manager is asked, and nobody else can be it.
    static func nodeID(joiningWith key: Certificate.PublicKey, clusterID: String) throws -> String {
        var serializer = DER.Serializer()
        try serializer.serialize(key)
        let digest = SHA256.hash(data: Array("\(clusterID)\n".utf8) + serializer.serializedBytes)
        return RandomID.swarm(of: Array(digest.prefix(16)))
    }
}

extension Member.Role {
    var nodeRole: NodeRole {
        switch self {
        case .manager: .manager
        case .worker: .worker
        }
    }
}

extension Certificate {
    /// PEM in 64 columns with one final newline: what is stored, sent, and digested in join tokens.
    package var canonicalPEM: String {
        get throws { try serializeAsPEM().pemString + "\n" }
    }

    /// Every certificate of a bundle, in order.
    /// - Throws: ``ClusterError`` with `.badCertificate`.
    package static func bundle(pem: String) throws -> [Certificate] {
        do {
            return try PEMDocument.parseMultiple(pemString: pem)
                .filter { $0.discriminator == Certificate.defaultPEMDiscriminator }
                .map { try Certificate(pemDocument: $0) }
        } catch {
            throw ClusterError(.badCertificate, "cannot read certificates: \(error)")
        }
    }

    /// Whether the certificate's own key has signed it: a root's, or a joiner's.
    package var isSelfSigned: Bool { subject == issuer && publicKey.isValidSignature(signature, for: self) }

    package var derBytes: [UInt8] {
        get throws {
            var serializer = DER.Serializer()
            try serializer.serialize(self)
            return serializer.serializedBytes
        }
    }
}
