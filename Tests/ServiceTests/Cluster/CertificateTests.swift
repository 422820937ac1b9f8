import Cluster
import Faults
import Foundation
import LinuxSystem
import SwiftASN1
import TestKit
import Testing
import X509

/// The swarm's authority, its certificates and tokens.
@Suite struct CertificateTests {
    private static let member = Member(nodeID: "node", clusterID: "cluster", role: .worker)

    private func request(_ key: NodeKey) throws -> CertificateSigningRequest {
        try CertificateSigningRequest(derEncoded: try key.signingRequest())
    }

    @Test func `a node's certificate says who it is and is valid under its root only`() async throws {
        let authority = try CertificateAuthority()
        let key = NodeKey()
        let certificate = try authority.issue(try request(key), for: Self.member, addresses: [[10, 0, 0, 1]])
        #expect(try Member(of: certificate) == Self.member)
        #expect(certificate.publicKey == key.key.publicKey)
        let names = try #require(try certificate.extensions.subjectAlternativeNames)
        #expect(names.contains(.dnsName("node")) && names.contains(.dnsName("swarm-worker")))
        #expect(await CertificateCheck.chain(of: [certificate], roots: [authority.root])?.first == certificate)
        let other = try CertificateAuthority()
        #expect(await CertificateCheck.chain(of: [certificate], roots: [other.root]) == nil)
        #expect(await CertificateCheck.chain(of: [try key.selfSigned()], roots: [authority.root]) == nil)
        let both = await CertificateCheck.chain(of: [certificate], roots: [other.root, authority.root])
        #expect(both?.count == 2)
    }

    @Test func `an expired certificate is nobody's`() async throws {
        let authority = try CertificateAuthority()
        let past = Date(timeIntervalSinceNow: -100 * 86_400)
        let expired = try authority.issue(try request(NodeKey()), for: Self.member, now: past)
        #expect(await CertificateCheck.chain(of: [expired], roots: [authority.root]) == nil)
    }

    @Test func `a request that another key has signed is refused`() throws {
        let authority = try CertificateAuthority()
        let good = try request(NodeKey())
        // The wanted key with the signature of another one.
        let forged = try CertificateSigningRequest(
            version: good.version, subject: good.subject, publicKey: NodeKey().key.publicKey,
            attributes: good.attributes,
            signatureAlgorithm: good.signatureAlgorithm, signature: good.signature)
        _ = try authority.issue(good, for: Self.member)
        #expect(throws: ClusterError.self) { try authority.issue(forged, for: Self.member) }
    }

    @Test func `an authority comes back from what is stored, and not with another's key`() throws {
        let authority = try CertificateAuthority()
        let again = try CertificateAuthority(rootPEM: try authority.rootPEM, keyPEM: try authority.keyPEM)
        #expect(again.root == authority.root)
        let other = try CertificateAuthority()
        #expect(throws: ClusterError.self) {
            try CertificateAuthority(rootPEM: try authority.rootPEM, keyPEM: try other.keyPEM)
        }
        #expect(try authority.rootPEM.hasSuffix("-----END CERTIFICATE-----\n"))
    }

    @Test func `credentials are kept for root alone and read back`() async throws {
        let authority = try CertificateAuthority()
        let key = NodeKey()
        let certificate = try authority.issue(try request(key), for: Self.member)
        let credentials = try NodeCredentials(key: key, certificate: certificate, roots: [authority.root])
        #expect(throws: ClusterError.self) {
            try NodeCredentials(key: NodeKey(), certificate: certificate, roots: [authority.root])
        }
        try await withTemporaryDirectory { directory in
            let files = CredentialFiles(directory: directory + "/certificates")
            #expect(try files.load() == nil)
            try files.save(credentials)
            let read = try #require(try files.load())
            #expect(read.certificate == certificate && read.member == Self.member && read.roots == [authority.root])
            #expect(try fileMode(files.nodePath) == 0o600 && fileMode(files.rootPath) == 0o600)
        }
        for position in [0.0, 0.3, 1.0] {
            let life = certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore)
            let at = credentials.renewalDate(at: position).timeIntervalSince(certificate.notValidBefore) / life
            #expect(at >= 0.499 && at <= 0.801)
        }
    }

    @Test func `a join token has Docker's form, the root's digest and a secret of its own`() throws {
        let pem = try CertificateAuthority().rootPEM
        let token = JoinToken(rootPEM: pem)
        #expect(token.description.count == 85 && token.description.hasPrefix("SWMTKN-1-"))
        #expect(try JoinToken(token.description) == token)
        #expect(JoinToken(rootPEM: pem).digest == token.digest && JoinToken(rootPEM: pem).secret != token.secret)
        #expect(JoinToken.digest(ofRootPEM: pem + "\n") != token.digest)
        // SHA-256 of nothing, e3b0c442…b855, in base 36 by another program.
        #expect(JoinToken.digest(ofRootPEM: "") == "5oaq0bjhj6un82wg98mgigso5q7qlhc63je4gw7ivixqqhkd3p")
        for text in [
            "", "SWMTKN", "SWMTKN-2-\(token.digest)-\(token.secret)", token.description + "x",
            "SWMTKN-1-\(token.digest)-\(token.secret.uppercased())",
        ]
        where text != token.description {
            #expect(throws: APIError(.invalidInput, "invalid join token")) { try told { try JoinToken(text) } }
        }
        #expect(JoinToken.equal("abc", "abc") && !JoinToken.equal("abc", "abd") && !JoinToken.equal("abc", "ab"))
    }
}
