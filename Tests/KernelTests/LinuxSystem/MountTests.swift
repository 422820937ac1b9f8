import Glibc
import LinuxSystem
import TestKit
import Testing

@Suite struct MountTests {
    @Test func `an overlay of more layers than a page of options can name works`() async throws {
        try await withTemporaryDirectory { directory in
            try Mounts.tmpfs(at: directory, options: "size=16m")
            // 120 layers with paths of about 100 bytes: 12 KiB of options.
            let lower = (0..<120).map { "\(directory)/\(String(repeating: "l", count: 64))-\($0)" }
            for (number, path) in lower.enumerated() {
                try Files.makeDirectories(path, mode: 0o755)
                try Files.writeAtomically("\(number)", to: path + "/same")
                try Files.writeAtomically("\(number)", to: path + "/only-\(number)")
            }
            for name in ["upper", "work", "merged"] { try Files.makeDirectories("\(directory)/\(name)") }
            let merged = directory + "/merged"
            try Mounts.overlay(
                lower: lower, upper: directory + "/upper", work: directory + "/work", at: merged, volatile: true)
            #expect(Mounts.isMountPoint(merged))
            #expect(try Files.text(merged + "/same") == "0")
            #expect(try Files.list(merged).count == 121)
            try Files.writeAtomically("new", to: merged + "/same")
            #expect(try Files.text(directory + "/upper/same") == "new")
            #expect(try Files.text(lower[0] + "/same") == "0")
            try Mounts.unmount(merged)
            try Mounts.unmount(merged)
            #expect(!Mounts.isMountPoint(merged))
        }
    }

    @Test func `layers with separators in their names are mounted, and without an upper nothing can be written`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            try Mounts.tmpfs(at: directory)
            let lower = ["\(directory)/a:b", "\(directory)/c,d", "\(directory)/e\\f"]
            for path in lower {
                try Files.makeDirectories(path)
                try Files.writeAtomically(path, to: path + "/" + String(path.suffix(1)))
            }
            try Files.makeDirectories(directory + "/merged")
            try Mounts.overlay(lower: lower, upper: nil, work: nil, at: directory + "/merged")
            #expect(try Files.list(directory + "/merged") == ["b", "d", "f"])
            let error = #expect(throws: SystemError.self) {
                try Files.writeAtomically("x", to: directory + "/merged/x")
            }
            #expect(error?.errno == EROFS)
        }
    }

    @Test func `a read-only bind refuses writing and its source does not`() async throws {
        try await withTemporaryDirectory { directory in
            try Files.makeDirectories(directory + "/source")
            try Files.makeDirectories(directory + "/with space")
            try Mounts.bind(directory + "/source", to: directory + "/with space", readOnly: true)
            let error = #expect(throws: SystemError.self) {
                try Files.writeAtomically("x", to: directory + "/with space/x")
            }
            #expect(error?.errno == EROFS)
            try Files.writeAtomically("x", to: directory + "/source/x")
            #expect(try Files.text(directory + "/with space/x") == "x")
            let entry = try #require(try Mounts.list().last { $0.target == directory + "/with space" })
            #expect(entry.options.contains("ro"))
            try Mounts.unmountAll(below: directory)
            #expect(try Mounts.list().allSatisfy { !$0.target.hasPrefix(directory) })
        }
    }
}
