import Cluster
import Foundation
import LinuxSystem
import TestKit
import Testing
import X509

@testable import Dashboard

@Suite struct KnownIdentityTests {
    private static func pem() throws -> String {
        let key = NodeKey()
        return try key.selfSigned().serializeAsPEM().pemString + "\n" + key.pem
    }

    @Test func `a certificate is read again when its file is another one or has changed, and only then`() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/node.pem"
            #expect(try KnownIdentity(path, unlessAs: nil)?.identity == nil)
            let (first, second) = (try Self.pem(), try Self.pem())
            try Files.writeAtomically(first, to: path)
            let time: [FileAttributeKey: Any] = [.modificationDate: Date(timeIntervalSince1970: 1_000_000)]
            try FileManager.default.setAttributes(time, ofItemAtPath: path)
            let known = try #require(try KnownIdentity(path, unlessAs: nil))
            #expect(known.identity.chain == first)
            // What looks as it was is not read.
            try Files.write(String(repeating: "x", count: first.utf8.count), into: path)
            try FileManager.default.setAttributes(time, ofItemAtPath: path)
            let same = try #require(try KnownIdentity(path, unlessAs: known))
            #expect(same.identity == known.identity)
            try Files.writeAtomically(second, to: path)
            let other = try #require(try KnownIdentity(path, unlessAs: same))
            #expect(other.identity.chain == second)
            try Files.removeTree(path)
            #expect(try KnownIdentity(path, unlessAs: other)?.identity == nil)
        }
    }
}
