import LinuxSystem
import OCI
import TestKit
import Testing

@testable import Images

/// What is kept of images, and cannot be read.
@Suite struct ImageRecordTests {
    @Test func `every form that records of images, layers and roots were ever kept in is read`() throws {
        var problems = try RecordedFiles.problems(with: ImageTable.self, .plain)
        problems += try RecordedFiles.problems(with: LayerStore.Record.self, .plain)
        problems += try RecordedFiles.problems(with: Snapshots.Record.self, .plain)
        #expect(problems == [])
    }

    private func load(_ name: String, into fixture: ImageFixture) async throws -> Digest {
        let archive = try ImageFixture.saved([ImageFixture.layer(name, "x")], tags: ["\(name):1"])
        let loaded = try #require(try await fixture.load(archive).first)
        return loaded.id
    }

    private func asides(_ fixture: ImageFixture) throws -> [String] {
        try Files.list(fixture.root).filter { $0.hasPrefix("images.json.") }
    }

    @Test func `an image that cannot be read is set aside alone`() async throws {
        try await ImageFixture.with { fixture in
            _ = try await load("one", into: fixture)
            let bad = try await load("two", into: fixture)
            let path = fixture.root + "/images.json"
            let good = try #require(try Files.text(path))
            #expect(good.hasPrefix(#"{"kind":"images","value":{"images":{"#))
            let damaged = good.replacing(
                "\"\(bad)\":{\"lastTagged\":", with: "\"\(bad)\":{\"lastTagged\":\"soon\",\"was\":")
            try #require(damaged != good)
            try Files.writeAtomically(damaged, to: path)

            let store = try await ImageFixture.open(fixture.root)
            #expect(await store.images().map(\.tags) == [["one:1"]])
            #expect(store.unread.map(\.id) == ["\(bad)"] && store.unread.map(\.type) == ["image"])
            let aside = try #require(try asides(fixture).first)
            #expect(try Files.text("\(fixture.root)/\(aside)") == damaged)
            // It is told of once, and comes back under its name when it is pulled again.
            let next = ImageFixture(directory: fixture.directory, store: try await ImageFixture.open(fixture.root))
            #expect(next.store.unread.isEmpty)
            #expect(try asides(fixture).count == 1)
            _ = try await load("two", into: next)
            #expect(await next.store.images().flatMap(\.tags).sorted() == ["one:1", "two:1"])
        }
    }

    @Test func `a table that a newer version wrote is set aside whole`() async throws {
        try await ImageFixture.with { fixture in
            _ = try await load("one", into: fixture)
            let newer = #"{"kind":"images","value":{"images":{},"references":{}},"version":99}"#
            try Files.writeAtomically(newer, to: fixture.root + "/images.json")
            let store = try await ImageFixture.open(fixture.root)
            #expect(await store.images().isEmpty)
            let unread = try #require(store.unread.first)
            #expect(unread.type == "daemon" && unread.reason.contains("newer version"))
            #expect(try Files.text(unread.id) == newer)
        }
    }

    @Test func `a table of before there were envelopes is read, and written anew with one`() async throws {
        try await ImageFixture.with { fixture in
            _ = try await load("one", into: fixture)
            let path = fixture.root + "/images.json"
            let text = try #require(try Files.text(path))
            let bare = String(text.dropFirst(#"{"kind":"images","value":"#.count).dropLast(#","version":1}"#.count))
            try Files.writeAtomically(bare, to: path)
            let store = try await ImageFixture.open(fixture.root)
            #expect(await store.images().map(\.tags) == [["one:1"]] && store.unread.isEmpty)
            try await store.tag("one:1", repository: "other")
            let again = try #require(try Files.text(path))
            #expect(again.hasPrefix(#"{"kind":"images","value":{"#) && again.contains("docker.io/library/other:latest"))
        }
    }

    @Test func `a container's root whose record cannot be read is in the way of nothing else`() async throws {
        try await ImageFixture.with { fixture in
            let id = try await load("one", into: fixture)
            for container in ["good", "bad"] {
                try await fixture.store.prepareRootFilesystem(container: container, image: id)
            }
            try Files.writeAtomically("{", to: fixture.root + "/snapshots/bad/snapshot.json")
            let store = try await ImageFixture.open(fixture.root)
            #expect(store.unread.map(\.id) == ["bad"] && store.unread.map(\.type) == ["container"])
            let error = await #expect(throws: ImagesError.self) {
                try await store.mountRootFilesystem(container: "bad")
            }
            #expect(error?.code == .damaged)
            #expect(try await store.writtenBytes(container: "bad") == 0)
            #expect(try await store.rootFilesystem(container: "good").lower.count == 1)
            // Nobody knows which layers it has: they stay until it goes.
            _ = try await store.remove("one:1", force: true, uses: [])
            try await store.removeRootFilesystem(container: "good")
            #expect(try fixture.names("layers").count == 1)
            try await store.removeRootFilesystem(container: "bad")
            _ = try await store.prune(uses: [])
            #expect(try fixture.names("layers").isEmpty && fixture.names("snapshots").isEmpty)
        }
    }
}
