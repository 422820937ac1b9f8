import Concurrency
import Foundation
import Glibc
import LinuxSystem
import TestKit
import Testing

@Suite struct FileTests {
    @Test func `an atomic write replaces the file, keeps its mode and leaves nothing beside it`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/state.json"
            #expect(try Files.read(path) == nil)
            try Files.writeAtomically("one", to: path, mode: 0o640)
            try Files.writeAtomically("two", to: path, mode: 0o640)
            #expect(try Files.text(path) == "two")
            #expect(try #require(try Files.status(path)).st_mode & 0o7777 == 0o640)
            #expect(try Files.list(directory) == ["state.json"])
            let error = #expect(throws: SystemError.self) { try Files.read(path, limit: 2) }
            #expect(error?.errno == EFBIG)
        }
    }

    @Test func `removing a tree follows no symbolic link`() async throws {
        try await withTemporaryDirectory { directory in
            try Files.makeDirectories(directory + "/kept")
            try Files.writeAtomically("x", to: directory + "/kept/file")
            try Files.makeDirectories(directory + "/tree/a/b")
            try Files.writeAtomically("x", to: directory + "/tree/a/b/file")
            #expect(symlink(directory + "/kept", directory + "/tree/a/link") == 0)
            #expect(symlink(directory + "/kept", directory + "/top") == 0)
            #expect(chown(directory + "/tree/a", 1234, 1234) == 0 && chmod(directory + "/tree/a", 0) == 0)
            try Files.removeTree(directory + "/tree")
            try Files.removeTree(directory + "/top")
            try Files.removeTree(directory + "/missing")
            #expect(try Files.list(directory) == ["kept"])
            #expect(try Files.text(directory + "/kept/file") == "x")
        }
    }

    @Test func `a tree goes that somebody still writes to`() async throws {
        try await withTemporaryDirectory { directory in
            for round in 0..<20 {
                let tree = "\(directory)/\(round)"
                try Files.makeDirectories(tree + "/inner", mode: 0o755)
                let written = Promise<Void>()
                let writer = Thread {
                    // As a container's monitor, which tells of the end twice; until the directory is gone.
                    for number in 0..<20 {
                        for place in [tree, tree + "/inner"] {
                            let file = open("\(place)/\(number)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
                            if file >= 0 { close(file) }
                        }
                        if number == 5 { written.settle(.success(())) }
                    }
                }
                writer.start()
                try await written.value()
                try await onThread { try Files.removeTree(tree) }
                #expect(!Files.exists(tree))
            }
        }
    }

    @Test func `removing a tree enters no mount, not even a bind of the same file system`() async throws {
        try await withTemporaryDirectory { directory in
            try Files.makeDirectories(directory + "/volume")
            try Files.writeAtomically("x", to: directory + "/volume/file")
            try Files.makeDirectories(directory + "/tree/a/mounted")
            try Mounts.bind(directory + "/volume", to: directory + "/tree/a/mounted")
            #expect(Mounts.isMountPoint(directory + "/tree/a/mounted"))
            #expect(throws: SystemError.self) { try Files.removeTree(directory + "/tree") }
            #expect(throws: SystemError.self) { try Files.removeTree(directory + "/tree/a/mounted") }
            #expect(try Files.text(directory + "/volume/file") == "x")
            try Mounts.unmount(directory + "/tree/a/mounted")
            try Files.removeTree(directory + "/tree")
            #expect(try Files.list(directory) == ["volume"])
        }
    }

    @Test func `a tree is removed whatever bytes its names have`() async throws {
        try await withTemporaryDirectory { directory in
            try Files.makeDirectories(directory + "/tree/inner")
            let inner = try Descriptor.open(directory + "/tree/inner", O_RDONLY | O_DIRECTORY)
            // Latin-1, as containers write it.
            let name: [CChar] = [0x66, CChar(bitPattern: 0xfc), 0x72, 0]
            #expect(mkdirat(inner.raw, name, 0o700) == 0)
            let below = Descriptor(owning: openat(inner.raw, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
            _ = Descriptor(owning: openat(below.raw, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
            #expect(try Files.rawNames(in: inner) == [name])
            try Files.removeTree(directory + "/tree")
            #expect(try Files.list(directory) == [])
        }
    }

    @Test func `directories are made however deep they lie`() async throws {
        try await withTemporaryDirectory { directory in
            let deep = String(repeating: "/d", count: (Int(PATH_MAX) - directory.utf8.count) / 2 - 8)
            // On a thread as all such work: its stack is no large one.
            try await onThread { try Files.makeDirectories(directory + "/host" + deep) }
            try Files.makeDirectories(directory + "/root")
            try await onThread { try RootedDirectory(directory + "/root").makeDirectories(deep) }
            for top in ["/host", "/root"] { #expect(Files.isDirectory(directory + top + deep)) }
        }
    }

    @Test func `a tree deeper than any path can say is removed`() async throws {
        try await withTemporaryDirectory { directory in
            try Files.makeDirectories(directory + "/deep")
            var at = try Descriptor.open(directory + "/deep", O_RDONLY | O_DIRECTORY)
            for _ in 0..<700 {
                #expect(mkdirat(at.raw, "directory", 0o700) == 0)
                at = Descriptor(owning: openat(at.raw, "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
            }
            try Files.removeTree(directory + "/deep")
            #expect(!Files.exists(directory + "/deep"))
        }
    }

    @Test func `a lock has one holder`() async throws {
        try await withTemporaryDirectory { directory in
            func isFree() throws -> Bool {
                if try Files.lock(directory + "/lock") != nil { return true }
                return false
            }
            let held = try Files.lock(directory + "/lock")
            #expect(try !isFree())
            _ = consume held
            #expect(try isFree())
        }
    }

    @Test func `a watcher tells of renames into a directory and of its end, in order`() async throws {
        try await withTemporaryDirectory { directory in
            try Files.makeDirectories(directory + "/watched")
            let watcher = try FileWatcher()
            let events = try watcher.events(in: directory + "/watched", [.movedIn])
            let others = try watcher.events(in: directory + "/watched", [.created, .removed])
            try Files.writeAtomically("x", to: directory + "/outside")
            try Files.rename(directory + "/outside", to: directory + "/watched/one")
            try Files.writeAtomically("x", to: directory + "/watched/two")
            try Files.removeTree(directory + "/watched")
            let seen = try await within(.seconds(30)) {
                var seen: [FileEvent] = []
                for await event in events { seen.append(event) }
                return seen
            }
            #expect(seen == [.movedIn("one"), .movedIn("two"), .gone])
            let rest = try await within(.seconds(30)) {
                var rest: Set<FileEvent> = []
                for await event in others { rest.insert(event) }
                return rest
            }
            #expect(rest.isSuperset(of: [.removed("one"), .removed("two"), .gone]))
            #expect(!rest.contains(.movedIn("one")))
        }
    }
}
