import Faults
import OCI
import Testing

@Suite struct PlatformTests {
    @Test func `one part of a platform is an operating system or an architecture that Go knows`() {
        for (text, os, architecture) in [
            ("linux", "linux", Platform.host.architecture), ("Windows", "windows", Platform.host.architecture),
            ("macos", "darwin", Platform.host.architecture), ("amd64", "linux", "amd64"),
            ("x86_64", "linux", "amd64"), ("aarch64", "linux", "arm64"), ("i386", "linux", "386"),
            ("s390x", "linux", "s390x"), ("armhf", "linux", "arm"),
        ] {
            #expect(Platform(text) == Platform(os: os, architecture: architecture), "\(text)")
        }
        for text in ["foo", "", "/", "linux/", "linux/amd64/v1/x", "linux;amd64"] {
            #expect(Platform(text) == nil, "\(text)")
        }
    }

    @Test func `what has several parts may be unknown`() {
        #expect(Platform("linux/foo") == Platform(architecture: "foo"))
        #expect(Platform("foo/x86_64") == Platform(os: "foo", architecture: "amd64"))
        #expect(Platform("linux/arm/v7") == Platform(architecture: "arm", variant: "v7"))
    }

    @Test func `an image that is not there for a platform is not found`() {
        let refusal = OCIError(.noMatchingPlatform, "no matching manifest for linux/foo")
        #expect(refusal.kind == .notFound && refusal.description == "no matching manifest for linux/foo")
    }
}
