import ContainerRuntime
import Glibc
import LinuxSystem
import Testing

struct RootedFilesTests {
    @Test func `links in a root directory are followed inside of it only`() async throws {
        let directory = "/tmp/apus-root-\(RandomID.hex(bytes: 6))"
        defer {
            // Left behind in /tmp at worst.
            try? Files.removeTree(directory)
        }
        try Files.makeDirectories(directory + "/root/etc")
        try Files.makeDirectories(directory + "/root/usr/etc")
        try Files.writeAtomically("evil:x:1:1::/:\n", to: directory + "/passwd")
        try Files.writeAtomically("good:x:2:2::/:\n", to: directory + "/root/usr/etc/passwd")
        let link = directory + "/root/etc/passwd"
        for target in ["../../passwd", "\(directory)/passwd", "/proc/self/cwd/passwd", "passwd"] {
            try check(symlink(target, link), "link")
            #expect(try uid("evil", directory) == nil, "\(target)")
            try Files.remove(link)
        }
        for target in ["/usr/etc/passwd", "../usr/etc/passwd", "../../../../usr/etc/./passwd"] {
            try check(symlink(target, link), "link")
            #expect(try uid("good", directory) == 2, "\(target)")
            try Files.remove(link)
        }
    }

    private func uid(_ name: String, _ directory: String) throws -> UInt32? {
        do {
            return try UserResolver(rootDirectory: directory + "/root").resolve(name).uid
        } catch let error as RuntimeError where error.code == .unknownUser {
            return nil
        }
    }
}
