import Images
import OCI
import TestKit
import Testing

/// Pulls for a platform.
@Suite(.timeLimit(.minutes(2))) struct PlatformPullTests {
    private static let index = #"""
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\#
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,\#
        "digest":"sha256:0000000000000000000000000000000000000000000000000000000000000001",\#
        "platform":{"architecture":"s390x","os":"linux"}}]}
        """#

    @Test func `a platform that an image is not there for is not found, and nothing is said before`() async throws {
        let index = Self.index
        let registry = try RecordingServer(address: "127.0.0.1") { head in
            "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.index.v1+json\r\n"
                + "Content-Length: \(index.utf8.count)\r\nConnection: close\r\n\r\n"
                + (head.hasPrefix("HEAD ") ? "" : index)
        }
        let name = "127.0.0.1:\(registry.port)/p:1"
        try await ImageFixture.with { fixture in
            let lines = Lines()
            for platform in ["linux/foo", "foo/s390x", "windows"] {
                let requested = try #require(Platform(platform))
                let refusal = OCIError(
                    .noMatchingPlatform, "no matching manifest for \(requested) in the manifest list entries")
                await #expect(throws: refusal) {
                    try await fixture.store.pull(name, platform: platform) { await lines.add($0) }
                }
            }
            let said = await lines.texts
            #expect(said == [])
        }
    }
}
