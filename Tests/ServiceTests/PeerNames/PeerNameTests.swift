import NIOSSL
import Testing
import X509

@testable import PeerNames

/// Which certificates are for a name.
@Suite struct PeerNameTests {
    @Test func `a name in a certificate is for a host, or with a star for those one label below`() throws {
        for (pattern, name) in [
            ("logs.test", "logs.test"), ("Logs.TEST.", "logs.test"), ("logs.test", "LOGS.test."),
            ("*.logs.test", "a.logs.test"),
        ] {
            #expect(try Self.covers(pattern, name), "\(pattern) for \(name)")
        }
        for (pattern, name) in [
            ("logs.test", "a.logs.test"), ("*.logs.test", "logs.test"), ("*.logs.test", "a.b.logs.test"),
            ("*.logs.test", ".logs.test"), ("*", "logs"), ("a.*.test", "a.logs.test"), ("", "logs.test"),
            ("*.", "logs"),
            // A star is a whole label, or none.
            ("a*.logs.test", "ab.logs.test"), ("*a.logs.test", "ba.logs.test"), ("**.logs.test", "a.logs.test"),
            ("*.*.test", "a.logs.test"),
            // The sign of Kelvin is no letter of the DNS.
            ("\u{212A}.test", "k.test"), ("*.\u{212A}.test", "a.k.test"), ("logs.test\0", "logs.test"),
        ] {
            #expect(try !Self.covers(pattern, name), "\(pattern) for \(name)")
        }
    }

    private static func covers(_ pattern: String, _ name: String) throws -> Bool {
        try #require(PeerName(name)).isCovered(by: pattern.utf8)
    }

    @Test func `an address is no name, with brackets or without`() {
        for address in ["127.0.0.1", "::1", "[::1]", "[fd00::7]"] { #expect(PeerName(address) == nil, "\(address)") }
        // A resolver may take it for an address, a certificate does not say it so.
        #expect(PeerName("127.1") != nil)
    }

    @Test func `names of other kinds, and the subject's, are none of a host`() throws {
        let (authority, name) = (try TestAuthority(), try #require(PeerName("localhost")))
        func shown(_ names: [GeneralName], subject: String = "somebody") throws -> NIOSSLCertificate {
            let made = try authority.issue(names, subject: subject)
            return try NIOSSLCertificate(bytes: Array(made.certificate.utf8), format: .pem)
        }
        try name.check(try shown(TestAuthority.loopback + TestAuthority.localhost))
        for other: NIOSSLCertificate in [
            try shown(TestAuthority.loopback), try shown([.dnsName("elsewhere.test")]),
            try shown([.rfc822Name("localhost"), .uniformResourceIdentifier("localhost")]),
            try shown([], subject: "localhost"),
        ] {
            #expect(throws: PeerNameError.otherName(asked: "localhost")) { try name.check(other) }
        }
        #expect(throws: PeerNameError.noCertificate) { try name.check(nil as NIOSSLCertificate?) }
    }
}
