import Images
import LinuxSystem
import OCI
import TestKit
import Testing

/// Images that go, and what goes with them.
@Suite struct RemovalTests {
    private static let shared = ImageFixture.layer("shared", "s")
    private static let own = ImageFixture.layer("own", "1234")

    @Test func `layers of an image removed by force go with its last container`() async throws {
        try await ImageFixture.with { fixture in
            let first = try await fixture.load(try ImageFixture.saved([Self.shared, Self.own], tags: ["r:1"]))[0].id
            try await fixture.load(try ImageFixture.saved([Self.shared], tags: ["r:2"]))
            for container in ["c1", "c2"] {
                try await fixture.store.prepareRootFilesystem(container: container, image: first)
            }
            let uses = ["c1", "c2"].map { ImageUse(image: first, container: $0, isRunning: false) }
            _ = try await fixture.store.remove(String(first.hex.prefix(12)), force: true, uses: uses)
            #expect(await fixture.store.images().count == 1)
            #expect(try fixture.names("layers").count == 2)
            try await fixture.store.removeRootFilesystem(container: "c1")
            #expect(try fixture.names("layers").count == 2)
            try await fixture.store.removeRootFilesystem(container: "c2")
            // The other image has one of them still.
            #expect(try fixture.names("layers") == [Digest(of: Self.shared).hex])
        }
    }

    @Test func `prune takes what nobody needs, and what a killed pull has left`() async throws {
        try await ImageFixture.with { fixture in
            let old = try await fixture.load(try ImageFixture.saved([Self.shared, Self.own], tags: ["q:1"]))[0].id
            let new = try await fixture.load(try ImageFixture.saved([Self.shared], tags: ["q:1"]))[0].id
            try Files.writeAtomically("left", to: "\(fixture.root)/blobs/sha256/\(Digest(of: "left".utf8).hex)")
            #expect(await fixture.store.usage().shared == [old: 1, new: 1])
            #expect(await fixture.store.usage().layers == 5)
            let kept = try await fixture.store.prune(uses: []) { $0.id != old }
            #expect(kept.steps.isEmpty && kept.bytes == 0)
            let pruned = try await fixture.store.prune(uses: [])
            #expect(pruned.bytes == 4 && pruned.steps.contains(.deletedImage(old)))
            #expect(try fixture.names("blobs/sha256").sorted() == [new.hex, Digest(of: Self.shared).hex].sorted())
            let used = ImageUse(image: new, container: "c", isRunning: false)
            #expect(try await fixture.store.prune(all: true, uses: [used]).steps.isEmpty)
            #expect(try await fixture.store.prune(all: true, uses: []).bytes == 1)
            #expect(try fixture.names("blobs/sha256").isEmpty && fixture.names("layers").isEmpty)
        }
    }
}
