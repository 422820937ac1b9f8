import EngineInterface
import Glibc
import Images
import LinuxSystem
import OCI
import TestKit
import Testing

/// Images in archives: loaded, saved, imported.
@Suite struct ArchiveTests {
    private static let one = ImageFixture.layer("one", "1")
    private static let two = ImageFixture.layer("two", String(repeating: "2", count: 300_000))

    @Test func `what is saved and loaded is the same image`() async throws {
        let archive = try ImageFixture.saved([Self.one, Self.two, Self.one], tags: ["a.example/x:1", "x:2"])
        try await ImageFixture.with { first in
            let loaded = try await first.load(archive)
            #expect(loaded.map(\.tags) == [["a.example/x:1", "x:2"]])
            // A second image that shares a layer, and goes into the same archive.
            try await first.load(try ImageFixture.saved([Self.one], tags: ["y:1"]))
            let both = try await first.save("x:2", "y")
            let repeated = try await first.save("x:2", "y")
            #expect(both == repeated)
            let onlyID = try await first.save(String(loaded[0].id.hex.prefix(12)))
            try await ImageFixture.with { second in
                let again = try await second.load(both)
                #expect(again.map(\.tags) == [["x:2"], ["y:1"]])
                for name in ["x:2", "y:1"] {
                    let (old, new) = (try await first.store.image(name), try await second.store.image(name))
                    #expect(old.id == new.id && old.configuration == new.configuration && old.size == new.size)
                }
                #expect(try await second.save("x:2", "y") == both)
                let (layers, blobs) = (try second.names("layers").count, try second.names("blobs/sha256").count)
                // Loading what is there changes nothing.
                try await second.load(both)
                #expect(try second.names("layers").count == layers && second.names("blobs/sha256").count == blobs)
                try await eventually("no spool is left") { try second.names("ingest").isEmpty }
                try await second.mounted("x:2") { (root: String) throws -> Void in
                    #expect(try Files.list(root) == ["one", "two"])
                    #expect(try Files.text(root + "/two") == String(repeating: "2", count: 300_000))
                }
            }
            try await ImageFixture.with { (third: ImageFixture) async throws -> Void in
                #expect(try await third.load(onlyID).map(\.tags) == [[]])
                #expect(await third.store.images().map(\.id) == [loaded[0].id])
            }
        }
    }

    @Test func `an image is for one platform, and of another nothing is told, saved or removed`() async throws {
        try await ImageFixture.with { fixture in
            try await fixture.load(try ImageFixture.saved([Self.one], tags: ["x:1"]))
            let (own, other) = ("\(Platform.host)", "linux/riscv64")
            let refusal = ImageError.platformMissing(reference: "x:1", platform: other)
            await #expect(throws: refusal) { try await fixture.store.image("x:1", platform: other) }
            await #expect(throws: refusal) { try await fixture.store.history("x:1", platform: other) }
            await #expect(throws: refusal) { try await fixture.store.save(["x:1"], platform: other) { _ in } }
            await #expect(throws: refusal) { try await fixture.store.remove("x:1", platform: other, uses: []) }
            await #expect(throws: ImageError.invalidPlatform("bogus")) {
                try await fixture.store.remove("x:1", platform: "bogus", uses: [])
            }
            #expect(try await fixture.store.image("x:1", platform: own).tags == ["x:1"])
            try await fixture.store.save(["x:1"], platform: own) { _ in }
            _ = try await fixture.store.remove("x:1", platform: own, uses: [])
            #expect(await fixture.store.images().isEmpty)
        }
    }

    @Test func `an archive may be packed, and its layers`() async throws {
        let archive = try ImageFixture.saved(
            [try await Self.packed("gzip", Self.one), Self.two], tags: ["p:1"], lie: true)
        for program in ["gzip", "bzip2", "xz"] {
            try await ImageFixture.with { fixture in
                // The outer packing is seen through; the lie in the archive then is found.
                do {
                    try await fixture.load(try await Self.packed(program, archive))
                    Issue.record("a layer with another content was taken")
                } catch let error as ImagesError { #expect(error.code == .damaged) }
                #expect(await fixture.store.images().isEmpty)
            }
        }
        try await ImageFixture.with { fixture in
            let good = try ImageFixture.saved([Self.one, Self.two], tags: ["p:1"])
            try await fixture.load(try await Self.packed("gzip", good))
            #expect(try await fixture.store.image("p:1").layerSizes == [1, 300_000])
        }
    }

    @Test func `an archive or layer out of which too much would come is refused, and nothing of it stays`() async throws
    {
        let zeros = ImageFixture.layer("zeros", String(repeating: "0", count: 16 << 20))
        let layer = try await Self.packed("gzip", zeros)
        // The layer's digest is that of the packed one here, so it would be refused as damaged had it been unpacked.
        let inner = try ImageFixture.saved([layer], tags: ["bomb:1"])
        let outer = try await Self.packed("xz", try ImageFixture.saved([zeros], tags: ["bomb:1"]))
        let ratio = UnpackingBound(ratio: 100, free: 1 << 20)
        for (bound, archive) in [
            (UnpackingBound(total: 8 << 20), inner), (UnpackingBound(total: 8 << 20), outer), (ratio, inner),
            (ratio, outer),
        ] {
            try await ImageFixture.with(bound: bound) { fixture in
                do {
                    try await fixture.load(archive)
                    Issue.record("taken under \(bound)")
                } catch let error as ImagesError { #expect(error.code == .tooLarge, "\(error)") }
                #expect(await fixture.store.images().isEmpty)
                try await eventually("nothing is left") {
                    try fixture.names("ingest").isEmpty && fixture.names("layers").isEmpty
                }
            }
        }
        try await ImageFixture.with { fixture in
            let loaded = try await fixture.load(outer)
            #expect(loaded.map(\.tags) == [["bomb:1"]])
        }
    }

    @Test func `a name that moves is told`() async throws {
        try await ImageFixture.with { fixture in
            let old = try await fixture.load(try ImageFixture.saved([Self.one], tags: ["m:1"]))[0]
            let lines = Lines()
            let archive = try ImageFixture.saved([Self.two], tags: ["m:1"])
            _ = try await fixture.store.load(ImageFixture.body(archive)) { await lines.add($0) }
            #expect(
                await lines.texts.contains(
                    "The image m:1 already exists, renaming the old one with ID \(old.id) to empty string"))
            #expect(await lines.reports.contains { $0.status == "Loading layer" && $0.total == Int64(Self.two.count) })
            #expect(try await fixture.store.image(old.id.description).tags.isEmpty)
        }
    }

    @Test(arguments: [
        ("", "invalid archive: does not contain a manifest.json or an index.json"),
        ("no archive at all", "archive/tar: invalid tar header"), ("cut", "unexpected EOF"),
        ("cut and packed", "unexpected EOF"),
    ])
    func `what is no archive of images is refused and leaves nothing`(kind: String, words: String) async throws {
        var bytes = Array(kind.utf8)
        if kind.hasPrefix("cut") {
            let whole = try ImageFixture.saved([Self.two], tags: ["b:1"])
            bytes = kind == "cut" ? whole : try await Self.packed("gzip", whole)
            bytes = Array(bytes.prefix(bytes.count / 2))
        }
        try await ImageFixture.with { fixture in
            do {
                try await fixture.load(bytes)
                Issue.record("\(kind) was taken")
            } catch let error as ImagesError {
                #expect(error.code == .badArchive && error.message == words, "\(error)")
            }
            #expect(await fixture.store.images().isEmpty)
            // A spool goes with the last that holds it, on a thread of its own.
            try await eventually("nothing is left") {
                try fixture.names("ingest").isEmpty && fixture.names("layers").isEmpty
            }
        }
    }

    /// Bounded: random damage to an archive never makes an image with other content, and never stops the store.
    @Test func `no damaged archive makes a wrong image`() async throws {
        var numbers = TestKit.SeededGenerator.fresh("damaged archives")
        let whole = try ImageFixture.saved([Self.one], tags: ["f:1"])
        let id = Digest(of: try OCIDocument.encode(Self.configuration(of: Self.one, "f:1")))
        for _ in 0..<40 {
            let damaged = numbers.mutated(whole)
            try await ImageFixture.with { fixture in
                // Most are refused, some are as good as whole.
                let loaded = (try? await fixture.load(damaged)) ?? []
                for image in loaded where image.id == id {
                    let place = try #require(try await fixture.store.image(image.id.description).layerDirectories.first)
                    #expect(try Files.text(place + "/one") == "1")
                }
                try await fixture.load(whole)
                #expect(try await fixture.store.image("f:1").id == id)
            }
        }
    }

    private static func configuration(of layer: [UInt8], _ tag: String) -> ImageConfiguration {
        var configuration = ImageConfiguration(
            architecture: Platform.host.architecture, os: "linux", rootFileSystem: .init(diffIDs: [Digest(of: layer)]))
        configuration.created = "2024-05-06T07:08:09Z"
        var defaults = ImageConfiguration.Defaults()
        defaults.labels = ["made": tag]
        configuration.config = defaults
        return configuration
    }

    @Test func `an archive does not fill memory by naming a document often`() async throws {
        try await ImageFixture.with { fixture in
            var archive = TarBuilder()
            archive.add("c.json", content: [UInt8](repeating: 0x20, count: 7 << 20))
            let image = #"{"Config":"c.json","RepoTags":null,"Layers":null}"#
            archive.add("manifest.json", text: "[\([String](repeating: image, count: 10).joined(separator: ","))]")
            let error = await #expect(throws: ImagesError.self) { try await fixture.load(archive.bytes) }
            #expect(error?.message == "invalid archive: its documents are too long")
        }
    }

    @Test func `a load mends what is damaged or cannot be read`() async throws {
        try await ImageFixture.with { fixture in
            let layer = ImageFixture.layer("file", "text")
            let archive = try ImageFixture.saved([layer], tags: ["mended:1"])
            let id = try await fixture.load(archive)[0].id
            try await fixture.load(try ImageFixture.saved([ImageFixture.layer("other", "x")], tags: ["other:1"]))
            try Files.removeTree("\(fixture.root)/layers/\(Digest(of: layer).hex)")
            var bytes = layer
            bytes[520] ^= 1
            try Files.writeAtomically(bytes, to: "\(fixture.root)/blobs/sha256/\(Digest(of: layer).hex)")
            let configuration = "\(fixture.root)/blobs/sha256/\(id.hex)"
            try Files.remove(configuration)
            try Files.makeDirectories(configuration)
            let reopened = try await ImageFixture.open(fixture.root)
            #expect(await reopened.images().map(\.tags) == [["other:1"]])
            try Files.removeTree(configuration)
            let next = ImageFixture(directory: fixture.directory, store: try await ImageFixture.open(fixture.root))
            try await next.load(archive)
            try await next.mounted("mended:1") { (root: String) throws -> Void in
                #expect(try Files.text(root + "/file") == "text")
            }
        }
    }

    @Test func `a blob that is damaged on disk is found and not given on`() async throws {
        try await ImageFixture.with { fixture in
            let loaded = try await fixture.load(try ImageFixture.saved([Self.two], tags: ["d:1"]))[0]
            let blob = "\(fixture.root)/blobs/sha256/\(Digest(of: Self.two).hex)"
            var bytes = try #require(try Files.read(blob))
            bytes[bytes.count / 2] ^= 1
            try Files.writeAtomically(bytes, to: blob)
            await #expect(throws: ImagesError.self) { try await fixture.save("d:1") }
            // The configuration says what is run: with another content there is no image.
            let document = "\(fixture.root)/blobs/sha256/\(loaded.id.hex)"
            var text = try #require(try Files.text(document))
            text.replace("d:1", with: "e:1")
            try Files.writeAtomically(text, to: document)
            let again = try await ImageFixture.open(fixture.root)
            #expect(await again.images().isEmpty)
        }
    }

    @Test func `an imported archive of files is an image of one layer`() async throws {
        try await ImageFixture.with { fixture in
            let packed = try await Self.packed("gzip", Self.one)
            let id = try await fixture.store.importImage(ImageFixture.body(packed), name: "i:1", comment: "from a file")
            let image = try await fixture.store.image("i:1")
            #expect(image.id == id && image.configuration.rootFileSystem.diffIDs == [Digest(of: Self.one)])
            #expect(try await fixture.store.history("i:1").map(\.step.comment) == ["from a file"])
            await #expect(throws: ImagesError.self) {
                try await fixture.store.importImage(
                    ImageFixture.body(Array("nothing".utf8)), name: "j:1", comment: "")
            }
        }
    }

    @Test func `a header has the size it is given, also beyond eight gibibytes`() {
        var header = TarHeader(path: Array("blobs/sha256/x".utf8), kind: .regular)
        header.size = 1000
        let small = header.bytes
        #expect(small.count == 512 && String(decoding: small[124..<135], as: UTF8.self) == "00000001750")
        header.size = 9 << 30
        // A pax header and its record come before: the field's eleven octal digits do not hold it.
        #expect(header.bytes.count == 1536)
        #expect(String(decoding: header.bytes[512..<530], as: UTF8.self) == "19 size=9663676416")
        #expect(TarHeader.padding(after: 1000).count == 24 && TarHeader.padding(after: 1024).isEmpty)
    }

    /// Packs bytes with a program of the machine.
    static func packed(_ program: String, _ bytes: [UInt8]) async throws -> [UInt8] {
        let path = try #require(Processes.find(program), "\(program) is not installed")
        return try await output(path, ["-c"], input: bytes)
    }

    /// What a program writes.
    static func output(_ path: String, _ arguments: [String], input: [UInt8] = []) async throws -> [UInt8] {
        try await withTemporaryDirectory { directory in
            try Files.writeAtomically(input, to: directory + "/in")
            let reading = try Descriptor.open(directory + "/in", O_RDONLY)
            let writing = try Descriptor.open(directory + "/out", O_WRONLY | O_CREAT)
            let status = try await Processes.run(
                SpawnRequest(
                    executable: path, arguments: arguments,
                    descriptors: [(from: reading.raw, to: 0), (from: writing.raw, to: 1)]))
            #expect(status.code == 0, "\(path) ended with \(status)")
            return try #require(try Files.read(directory + "/out"))
        }
    }
}
