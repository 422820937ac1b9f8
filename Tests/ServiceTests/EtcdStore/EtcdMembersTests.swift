import Crypto
import EtcdStore
import Foundation
import LinuxSystem
import StateStore
import SwiftASN1
import Testing
import X509

/// Several managers' stores on loopback, with certificates as managers and workers have them.
@Suite(.serialized, .timeLimit(.minutes(4))) struct EtcdMembersTests {
    private static let key = StoreKey(.nodes, id: "a")

    @Test func `a second member joins as a learner, is promoted, shares the data, and is removed`() async throws {
        try await withEtcdDirectory { directory in
            let authority = try Authority()
            let one = try authority.configuration("one", in: directory, port: freePort())
            let first = try EtcdSupervisor(one, logger: quietLogger)
            try await running(first) {
                _ = try await first.store.commit(.init(puts: [.init(Self.key, [1])]))
                var two = try authority.configuration("two", in: directory, port: freePort())
                let (added, all) = try await first.members.add(peerURL: two.peerURL)
                #expect(added.isLearner)
                two.beginning = .existing(members: all.map { ($0.id == added.id ? "two" : $0.name, $0.peerURLs[0]) })
                let second = try EtcdSupervisor(two, logger: quietLogger)
                let ended = await #expect(throws: EtcdError.self) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await second.run() }
                        try await first.members.promote(added.id)
                        try await second.waitUntilReady()
                        #expect(try await second.store.get(Self.key)?.value == [1])
                        _ = try #require(try await second.store.commit(.init(puts: [.init(Self.key, [2])])).revision)
                        #expect(try await first.store.get(Self.key)?.value == [2])
                        #expect(try await first.members.list().map(\.isLearner) == [false, false])
                        try await first.members.remove(added.id)
                        try await first.members.remove(added.id)
                        // It ends by itself, and the supervisor does not start it again.
                        try await group.next()
                    }
                }
                #expect(ended?.code == .removed)
                try await second.stop()
                #expect(try await first.members.list().map(\.name) == ["one"])
                _ = try #require(try await first.store.commit(.init(puts: [.init(Self.key, [3])])).revision)
            }
            try await first.stop()
        }
    }

    @Test func `a lone member moves from its Unix socket to an address, with its data`() async throws {
        try await withEtcdDirectory { directory in
            let alone = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
            var configuration = try Authority().configuration("node", in: directory, port: freePort())
            configuration.dataDirectory = alone.configuration.dataDirectory
            configuration.runDirectory = alone.configuration.runDirectory
            let open = try EtcdSupervisor(configuration, logger: quietLogger)
            try await running(alone) {
                _ = try await alone.store.commit(.init(puts: [.init(Self.key, [1])]))
                let member = try #require(try await alone.members.list().first)
                try await alone.members.update(member.id, peerURL: open.configuration.peerURL)
            }
            // The one that runs has other settings than wanted now, so it is started again.
            try await running(open) { () async throws in
                #expect(open.starts == 1)
                #expect(try await open.store.get(Self.key)?.value == [1])
                #expect(try await open.members.list().map(\.peerURLs) == [[open.configuration.peerURL]])
            }
        }
    }
}

/// A throw-away certificate authority.
private struct Authority {
    private let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    private let root: Certificate
    private let name: DistinguishedName

    init() throws {
        name = try DistinguishedName { CommonName("test") }
        root = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey, notValidBefore: Date() - 3600,
            notValidAfter: Date() + 3600,
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            }, issuerPrivateKey: key)
    }

    /// A manager's member on loopback, its files written.
    func configuration(_ member: String, in directory: String, port: Int) throws -> EtcdConfiguration {
        let directory = "\(directory)/\(member)"
        let leaf = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: leaf.publicKey, notValidBefore: Date() - 3600,
            notValidAfter: Date() + 3600,
            issuer: name, subject: DistinguishedName { CommonName(member) }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames([
                    .dnsName("swarm-manager"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
                ])
            }, issuerPrivateKey: key)
        let files = EtcdConfiguration.TLSFiles(
            authority: "\(directory)/ca.pem", certificate: "\(directory)/cert.pem", key: "\(directory)/key.pem")
        try Files.makeDirectories(directory)
        try Files.writeAtomically(root.serializeAsPEM().pemString + "\n", to: files.authority)
        try Files.writeAtomically(certificate.serializeAsPEM().pemString + "\n", to: files.certificate)
        try Files.writeAtomically(leaf.serializeAsPEM().pemString + "\n", to: files.key)
        let url = "https://127.0.0.1:\(port)"
        return EtcdConfiguration(
            name: member, dataDirectory: "\(directory)/data", runDirectory: "\(directory)/run",
            logFile: "\(directory)/log",
            clusterToken: "cluster", peers: .tls(listen: url, advertise: url, files), withoutFsync: true)
    }
}
