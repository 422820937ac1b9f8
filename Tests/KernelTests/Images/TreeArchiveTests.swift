import Glibc
import Images
import LinuxSystem
import TestKit
import Testing

/// Files into tar archives and out of them, with the real file system.
@Suite struct TreeArchiveTests {
    private func write(_ text: String, _ path: String) throws {
        try Files.writeAtomically(text, to: path, mode: 0o640)
    }

    /// Archives a directory into a file.
    private func archive(_ directory: String, to path: String) throws {
        var writer = TreeWriter(output: try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC))
        try writer.add(directory: try Descriptor.open(directory, O_RDONLY | O_DIRECTORY), as: "top")
        try writer.finish()
    }

    private func unpack(_ path: String, into root: String, at place: String, keepsKinds: Bool = false) throws {
        var options = TreeReader.Options()
        options.keepsKinds = keepsKinds
        let input = try Descriptor.open(path, O_RDONLY)
        try TreeReader(input: input, into: try RootedDirectory(root), at: place, options).unpack()
    }

    @Test func `an archive out of which too much would come is refused`() async throws {
        try requireRoot()
        try await withTemporaryDirectory { top in
            try await onThread {
                try Files.makeDirectories("\(top)/from")
                try Files.makeDirectories("\(top)/to")
                try write(String(repeating: "0", count: 8 << 20), "\(top)/from/zeros")
                try archive("\(top)/from", to: "\(top)/tar")
            }
            let gzip = try #require(Processes.find("gzip"))
            let ended = try await Processes.spawn(SpawnRequest(executable: gzip, arguments: ["\(top)/tar"])).wait()
            #expect(ended.code == 0)
            try await onThread {
                for bound in [UnpackingBound(total: 4 << 20), UnpackingBound(ratio: 100, free: 1 << 20)] {
                    var options = TreeReader.Options()
                    options.bound = bound
                    let input = try Descriptor.open("\(top)/tar.gz", O_RDONLY)
                    let reader = try TreeReader(input: input, into: try RootedDirectory("\(top)/to"), at: "/", options)
                    do {
                        try reader.unpack()
                        Issue.record("unpacked under \(bound)")
                    } catch let error as ImagesError { #expect(error.code == .tooLarge) }
                }
                try unpack("\(top)/tar.gz", into: "\(top)/to", at: "/")
            }
        }
    }

    @Test func `what is archived is unpacked as it was`() async throws {
        try requireRoot()
        try await withTemporaryDirectory { top in
            try await onThread {
                let long = String(repeating: "long-", count: 40)
                try Files.makeDirectories("\(top)/from/inner/\(long)")
                try write("one", "\(top)/from/file")
                try write(String(repeating: "x", count: 300_000), "\(top)/from/inner/\(long)/größe")
                #expect(link("\(top)/from/file", "\(top)/from/second") == 0)
                #expect(symlink("../nowhere/\(long)", "\(top)/from/link") == 0)
                #expect(mkfifo("\(top)/from/fifo", 0o600) == 0)
                #expect(chown("\(top)/from/file", 3_000_000, 77) == 0)
                #expect(chmod("\(top)/from/inner", 0o1711) == 0)
                try archive("\(top)/from", to: "\(top)/tar")
                try Files.makeDirectories("\(top)/root/place")
                try unpack("\(top)/tar", into: "\(top)/root", at: "/place")
                let made = "\(top)/root/place/top"
                #expect(try Files.list(made) == ["fifo", "file", "inner", "link", "second"])
                #expect(try Files.text("\(made)/file") == "one")
                #expect(try Files.text("\(made)/inner/\(long)/größe")?.count == 300_000)
                #expect(try Files.link("\(made)/link") == "../nowhere/\(long)")
                let file = try #require(try Files.status("\(made)/file"))
                #expect(file.st_uid == 3_000_000 && file.st_gid == 77 && file.st_nlink == 2)
                #expect(try Files.status("\(made)/inner")?.st_mode == S_IFDIR | 0o1711)
            }
        }
    }

    @Test func `a file whose name is no text is archived under that name`() async throws {
        try requireRoot()
        try await withTemporaryDirectory { top in
            try await onThread {
                try Files.makeDirectories("\(top)/from")
                let from = try Descriptor.open("\(top)/from", O_RDONLY | O_DIRECTORY)
                let name: [UInt8] = [0x66, 0xfc, 0x72]
                let made = openat(
                    from.raw, name.map(CChar.init(bitPattern:)) + [0], O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
                try Descriptor(owning: made).writeAll(Array("content".utf8))
                try archive("\(top)/from", to: "\(top)/tar")
                let bytes = try #require(try Files.read("\(top)/tar"))
                // The directory's block, the file's, its content's.
                #expect(Array(bytes[512..<520]) == Array("top/".utf8) + name + [0])
                #expect(Array(bytes[1024..<1031]) == Array("content".utf8))
            }
        }
    }

    @Test func `neither names nor links lead out of the tree`() async throws {
        try requireRoot()
        try await withTemporaryDirectory { top in
            try await onThread {
                try Files.makeDirectories("\(top)/from/way")
                try write("new", "\(top)/from/way/secret")
                try archive("\(top)/from", to: "\(top)/tar")
                try Files.makeDirectories("\(top)/root/place/top")
                try write("old", "\(top)/secret")
                // In the container it leads to /outside; on the host it would lead out.
                #expect(symlink("/../../outside", "\(top)/root/place/top/way") == 0)
                #expect(throws: (any Error).self) {
                    try unpack("\(top)/tar", into: "\(top)/root", at: "/place", keepsKinds: true)
                }
                try Files.makeDirectories("\(top)/root/outside")
                #expect(symlink("/outside", "\(top)/root/door") == 0)
                try unpack("\(top)/tar", into: "\(top)/root", at: "/door")
                #expect(try Files.text("\(top)/root/outside/top/way/secret") == "new")
                #expect(try Files.text("\(top)/secret") == "old")
                let tree = try RootedDirectory("\(top)/root")
                #expect(try tree.status("/../../../../etc/passwd", followingLinks: true) == nil)
            }
        }
    }

    @Test func `a directory is not replaced by a file where that is asked`() async throws {
        try requireRoot()
        try await withTemporaryDirectory { top in
            try await onThread {
                try Files.makeDirectories("\(top)/from")
                try write("file", "\(top)/from/name")
                try archive("\(top)/from", to: "\(top)/tar")
                try Files.makeDirectories("\(top)/root/top/name/below")
                #expect(throws: ImagesError.self) {
                    try unpack("\(top)/tar", into: "\(top)/root", at: "/", keepsKinds: true)
                }
                try unpack("\(top)/tar", into: "\(top)/root", at: "/")
                #expect(try Files.text("\(top)/root/top/name") == "file")
            }
        }
    }
}
