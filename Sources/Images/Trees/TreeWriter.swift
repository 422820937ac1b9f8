import CArchive
import Glibc
package import LinuxSystem

/// Writes files and directories with all that is in them as a tar archive. Used by one thread; calls block.
///
/// It goes from directory to directory by descriptors and follows no symbolic link, so what others rename meanwhile leads it
/// nowhere else. A file that grows or shrinks while it is read is cut or filled up to what its header says.
package struct TreeWriter: ~Copyable {
    /// Directories open at once, one below the other.
    private static let deepest = 512
    private static let chunkBytes = 256 << 10

    private let output: Descriptor
    private var buffer: [UInt8] = []
    /// Files with several names that have been written, by device and inode.
    private var written: [FileID: [UInt8]] = [:]

    private struct FileID: Hashable {
        let device: dev_t
        let inode: ino_t
    }

    package init(output: consuming Descriptor) { self.output = output }

    /// Writes what `name` in the directory is, under `path` in the archive; a directory with all below it.
    package mutating func add(_ name: String, in directory: borrowing Descriptor, as path: String) throws {
        try add(Array(name.utf8CString), in: directory.raw, as: Array(path.utf8), depth: 0)
    }

    /// Writes all that is in the directory, each name with `prefix` before it.
    package mutating func addContents(of directory: borrowing Descriptor, prefix: String) throws {
        try addContents(of: directory, Array(prefix.utf8), depth: 0)
    }

    /// Writes the directory itself and all that is in it.
    package mutating func add(directory: borrowing Descriptor, as path: String) throws {
        let status = try directory.status()
        try put(header(status, Array((path + "/").utf8), .directory).bytes)
        try addContents(of: directory, Array((path + "/").utf8), depth: 0)
    }

    /// Ends the archive; nothing is written without it.
    package consuming func finish() throws {
        try put(TarHeader.end)
        try output.writeAll(buffer)
    }

    private mutating func addContents(of directory: borrowing Descriptor, _ prefix: [UInt8], depth: Int) throws {
        guard depth < Self.deepest else {
            throw SystemError(errno: ENAMETOOLONG, attempting: "archive \(String(decoding: prefix, as: UTF8.self))")
        }
        for name in try Files.rawNames(in: directory) {
            let text = name.dropLast().map(UInt8.init(bitPattern:))
            try add(name, in: directory.raw, as: prefix + text, depth: depth)
        }
    }

    private mutating func add(_ name: [CChar], in directory: CInt, as path: [UInt8], depth: Int) throws {
        var status = stat()
        let shown = String(decoding: path, as: UTF8.self)
        guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }  // Removed meanwhile.
            throw SystemError(errno: errno, attempting: "stat \(shown)")
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            let opened = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if opened < 0, errno == ENOENT { return }
            let inner = Descriptor(owning: try check(opened, "open \(shown)"))
            try put(header(status, path + [0x2f], .directory).bytes)
            try addContents(of: inner, path + [0x2f], depth: depth + 1)
        case S_IFREG: try addFile(name, in: directory, as: path)
        case S_IFLNK:
            var text = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = try check(readlinkat(directory, name, &text, text.count), "read link \(shown)")
            var entry = header(status, path, .symbolicLink)
            entry.target = text.prefix(Int(clamping: count)).map { UInt8(bitPattern: $0) }
            entry.mode = 0o777
            try put(entry.bytes)
        case S_IFCHR, S_IFBLK:
            var entry = header(
                status, path, status.st_mode & S_IFMT == S_IFCHR ? .characterDevice : .blockDevice)
            let device = UInt64(clamping: status.st_rdev)
            entry.device = (
                UInt32(truncatingIfNeeded: (device >> 8) & 0xfff | (device >> 32) & 0xffff_f000),
                UInt32(truncatingIfNeeded: device & 0xff | (device >> 12) & 0xffff_ff00)
            )
            try put(entry.bytes)
        case S_IFIFO: try put(header(status, path, .fifo).bytes)
        default: return  // A socket means nothing outside of its process.
        }
    }

    private mutating func addFile(_ name: [CChar], in directory: CInt, as path: [UInt8]) throws {
        let opened = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if opened < 0, errno == ENOENT { return }
        let file = Descriptor(owning: try check(opened, "open \(String(decoding: path, as: UTF8.self))"))
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else { return }  // Replaced meanwhile.
        let id = FileID(device: status.st_dev, inode: status.st_ino)
        if status.st_nlink > 1, let first = written[id] {
            var link = header(status, path, .hardLink)
            link.target = first
            return try put(link.bytes)
        }
        if status.st_nlink > 1 { written[id] = path }
        var entry = header(status, path, .regular)
        entry.size = UInt64(clamping: max(0, status.st_size))
        let place = "/proc/thread-self/fd/\(directory)/".utf8CString.dropLast() + name
        if let capability = try Files.attribute("security.capability", of: Array(place)) {
            entry.attributes["security.capability"] = capability
        }
        try put(entry.bytes)
        var rest = entry.size
        while rest > 0 {
            let piece = try file.readSome(Int(clamping: min(rest, UInt64(clamping: Self.chunkBytes))))
            if piece.isEmpty { break }
            try put(piece)
            rest -= UInt64(clamping: piece.count)
        }
        while rest > 0 {
            let count = min(rest, UInt64(clamping: Self.chunkBytes))
            try put([UInt8](repeating: 0, count: Int(clamping: count)))
            rest -= count
        }
        try put(TarHeader.padding(after: entry.size))
    }

    private func header(_ status: stat, _ path: [UInt8], _ kind: TarHeader.Kind) -> TarHeader {
        var header = TarHeader(path: path, kind: kind)
        header.mode = status.st_mode & 0o7777
        header.owner = status.st_uid
        header.group = status.st_gid
        header.modified = Int64(clamping: status.st_mtim.tv_sec)
        return header
    }

    private mutating func put(_ bytes: [UInt8]) throws {
        buffer += bytes
        guard buffer.count >= Self.chunkBytes else { return }
        try output.writeAll(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
