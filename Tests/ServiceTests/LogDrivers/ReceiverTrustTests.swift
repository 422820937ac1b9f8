import LinuxSystem
import NIOSSL
import SwiftASN1
import TestKit
import Testing
import X509

@testable import LogDrivers

/// Receivers over TLS: lines go to one whose certificate a trusted authority has signed for its name, and to no other.
@Suite(.timeLimit(.minutes(2)), .serialized) struct ReceiverTrustTests {
    /// A driver over TLS, and how its options are called.
    struct Driver: Sendable, CustomTestStringConvertible {
        var name: String
        /// With RECEIVER for host and port; nothing is compressed where that can be asked for.
        var options: [String: String]
        var authority: String
        var skip: String
        /// Where it can show a certificate.
        var client: (certificate: String, key: String)?
        /// Where it can be told which name is in the receiver's certificate.
        var serverName: String?
        /// What the receiver answers a request of HTTP.
        var answer: String?

        /// By name and by address, where no other driver has the same way to it.
        var hosts: [String] { ["syslog", "otlp", "loki"].contains(name) ? ["localhost", "127.0.0.1"] : ["localhost"] }

        var testDescription: String { name }
    }

    private static let accepted = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    private static let bulkAnswer = #"{"errors":false,"items":[]}"#

    private static let drivers: [Driver] = [
        Driver(
            name: "syslog", options: ["syslog-address": "tcp+tls://RECEIVER", "syslog-format": "rfc5424"],
            authority: "syslog-tls-ca-cert", skip: "syslog-tls-skip-verify",
            client: (certificate: "syslog-tls-cert", key: "syslog-tls-key")),
        Driver(
            name: "fluentd", options: ["fluentd-address": "tls://RECEIVER", "fluentd-request-ack": "false"],
            authority: "fluentd-tls-ca-cert", skip: "fluentd-tls-skip-verify",
            client: (certificate: "fluentd-tls-cert", key: "fluentd-tls-key")),
        Driver(
            name: "otlp", options: ["otlp-endpoint": "https://RECEIVER", "otlp-compression": "none"],
            authority: "otlp-tls-ca-cert", skip: "otlp-tls-skip-verify",
            client: (certificate: "otlp-tls-cert", key: "otlp-tls-key"),
            answer: accepted),
        Driver(
            name: "elasticsearch", options: ["elasticsearch-url": "https://RECEIVER", "elasticsearch-gzip": "false"],
            authority: "elasticsearch-tls-ca-cert", skip: "elasticsearch-tls-skip-verify",
            client: (certificate: "elasticsearch-tls-cert", key: "elasticsearch-tls-key"),
            answer: "HTTP/1.1 200 OK\r\nContent-Length: \(bulkAnswer.utf8.count)\r\n\r\n\(bulkAnswer)"),
        Driver(
            name: "splunk", options: ["splunk-url": "https://RECEIVER", "splunk-token": "token"],
            authority: "splunk-capath", skip: "splunk-insecureskipverify", serverName: "splunk-caname",
            answer: accepted),
        Driver(
            name: "loki", options: ["loki-url": "https://RECEIVER", "loki-batch-wait": "50ms"],
            authority: "loki-tls-ca-file", skip: "loki-tls-insecure-skip-verify",
            client: (certificate: "loki-tls-cert-file", key: "loki-tls-key-file"), serverName: "loki-tls-server-name",
            answer: accepted),
    ]

    private static let showing = drivers.filter { $0.client != nil }

    /// This machine by its name and its address, and somebody else.
    private static let here: [GeneralName] = [
        .dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
    ]
    private static let elsewhere: [GeneralName] = [.dnsName("elsewhere.test")]

    @Test(arguments: drivers) func `a receiver that the right authority has signed for gets the lines`(driver: Driver)
        async throws
    {
        let authority = try TestAuthority()
        let shown = try authority.issue(Self.here)
        let files = [driver.authority: try authority.pem]
        for host in driver.hosts {
            try await Self.with(driver, host, shown, files) { try await $0.arrives() }
        }
    }

    @Test(arguments: drivers) func `what another authority has signed gets nothing, and says why`(driver: Driver)
        async throws
    {
        let (authority, other) = (try TestAuthority(), try TestAuthority())
        let shown = try authority.issue(Self.here)
        let files = [driver.authority: try other.pem]
        try await Self.with(driver, "localhost", shown, files) { try await $0.isRefused() }
        // The system's own authorities, where none is named.
        try await Self.with(driver, "localhost", shown, [:]) { try await $0.isRefused() }
        try await Self.with(driver, "localhost", shown, files, more: [driver.skip: "true"]) {
            try await $0.arrives()
        }
    }

    @Test(arguments: drivers) func `a certificate for another name is refused, unless it was asked for`(driver: Driver)
        async throws
    {
        let authority = try TestAuthority()
        // Of its own name and address: neither is what was asked for.
        let (shown, own) = (try authority.issue(Self.elsewhere), try authority.issue(Self.here))
        let files = [driver.authority: try authority.pem]
        for host in driver.hosts {
            try await Self.with(driver, host, shown, files) { try await $0.isRefused() }
            guard let option = driver.serverName else { continue }
            try await Self.with(driver, host, shown, files, more: [option: "elsewhere.test"]) {
                try await $0.arrives()
            }
            try await Self.with(driver, host, own, files, more: [option: "elsewhere.test"]) {
                try await $0.isRefused()
            }
        }
    }

    @Test(arguments: drivers)
    func `a certificate for the address that was connected to does not do where a name was asked for`(driver: Driver)
        async throws
    {
        let authority = try TestAuthority()
        let shown = try authority.issue([.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))])
        let files = [driver.authority: try authority.pem]
        for host in driver.hosts {
            try await Self.with(driver, host, shown, files) { bench in
                if host == "localhost" { try await bench.isRefused() } else { try await bench.arrives() }
            }
        }
        try await Self.with(driver, "localhost", shown, files, more: [driver.skip: "true"]) {
            try await $0.arrives()
        }
    }

    @Test(arguments: showing)
    func `a certificate is shown where the receiver asks for one, and is the one that was given`(driver: Driver)
        async throws
    {
        let (authority, other) = (try TestAuthority(), try TestAuthority())
        let names = try #require(driver.client)
        let (server, own) = (try authority.issue(Self.here), try other.issue(Self.elsewhere))
        let asked = try other.pem
        var files = [driver.authority: try authority.pem]
        try await Self.with(driver, "localhost", server, files, asking: asked) { bench in
            // It is refused once it has connected: that it has tried again shows that it was.
            try await eventually(within: .seconds(30), "another attempt") { bench.receiver.connections >= 2 }
            #expect(bench.receiver.received.allSatisfy(\.isEmpty) && bench.receiver.clients.isEmpty)
            #expect(bench.shipping.keeper.position("a") == nil)
        }
        files[names.certificate] = own.certificate
        files[names.key] = own.key
        let expected = try NIOSSLCertificate(bytes: Array(own.certificate.utf8), format: .pem)
        try await Self.with(driver, "localhost", server, files, asking: asked) { bench in
            try await bench.arrives()
            #expect(bench.receiver.clients == [expected])
        }
        // Both in one file.
        files[names.key] = nil
        files[names.certificate] = own.certificate + own.key
        try await Self.with(driver, "localhost", server, files, asking: asked) { try await $0.arrives() }
    }

    // MARK: A driver and its receiver

    private struct Bench {
        let receiver: LogReceiver
        let shipping: ShippingBench
        let id: String
        /// The receiver is sent text as it is.
        let isPlain: Bool

        func arrives() async throws {
            try await eventually(within: .seconds(30), "the lines are taken") {
                await shipping.shipper.destinations().first?.totals.lines == 5
            }
            let text = receiver.received.map { String(decoding: $0, as: UTF8.self) }.joined()
            #expect(!text.isEmpty)
            if isPlain { #expect((0..<5).allSatisfy { text.contains("line #\($0)") }) }
        }

        func isRefused() async throws {
            try await eventually(within: .seconds(30), "the receiver is down for its certificate") {
                await shipping.shipper.status(of: id)?.error.contains("the receiver's certificate is") == true
            }
            #expect(receiver.received.allSatisfy { $0.isEmpty })
            #expect(shipping.keeper.position("a") == nil)
        }
    }

    /// - Parameters:
    ///   - shown: The receiver's certificate and key.
    ///   - files: Options whose values are paths, and what those files have.
    ///   - asking: The authority of the certificates that the receiver asks for; `nil` for one that asks for none.
    private static func with(
        _ driver: Driver, _ host: String, _ shown: (certificate: String, key: String), _ files: [String: String],
        more: [String: String] = [:], asking: String? = nil, _ body: (Bench) async throws -> Void
    ) async throws {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: [
                .certificate(try NIOSSLCertificate(bytes: Array(shown.certificate.utf8), format: .pem))
            ],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(shown.key.utf8), format: .pem)))
        if let asking {
            tls.certificateVerification = .noHostnameVerification
            tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: Array(asking.utf8), format: .pem)])
        }
        let answer = driver.answer
        let receiver = LogReceiver(tls: try NIOSSLContext(configuration: tls)) { said in
            answer.map { Self.answered(&said, $0) } ?? []
        }
        let port = try await receiver.listen()
        try await withShipper { shipping in
            var options = driver.options.mapValues { $0.replacing("RECEIVER", with: "\(host):\(port)") }
            for (name, content) in files {
                let path = "\(shipping.directory.path)/\(name).pem"
                try Files.writeAtomically(content, to: path)
                options[name] = path
            }
            options.merge(more) { $1 }
            let log = try shipping.container("a", driver.name, options)
            try shipping.write(log, 0..<5)
            shipping.shipper.begin(log, isRunning: true)
            try await body(
                Bench(receiver: receiver, shipping: shipping, id: log.origin.id, isPlain: driver.name != "loki"))
        }
        try await receiver.stop()
    }

    /// The answer to a request that has come as a whole.
    private static func answered(_ said: inout [UInt8], _ answer: String) -> [UInt8] {
        let mark = Array("\r\n\r\n".utf8)
        guard let end = said.indices.first(where: { said.dropFirst($0).starts(with: mark) }) else { return [] }
        let head = String(decoding: said.prefix(end), as: UTF8.self)
        let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) }
        guard let length, said.count >= end + mark.count + length else { return [] }
        said = []
        return Array(answer.utf8)
    }
}
