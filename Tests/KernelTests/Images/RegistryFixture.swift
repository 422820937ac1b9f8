import Crypto
import Foundation
import Glibc
import LinuxSystem
import SwiftASN1
import TestKit
import Testing
import X509

/// Debian's docker-registry on a port of its own, in a directory of its own.
struct RegistryFixture {
    /// `HOST:PORT`
    let address: String
    let directory: String

    /// Runs `body` while the registry serves.
    /// - Parameters:
    ///   - host: `0.0.0.0` is this machine, too, and no loopback address: certificates count there.
    ///   - password: Of the user `user`; everybody may come in without one.
    static func with(
        host: String = "127.0.0.1", password: Bool = false, certificate: (chain: String, key: String)? = nil,
        _ body: (RegistryFixture) async throws -> Void
    ) async throws {
        let program = try #require(Processes.find("docker-registry"), "docker-registry is not installed")
        try await withTemporaryDirectory { directory in
            let address = "\(host):\(try freePort())"
            var http: [String: Any] = ["addr": address]
            if let certificate {
                try Files.writeAtomically(certificate.chain, to: directory + "/chain.pem")
                try Files.writeAtomically(certificate.key, to: directory + "/key.pem")
                http["tls"] = ["certificate": directory + "/chain.pem", "key": directory + "/key.pem"]
            }
            var configuration: [String: Any] = [
                "version": "0.1", "http": http,
                "log": ["level": "error", "accesslog": ["disabled": true]] as [String: Any],
                "storage": ["filesystem": ["rootdirectory": directory + "/data"]],
            ]
            if password {
                // bcrypt of `secret`, with the smallest cost.
                let hash = "$2b$04$dgTdxjf72.fcMmNcN5qr0.IFtsNgrMEsNmkAzbqEXjcjzwVrawx5e"
                try Files.writeAtomically("user:\(hash)\n", to: directory + "/users")
                configuration["auth"] = ["htpasswd": ["realm": "test", "path": directory + "/users"]]
            }
            // YAML takes JSON as it is.
            let text = try JSONSerialization.data(withJSONObject: configuration, options: [.withoutEscapingSlashes])
            try Files.writeAtomically(Array(text), to: directory + "/config.yml")
            let log = try Descriptor.open(directory + "/log", O_WRONLY | O_CREAT)
            let child = try Processes.spawn(
                SpawnRequest(
                    executable: program, arguments: ["serve", directory + "/config.yml"],
                    environment: ["OTEL_SDK_DISABLED=true"],
                    descriptors: [(from: log.raw, to: 1), (from: log.raw, to: 2)]))
            try await cleaningUp {
                try await eventually(within: .seconds(20), "the registry's answer") { try connects(to: address) }
                try await body(RegistryFixture(address: address, directory: directory))
            } by: {
                kill(child.pid, SIGKILL)
                _ = try await child.wait()
            }
        }
    }

    /// Where the registry keeps a blob.
    func blob(_ hex: String) -> String {
        "\(directory)/data/docker/registry/v2/blobs/sha256/\(hex.prefix(2))/\(hex)/data"
    }

    private static func socketAddress(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }

    private static func withSocket<T>(_ body: (CInt) throws -> T) throws -> T {
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try check(made, "make a socket")
        defer { close(made) }
        return try body(made)
    }

    /// None of those that the kernel gives to connections: one of those might be another test's by the time that it is listened at.
    private static func freePort() throws -> UInt16 {
        for _ in 0..<100 {
            let port = UInt16.random(in: 10_000..<30_000)
            let isFree = try withSocket { made -> Bool in
                var address = socketAddress(port)
                return withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(made, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                    }
                }
            }
            if isFree { return port }
        }
        throw NotReached(description: "no port is free")
    }

    private static func connects(to address: String) throws -> Bool {
        let port = try #require(address.split(separator: ":").last.flatMap { UInt16($0) })
        return try withSocket { made in
            var address = socketAddress(port)
            return withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(made, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }
    }

    /// A certificate that signs itself, for the address 0.0.0.0.
    static func certificate() throws -> (chain: String, key: String) {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let name = try DistinguishedName { CommonName("registry") }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: -3600), notValidAfter: Date(timeIntervalSinceNow: 86_400),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                SubjectAlternativeNames(
                    [[0, 0, 0, 0], [127, 0, 0, 1]].map { .ipAddress(ASN1OctetString(contentBytes: $0)) })
            },
            issuerPrivateKey: key)
        return (
            try certificate.serializeAsPEM().pemString + "\n", try key.serializeAsPEM().pemString + "\n"
        )
    }
}
