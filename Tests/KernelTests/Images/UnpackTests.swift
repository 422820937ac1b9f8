import Glibc
import Images
import LinuxSystem
import OCI
import TestKit
import Testing

/// Layers become file systems, and nothing else.
@Suite struct UnpackTests {
    /// What an entry tries, and the entries.
    static let attacks: [(String, @Sendable (inout TarBuilder) -> Void)] = [
        ("a path upwards", { $0.add("a/../../../escaped", text: "x") }),
        (
            "a link to a place of the host, then a file in a directory behind it",
            {
                $0.add("d", .symbolicLink, link: "/tmp")
                $0.add("d/e/escaped", text: "x")
            }
        ),
        (
            "links in a circle",
            {
                $0.add("a", .symbolicLink, link: "b")
                $0.add("b", .symbolicLink, link: "a")
                $0.add("a/escaped", text: "x")
            }
        ),
        ("a hard link upwards", { $0.add("p", .hardLink, link: "../../images.json") }),
        (
            "a hard link through a link",
            {
                $0.add("up", .symbolicLink, link: "../..")
                $0.add("p", .hardLink, link: "up/images.json")
            }
        ),
        ("a whiteout of the parent", { $0.add(".wh...") }),
        ("a whiteout of nothing", { $0.add("d/.wh.") }),
        ("a whiteout upwards", { $0.add("../.wh.blobs") }),
    ]

    @Test(arguments: UnpackTests.attacks.indices)
    func `an entry that would reach outside is refused`(attack: Int) async throws {
        let (what, build) = Self.attacks[attack]
        try await ImageFixture.with { fixture in
            var archive = TarBuilder()
            build(&archive)
            do {
                _ = try await fixture.store.importImage(ImageFixture.body(archive.bytes), name: "x", comment: "")
                Issue.record("\(what) was not refused")
            } catch let error as ImagesError {
                #expect(error.code == .refusedEntry, "\(what): \(error)")
            }
            try await eventually("nothing is left of \(what)") {
                try fixture.names("layers").isEmpty && fixture.names("ingest").isEmpty
            }
            for place in [fixture.root, fixture.root + "/layers", fixture.directory, "/tmp", ""] {
                #expect(!Files.exists(place + "/escaped") && !Files.exists(place + "/e/escaped"), "\(what)")
            }
            #expect(await fixture.store.images().isEmpty)
        }
    }

    /// ko, Bazel and Nix write such ones.
    @Test func `absolute names and names behind the layer's own links stay in the layer`() async throws {
        try await ImageFixture.with { fixture in
            var archive = TarBuilder()
            archive.add("./", .directory, mode: 0o700, owner: 7)
            archive.add("/app/", .directory, mode: 0o755)
            archive.add("/app/tool", text: "tool")
            archive.add("/app/again", .hardLink, link: "/app/tool")
            archive.add("/../var/./x/../run/ko/a", text: "a")
            archive.add("bin", .symbolicLink, link: "/usr/bin")
            archive.add("usr/bin/", .directory, mode: 0o755)
            archive.add("bin/one", text: "one")
            archive.add("up", .symbolicLink, link: "../../../../app")
            archive.add("up/two", text: "two")
            archive.add("up/three", .hardLink, link: "bin/one")
            archive.add("here", .symbolicLink, link: "..")
            archive.add("here/escaped", text: "x")
            // What was behind a link is not when something else takes the link's place.
            archive.add("up", .directory, mode: 0o755)
            archive.add("up/four", text: "four")
            archive.add("app/five/", .directory, mode: 0o755)
            archive.add("app/five/x", text: "x")
            archive.add("app/five", text: "five")
            archive.add("app/six", text: "six")
            _ = try await fixture.store.importImage(ImageFixture.body(archive.bytes), name: "k", comment: "")
            let place = try #require(try await fixture.store.image("k").layerDirectories.first)
            for (name, text) in [
                ("app/tool", "tool"), ("app/again", "tool"), ("var/run/ko/a", "a"), ("usr/bin/one", "one"),
                ("app/two", "two"),
                ("app/three", "one"), ("escaped", "x"), ("up/four", "four"), ("app/five", "five"), ("app/six", "six"),
            ] { #expect(try Files.text("\(place)/\(name)") == text, "\(name)") }
            #expect(try Files.list("\(place)/up") == ["four"])
            for outside in [fixture.root, fixture.directory, "/app", "/var/run/ko", ""] {
                #expect(!Files.exists(outside + "/escaped") && !Files.exists("/app/two"))
            }
            // A container's root is everybody's to enter, whatever directory the image was packed in.
            try await fixture.mounted("k") { (root: String) throws -> Void in
                let status = try #require(try Files.status(root))
                #expect(status.st_mode & 0o7777 == 0o755 && status.st_uid == 0)
            }
        }
    }

    @Test func `an image that names no machine is of this one, and x86_64 is amd64`() async throws {
        try await ImageFixture.with { fixture in
            let layer = ImageFixture.layer("file", "text")
            for (name, fields) in [("nameless", ""), ("spelled", #""architecture":"x86_64","os":"linux","#)] {
                var archive = TarBuilder()
                archive.add("l", content: layer)
                archive.add(
                    "c", text: "{\(fields)\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"\(Digest(of: layer))\"]}}")
                archive.add("manifest.json", text: #"[{"Config":"c","RepoTags":["\#(name):1"],"Layers":["l"]}]"#)
                try await fixture.load(archive.bytes)
                let platform = try await fixture.store.image("\(name):1").configuration.platform
                #expect(platform.fits(Platform(architecture: "amd64")) || name == "nameless")
                #expect(name == "spelled" || platform.fits(.host))
            }
        }
        let index = ImageIndex(
            mediaType: MediaType.ociIndex,
            manifests: [("arm64", nil), ("x86_64", nil)].map { (architecture: String, variant: String?) in
                ContentDescriptor(
                    mediaType: MediaType.ociManifest, digest: Digest(of: architecture.utf8), size: 1,
                    platform: Platform(architecture: architecture, variant: variant))
            })
        #expect(index.manifest(for: Platform(architecture: "amd64"))?.digest == Digest(of: "x86_64".utf8))
        #expect(
            index.manifest(for: Platform(architecture: "aarch64", variant: "v8"))?.digest == Digest(of: "arm64".utf8))
        #expect(!Platform(architecture: "arm", variant: "6").fits(Platform(architecture: "arm", variant: "v7")))
    }

    @Test func `a layer of files with holes has a size that is a number`() async throws {
        try await ImageFixture.with { fixture in
            var small = TarBuilder()
            small.add("hole", hole: 1 << 33)
            let image = try await fixture.load(try ImageFixture.saved([small.bytes], tags: ["small:1"]))[0]
            #expect(try await fixture.store.image(image.id.description).size == 1 << 33)
            var huge = TarBuilder()
            for index in 0..<33 { huge.add("hole\(index)", hole: 1 << 43) }
            let error = await #expect(throws: ImagesError.self) {
                try await fixture.load(try ImageFixture.saved([huge.bytes], tags: ["huge:1"]))
            }
            #expect(error?.code == .refusedEntry)
        }
    }

    @Test func `whiteouts and opaque directories hide what is below`() async throws {
        try await ImageFixture.with { fixture in
            var lower = TarBuilder()
            for name in ["a/x", "a/deep/y", "b", "c/one", "kept"] { lower.add(name, text: name) }
            var upper = TarBuilder()
            upper.add("a/", .directory, mode: 0o755)
            upper.add("a/.wh..wh..opq")
            upper.add("a/new", text: "new")
            upper.add(".wh.b")
            upper.add("c/.wh.one")
            // A whiteout, and something of the same name in the same layer: only what was below is hidden.
            upper.add(".wh.kept")
            upper.add("kept/", .directory, mode: 0o755)
            upper.add("kept/inside", text: "z")
            try await fixture.load(try ImageFixture.saved([lower.bytes, upper.bytes], tags: ["w:1"]))
            try await fixture.mounted("w:1") { (root: String) throws -> Void in
                #expect(try Files.list(root) == ["a", "c", "kept"])
                #expect(try Files.list(root + "/a") == ["new"])
                #expect(try Files.list(root + "/c").isEmpty)
                #expect(try Files.list(root + "/kept") == ["inside"])
            }
        }
    }

    @Test func `owners, modes, times, links, devices and attributes are as in the archive`() async throws {
        try await ImageFixture.with { fixture in
            var archive = TarBuilder()
            archive.add("d/", .directory, mode: 0o1777, owner: 7, modified: 1_000_000_000)
            archive.add(
                "d/f", content: Array("text".utf8), mode: 0o4755, owner: 12, attributes: ["user.colour": "blue"])
            archive.add("d/g", .hardLink, link: "d/f")
            archive.add("s", .symbolicLink, owner: 3, link: "/etc/../d/f")
            archive.add("null", .characterDevice, mode: 0o666, device: (1, 3))
            archive.add("pipe", .fifo, mode: 0o600)
            archive.add("sly", text: "x")
            archive.add("o/", .directory, mode: 0o755, attributes: ["trusted.overlay.opaque": "y"])
            _ = try await fixture.store.importImage(ImageFixture.body(archive.bytes), name: "k", comment: "")
            let place = try #require(try await fixture.store.image("k").layerDirectories.first)
            func status(_ name: String) throws -> stat { try #require(try Files.status("\(place)/\(name)")) }
            let (directory, file, other) = (try status("d"), try status("d/f"), try status("d/g"))
            #expect(directory.st_mode & 0o7777 == 0o1777 && directory.st_uid == 7)
            #expect(directory.st_mtim.tv_sec == 1_000_000_000)
            #expect(file.st_mode & 0o7777 == 0o4755 && file.st_uid == 12 && file.st_gid == 12)
            #expect(file.st_mtim.tv_sec == 1_700_000_000)
            #expect(file.st_ino == other.st_ino && file.st_nlink == 2)
            #expect(try Files.link("\(place)/s") == "/etc/../d/f" && status("s").st_uid == 3)
            let device = try status("null")
            #expect(device.st_mode == S_IFCHR | 0o666 && device.st_rdev == 0x103)
            #expect(try status("pipe").st_mode & S_IFMT == S_IFIFO)
            #expect(try await Self.attribute("user.colour", "\(place)/d/f") == "blue")
            // An image cannot say how overlayfs is to look things up.
            #expect(try await Self.attribute("trusted.overlay.opaque", "\(place)/o") == nil)
            #expect(try await fixture.store.image("k").size == 5)
        }
    }

    /// An extended attribute as another program sees it; `nil` when it is not there.
    static func attribute(_ name: String, _ path: String) async throws -> String? {
        let program =
            "import os, sys; print(os.getxattr(*sys.argv[1:]).decode() if sys.argv[2] in os.listxattr(sys.argv[1]) else '')"
        let python = try #require(Processes.find("python3"), "python3 is not installed")
        let text = try await ArchiveTests.output(python, ["-c", program, path, name])
        let value = String(decoding: text, as: UTF8.self).split(separator: "\n").first
        return value.map { String($0) }
    }
}
