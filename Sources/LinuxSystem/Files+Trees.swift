import CLinux
import Glibc

extension Files {
    /// Directories opened one below the other before a deep one is moved up to the top.
    private static let deepestNesting = 128

    /// Removes a file or a directory with all that is in it; missing is fine. Follows no symbolic link and enters no
    /// mount: one inside makes it throw (EXDEV or EBUSY), with what is not in it removed as far as it got.
    package static func removeTree(_ path: String) throws(SystemError) {
        if unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR { return }
        guard errno == EISDIR || errno == EPERM else { throw SystemError(errno: errno, attempting: "remove \(path)") }
        if Mounts.isMountPoint(path) { throw SystemError(errno: EBUSY, attempting: "remove \(path)") }
        let top = try Descriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        try remove(top, path) { rmdir(path) }
    }

    /// Removes the entry of an open directory with all that is in it; missing is fine. Otherwise as ``removeTree(_:)``.
    package static func removeTree(_ name: String, in directory: CInt) throws(SystemError) {
        try removeTree(Array(name.utf8CString), in: directory)
    }

    /// The same for a name that need not be text, with the zero at its end.
    package static func removeTree(_ name: [CChar], in directory: CInt) throws(SystemError) {
        if unlinkat(directory, name, 0) == 0 || errno == ENOENT { return }
        let shown = text(name)
        guard errno == EISDIR || errno == EPERM else { throw SystemError(errno: errno, attempting: "remove \(shown)") }
        let top = Descriptor(
            owning: try retrying("open \(shown) to remove it") {
                clinux_open_beneath(directory, name, O_RDONLY | O_DIRECTORY)
            })
        try remove(top, shown) { unlinkat(directory, name, AT_REMOVEDIR) }
    }

    /// How often a directory is emptied that somebody still writes to.
    private static let mostRounds = 16

    /// Empties a directory and removes it; whoever writes to it at its end, as a container's monitor does, may have it emptied once more.
    private static func remove(
        _ directory: borrowing Descriptor, _ path: String, _ removal: () -> CInt
    ) throws(SystemError) {
        var (moved, rounds) = (0, 0)
        while true {
            while try !empty(directory, path, top: directory.raw, depth: 0, moved: &moved) {}
            if removal() == 0 || errno == ENOENT { return }
            rounds += 1
            guard errno == ENOTEMPTY, rounds < mostRounds else {
                throw SystemError(errno: errno, attempting: "remove \(path)")
            }
        }
    }

    /// Removes what is in a directory. False when something deep was moved to the top and another round is needed.
    private static func empty(
        _ directory: borrowing Descriptor, _ path: String, top: CInt, depth: Int, moved: inout Int
    ) throws(SystemError) -> Bool {
        var complete = true
        for (name, known) in try names(in: directory) {
            if known != true {
                if unlinkat(directory.raw, name, 0) == 0 || errno == ENOENT { continue }
                guard errno == EISDIR || errno == EPERM else {
                    throw SystemError(errno: errno, attempting: "remove \(path)/\(text(name))")
                }
            }
            if depth >= deepestNesting {
                moved += 1
                let aside = ".apus-removed-\(moved)-\(RandomID.hex(bytes: 4))"
                try check(renameat(directory.raw, name, top, aside), "move \(path)/\(text(name)) to remove it")
                complete = false
                continue
            }
            let below = "\(path)/\(text(name))"
            let inner = Descriptor(
                owning: try retrying("open \(below) to remove it") {
                    clinux_open_beneath(directory.raw, name, O_RDONLY | O_DIRECTORY)
                })
            if try !empty(inner, below, top: top, depth: depth + 1, moved: &moved) { complete = false }
            // One that somebody has written to meanwhile keeps its parent from being removed, and so has its turn again.
            if unlinkat(directory.raw, name, AT_REMOVEDIR) != 0, errno != ENOENT, errno != ENOTEMPTY {
                throw SystemError(errno: errno, attempting: "remove \(below)")
            }
        }
        return complete
    }
}
