import Glibc
import LinuxSystem

/// Copies what an image has at a volume's mount point into the volume, the first time, as Docker does. Blocks.
enum VolumeSeed {
    /// Nothing happens unless `volume` is empty and the image has a directory there.
    static func fill(_ volume: String, from root: String, _ target: String) throws {
        let source = root + target
        guard try Files.list(volume).isEmpty, let status = try Files.status(source), status.st_mode & S_IFMT == S_IFDIR
        else { return }
        try copyAttributes(status, to: volume)
        try copyEntries(source, volume)
    }

    private static func copyEntries(_ source: String, _ target: String) throws {
        for name in try Files.list(source) { try copy("\(source)/\(name)", "\(target)/\(name)") }
    }

    private static func copy(_ source: String, _ target: String) throws {
        guard let status = try Files.status(source) else { return }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            try check(mkdir(target, 0o700), "make \(target)")
            try copyEntries(source, target)
            try copyAttributes(status, to: target)
        case S_IFLNK:
            var text = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            let count = readlink(source, &text, Int(PATH_MAX))
            try check(Int32(count < 0 ? -1 : 0), "read \(source)")
            try check(symlink(text, target), "make \(target)")
            try check(lchown(target, status.st_uid, status.st_gid), "own \(target)")
        case S_IFREG:
            let content = try Files.read(source, limit: Int.max) ?? []
            try Files.writeAtomically(content, to: target, mode: 0o600)
            try copyAttributes(status, to: target)
        default: return  // Sockets and devices have no content to copy.
        }
    }

    private static func copyAttributes(_ status: stat, to path: String) throws {
        try check(chown(path, status.st_uid, status.st_gid), "own \(path)")
        try check(chmod(path, status.st_mode & 0o7777), "set the mode of \(path)")
    }

    private static func check(_ result: Int32, _ attempting: String) throws {
        if result != 0 { throw SystemError(errno: errno, attempting: attempting) }
    }
}
