import CArchive
import CLinux
import Glibc
package import LinuxSystem

/// Writes a tar archive's entries, plain or compressed, below a directory of a container's tree. Used by one thread; calls block.
///
/// Names in the archive and symbolic links in the tree are looked up within the tree, so nothing outside of it is touched; the
/// symbolic links of the container itself are followed, as its own programs would. Source: moby, `pkg/archive` `Unpack`.
package final class TreeReader {
    /// How far what is there gives way to what comes.
    package struct Options: Sendable {
        /// A directory is not to be replaced by something else, nor the reverse.
        package var keepsKinds = false
        /// Who owns what is written; `nil` for whom the archive names.
        package var owner: (user: UInt32, group: UInt32)?
        /// What may come out of the archive.
        package var bound = UnpackingBound()
        package init() {}
    }

    private let tree: RootedDirectory
    private let destination: String
    private let options: Options
    private let archive: OpaquePointer
    /// Directories' times, set when nothing more is written into them.
    private var times: [(path: String, modified: timespec)] = []

    /// - Parameters:
    ///   - input: Is read to its end.
    ///   - destination: An existing directory of the tree.
    package init(input: borrowing Descriptor, into tree: RootedDirectory, at destination: String, _ options: Options)
        throws
    {
        guard let archive = archive_read_new() else { throw SystemError(errno: ENOMEM, attempting: "read an archive") }
        self.archive = archive
        self.destination = destination
        self.options = options
        self.tree = tree
        archive_read_support_filter_gzip(archive)
        archive_read_support_filter_bzip2(archive)
        archive_read_support_filter_xz(archive)
        archive_read_support_filter_zstd(archive)
        archive_read_support_format_tar(archive)
        archive_read_support_format_empty(archive)
        try demand(archive_read_open_fd(archive, input.raw, LayerArchive.chunkBytes))
    }

    deinit { archive_read_free(archive) }

    /// Writes all entries, each in the place of what was there.
    /// - Throws: ``ImagesError`` `.badArchive`, `.refusedEntry`, `.tooLarge`; `SystemError`. What was written by then stays.
    package func unpack() throws {
        while true {
            var found: OpaquePointer?
            let result = archive_read_next_header(archive, &found)
            if result == ARCHIVE_EOF { break }
            try demand(result)
            try checkBound()
            guard let found else { break }
            try add(try ArchiveEntry(found))
        }
        for (path, modified) in times.reversed() {
            guard let directory = try tree.openIfThere(path, O_RDONLY | O_DIRECTORY) else { continue }
            try check(futimens(directory.raw, [modified, modified]), "set times of \(path)")
        }
    }

    private func checkBound() throws {
        try options.bound.check(packed: archive_filter_bytes(archive, -1), plain: archive_filter_bytes(archive, 0))
    }

    private func demand(_ result: CInt) throws {
        if result == ARCHIVE_OK || result == ARCHIVE_WARN { return }
        throw ImagesError.unreadable(archive)
    }

    private func add(_ entry: ArchiveEntry) throws {
        let path = try Self.relative(entry.path)
        guard !path.isEmpty else {
            if entry.kind == .directory { try finish(directory: destination, entry) }
            return
        }
        let whole = Self.join(destination, path)
        try tree.makeDirectories(Files.parent(of: whole))
        let directory = try tree.open(Files.parent(of: whole), O_RDONLY | O_DIRECTORY)
        let name = Files.name(of: whole)
        if try !makeRoom(name, in: directory.raw, for: entry, path) { return try finish(directory: whole, entry) }
        if entry.kind == .directory {
            try check(mkdirat(directory.raw, name, 0o700), "make directory \(path)")
            return try finish(directory: whole, entry)
        }
        try make(entry, name, in: directory.raw, path)
    }

    /// Takes away what is in the entry's place.
    /// - Returns: False when it is a directory that stays.
    private func makeRoom(_ name: String, in directory: CInt, for entry: ArchiveEntry, _ path: String) throws -> Bool {
        var status = stat()
        guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return true }
            throw SystemError(errno: errno, attempting: "stat \(path)")
        }
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        if isDirectory, entry.kind == .directory { return false }
        if options.keepsKinds, isDirectory {
            throw ImagesError(
                .refusedEntry, "cannot overwrite directory \"\(path)\" with non-directory \"\(destination)\"")
        }
        if options.keepsKinds, entry.kind == .directory {
            throw ImagesError(
                .refusedEntry, "cannot overwrite non-directory \"\(path)\" with directory \"\(destination)\"")
        }
        try Files.removeTree(name, in: directory)
        return true
    }

    private func make(_ entry: ArchiveEntry, _ name: String, in directory: CInt, _ path: String) throws {
        switch entry.kind {
        case .directory: return
        case .regular: return try write(entry, name, in: directory, path)
        case .hardLink(let target):
            // Looked up from the destination on, like every name of the archive.
            let target = Self.join(destination, try Self.relative(target))
            guard let from = try tree.openIfThere(Files.parent(of: target), O_RDONLY | O_DIRECTORY) else {
                throw ImagesError(.refusedEntry, "the target of the hard link \"\(path)\" is missing")
            }
            try check(linkat(from.raw, Files.name(of: target), directory, name, 0), "link \(path)")
            return
        case .symbolicLink(let target):
            try check(symlinkat(String(decoding: target, as: UTF8.self), directory, name), "make link \(path)")
        case .fifo: try check(mknodat(directory, name, S_IFIFO | 0o600, 0), "make \(path)")
        case .characterDevice(let device):
            try check(mknodat(directory, name, S_IFCHR | 0o600, device), "make device \(path)")
        case .blockDevice(let device):
            try check(mknodat(directory, name, S_IFBLK | 0o600, device), "make device \(path)")
        }
        let (user, group) = owner(entry)
        try check(fchownat(directory, name, user, group, AT_SYMLINK_NOFOLLOW), "set owner of \(path)")
        if case .symbolicLink = entry.kind {
        } else {
            try check(fchmodat(directory, name, entry.mode, AT_SYMLINK_NOFOLLOW), "set mode of \(path)")
        }
        try check(
            utimensat(directory, name, [entry.modified, entry.modified], AT_SYMLINK_NOFOLLOW), "set times of \(path)")
    }

    private func write(_ entry: ArchiveEntry, _ name: String, in directory: CInt, _ path: String) throws {
        let opened = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        let file = Descriptor(owning: try check(opened, "make \(path)"))
        while true {
            var block: UnsafeRawPointer?
            var size = 0
            var offset: la_int64_t = 0
            let result = archive_read_data_block(archive, &block, &size, &offset)
            if result == ARCHIVE_EOF { break }
            try demand(result)
            try checkBound()
            var rest = UnsafeRawBufferPointer(start: block, count: size)
            var position = off_t(clamping: offset)
            while let start = rest.baseAddress, !rest.isEmpty {
                let count = try retrying("write \(path)") { pwrite(file.raw, start, rest.count, position) }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                position += off_t(clamping: count)
            }
        }
        // A sparse file may end with a hole.
        if try file.status().st_size < entry.size {
            try check(ftruncate(file.raw, off_t(clamping: entry.size)), "set size of \(path)")
        }
        let (user, group) = owner(entry)
        // Changing the owner clears the set-user-id bits and capabilities, so it comes first.
        try check(fchown(file.raw, user, group), "set owner of \(path)")
        try check(fchmod(file.raw, entry.mode), "set mode of \(path)")
        for (attribute, value) in entry.attributes where attribute == "security.capability" {
            try check(
                clinux_set_attribute(directory, name, attribute, value, value.count), "set \(attribute) of \(path)")
        }
        try check(futimens(file.raw, [entry.modified, entry.modified]), "set times of \(path)")
    }

    private func finish(directory path: String, _ entry: ArchiveEntry) throws {
        let directory = try tree.open(path, O_RDONLY | O_DIRECTORY)
        let (user, group) = owner(entry)
        try check(fchown(directory.raw, user, group), "set owner of \(path)")
        try check(fchmod(directory.raw, entry.mode), "set mode of \(path)")
        times.append((path, entry.modified))
    }

    private func owner(_ entry: ArchiveEntry) -> (uid_t, gid_t) { options.owner ?? (entry.owner, entry.group) }

    /// A name of the archive without `.` and doubled slashes.
    /// - Throws: ``ImagesError`` `.refusedEntry` for one with `..`.
    static func relative(_ path: [UInt8]) throws -> String {
        let parts = String(decoding: path, as: UTF8.self).split(separator: "/").filter { $0 != "." }
        guard !parts.contains("..") else {
            throw ImagesError(
                .refusedEntry, "archive has a name that leads out of it: \(String(decoding: path, as: UTF8.self))")
        }
        return parts.joined(separator: "/")
    }

    private static func join(_ directory: String, _ path: String) -> String {
        directory.hasSuffix("/") ? directory + path : "\(directory)/\(path)"
    }
}
