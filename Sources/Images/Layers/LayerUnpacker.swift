import CLinux
import Glibc
import LinuxSystem
import OCI

/// Writes an archive's entries below a directory as overlayfs wants a layer: a whiteout `.wh.NAME` becomes a character
/// device 0/0, `.wh..wh..opq` the attribute `trusted.overlay.opaque` (kernel, filesystems/overlayfs; image-spec,
/// layer.md).
///
/// Every place is reached from the root's descriptor by openat2(2), which follows the layer's own symbolic links within the root as a
/// program in a container would: no entry, whatever the entries before it were, can touch anything outside. Used by one thread.
final class LayerUnpacker {
    private let root: CInt
    /// The directory of the entry before, which is most often that of the next; without a path when it may have another place by now.
    private var parent: (path: LayerPath?, descriptor: CInt)?
    /// Directories' times, set when nothing more is written into them.
    private var times: [(path: LayerPath, modified: timespec)] = []
    /// Bytes in regular files.
    private(set) var size: Int64 = 0

    static let whiteout = Array(".wh.".utf8)
    static let opaque = Array(".wh..wh..opq".utf8)
    /// Other marks of aufs, which mean nothing here.
    static let otherMark = Array(".wh..wh.".utf8)
    static let directoryMode: mode_t = 0o755
    /// Files with holes may say any size; sums of those of many layers must be numbers still. 256 TiB.
    static let mostBytes: Int64 = 1 << 48

    init(into directory: String) throws {
        root = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).release()
    }

    deinit {
        if let parent { close(parent.descriptor) }
        close(root)
    }

    /// Writes all entries.
    func unpack(_ archive: LayerArchive) throws {
        while let entry = try archive.next() { try add(entry, from: archive) }
        for (path, modified) in times.reversed() {
            // The entry may have been replaced since by something else: then its own time was set.
            let descriptor = inside(path, O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            try check(futimens(descriptor, [modified, modified]), "set times of \(shown(path))")
        }
    }

    /// Writes the file system out.
    func sync() throws { try check(clinux_sync_file_system(root), "sync a layer") }

    private func add(_ entry: ArchiveEntry, from archive: LayerArchive) throws {
        let path = try LayerPath(entry.path)
        // What a builder's own directory was like is nothing to the container's `/`, which is everybody's to enter.
        guard !path.isRoot else { return }
        let directory = try directory(path.parent)
        let name = path.name
        if name == Self.opaque { return try markOpaque(directory, Array(".".utf8)) }
        if name.starts(with: Self.otherMark) { return }
        if name.starts(with: Self.whiteout) { return try hide(Array(name.dropFirst(4)), in: directory, path) }
        try write(entry, path, name: LayerPath.cString(name), in: directory, from: archive)
    }

    private func write(
        _ entry: ArchiveEntry, _ path: LayerPath, name: [CChar], in directory: CInt, from archive: LayerArchive
    ) throws {
        let existed = kind(name, in: directory)
        if let existed, !(entry.kind == .directory && existed == .directory) { try clear(name, existed, in: directory) }
        switch entry.kind {
        case .directory:
            if existed != .directory { try check(mkdirat(directory, name, 0o700), "make directory \(shown(path))") }
            let made = clinux_open_beneath(directory, name, O_RDONLY | O_DIRECTORY)
            try check(made, "open \(shown(path))")
            defer { close(made) }
            try finishDirectory(made, path, entry)
            // What lay below a whiteout is not to shine through the directory that took its place.
            if existed == .whiteout { try markOpaque(made, Array(".".utf8)) }
            return
        case .regular:
            try writeFile(entry, path, name, in: directory, from: archive)
            return
        case .hardLink(let target):
            let target = try LayerPath(target)
            guard !target.isRoot else { throw LayerPath.refusal(entry.path, "is a hard link to a directory") }
            let from = try opened(target.parent, entry.path)
            defer { close(from) }
            if linkat(from, LayerPath.cString(target.name), directory, name, 0) != 0 {
                guard errno == ENOENT || errno == EPERM else {
                    throw SystemError(errno: errno, attempting: "link \(shown(path)) to \(shown(target))")
                }
                throw LayerPath.refusal(entry.path, "is a hard link to \(shown(target)), which is no file of the image")
            }
            return
        case .symbolicLink(let target):
            try check(symlinkat(LayerPath.cString(target), directory, name), "make link \(shown(path))")
        case .fifo:
            try check(mknodat(directory, name, S_IFIFO | 0o600, 0), "make \(shown(path))")
        case .characterDevice(let device):
            try check(mknodat(directory, name, S_IFCHR | 0o600, device), "make device \(shown(path))")
        case .blockDevice(let device):
            try check(mknodat(directory, name, S_IFBLK | 0o600, device), "make device \(shown(path))")
        }
        try check(
            fchownat(directory, name, entry.owner, entry.group, AT_SYMLINK_NOFOLLOW), "set owner of \(shown(path))")
        if case .symbolicLink = entry.kind {
        } else {
            try check(fchmodat(directory, name, entry.mode, 0), "set mode of \(shown(path))")
        }
        try setAttributes(entry, name, in: directory, path)
        try check(
            utimensat(directory, name, [entry.modified, entry.modified], AT_SYMLINK_NOFOLLOW),
            "set times of \(shown(path))")
    }

    private func writeFile(
        _ entry: ArchiveEntry, _ path: LayerPath, _ name: [CChar], in directory: CInt, from archive: LayerArchive
    ) throws {
        let file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        try check(file, "make \(shown(path))")
        defer { close(file) }
        var end: Int64 = 0
        try archive.data { block, offset in
            var rest = block
            var position = offset
            while let start = rest.baseAddress, !rest.isEmpty {
                let count = try retrying("write \(shown(path))") {
                    pwrite(file, start, rest.count, off_t(clamping: position))
                }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                position += Int64(clamping: count)
            }
            end = max(end, position)
        }
        // A sparse file may end with a hole.
        if entry.size > end {
            try check(ftruncate(file, off_t(clamping: entry.size)), "set size of \(shown(path))")
            end = entry.size
        }
        let (sum, isOver) = size.addingReportingOverflow(end)
        guard !isOver, sum <= Self.mostBytes else {
            throw LayerPath.refusal(entry.path, "makes the layer larger than any is")
        }
        size = sum
        // Changing the owner clears the set-user-id bits and capabilities, so it comes first.
        try check(fchown(file, entry.owner, entry.group), "set owner of \(shown(path))")
        try check(fchmod(file, entry.mode), "set mode of \(shown(path))")
        try setAttributes(entry, name, in: directory, path)
        try check(futimens(file, [entry.modified, entry.modified]), "set times of \(shown(path))")
    }

    private func finishDirectory(_ directory: CInt, _ path: LayerPath, _ entry: ArchiveEntry) throws {
        try check(fchown(directory, entry.owner, entry.group), "set owner of \(shown(path))")
        try check(fchmod(directory, entry.mode), "set mode of \(shown(path))")
        try setAttributes(entry, LayerPath.cString(Array(".".utf8)), in: directory, path)
        times.append((path, entry.modified))
    }

    private func setAttributes(_ entry: ArchiveEntry, _ name: [CChar], in directory: CInt, _ path: LayerPath) throws {
        // overlayfs' own attributes redirect its lookups: an image has no business setting them.
        for (attribute, value) in entry.attributes where !attribute.hasPrefix("trusted.overlay.") {
            let result = clinux_set_attribute(directory, name, attribute, value, value.count)
            // As Docker: a file system or kind of file that takes none goes without.
            if result != 0, errno != ENOTSUP, errno != EPERM {
                throw SystemError(errno: errno, attempting: "set attribute \(attribute) of \(shown(path))")
            }
        }
    }

    // MARK: Whiteouts

    private func hide(_ name: [UInt8], in directory: CInt, _ path: LayerPath) throws {
        if name.isEmpty || name == Array(".".utf8) || name == Array("..".utf8) {
            throw LayerPath.refusal(Array(path.components.joined(separator: [47])), "hides nothing that can be named")
        }
        let name = LayerPath.cString(name)
        switch kind(name, in: directory) {
        case .directory:
            // The layer's own directory stays; what is below it is hidden.
            let made = clinux_open_beneath(directory, name, O_RDONLY | O_DIRECTORY)
            try check(made, "open \(shown(path))")
            defer { close(made) }
            try markOpaque(made, Array(".".utf8))
        case .other, .whiteout: return
        case nil: try check(mknodat(directory, name, S_IFCHR, 0), "make whiteout \(shown(path))")
        }
    }

    private func markOpaque(_ directory: CInt, _ name: [UInt8]) throws {
        try check(
            clinux_set_attribute(directory, LayerPath.cString(name), "trusted.overlay.opaque", "y", 1), "mark opaque")
    }

    // MARK: Places

    private enum Existing { case directory, whiteout, other }

    private func kind(_ name: [CChar], in directory: CInt) -> Existing? {
        var found = stat()
        guard fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        switch found.st_mode & S_IFMT {
        case S_IFDIR: return .directory
        case S_IFCHR where found.st_rdev == 0: return .whiteout
        default: return .other
        }
    }

    private func clear(_ name: [CChar], _ existing: Existing, in directory: CInt) throws {
        // The remembered directory may lie below what goes, or behind the link that goes. It stays open: the entry is written into it.
        parent?.path = nil
        guard existing == .directory else {
            try check(unlinkat(directory, name, 0), "replace a file")
            return
        }
        try Files.removeTree(name, in: directory)
    }

    /// The descriptor of a directory of the layer, which is made if need be.
    private func directory(_ path: LayerPath) throws -> CInt {
        if path.isRoot { return root }
        if let parent, parent.path == path { return parent.descriptor }
        var found = inside(path)
        if found < 0, errno == ENOENT {
            for step in path.ancestors + [path] {
                let above = try opened(step.parent, Array(step.components.joined(separator: [47])))
                defer { close(above) }
                if mkdirat(above, LayerPath.cString(step.name), Self.directoryMode) != 0, errno != EEXIST {
                    throw SystemError(errno: errno, attempting: "make \(shown(step))")
                }
            }
            found = inside(path)
        }
        if found < 0 { throw refusal(path, Array(path.components.joined(separator: [47]))) }
        forgetParent()
        parent = (path, found)
        return found
    }

    /// A directory of the layer that must be there; the caller closes it.
    private func opened(_ path: LayerPath, _ entry: [UInt8]) throws -> CInt {
        let found = inside(path)
        if found < 0 { throw refusal(path, entry) }
        return found
    }

    /// Opens a directory, links on the way followed within the root; -1 with errno otherwise.
    private func inside(_ path: LayerPath, _ flags: CInt = 0) -> CInt {
        clinux_open_in_root(root, path.cString, O_RDONLY | O_DIRECTORY | flags, 0)
    }

    private func refusal(_ path: LayerPath, _ entry: [UInt8]) -> any Error {
        switch errno {
        case ELOOP, EXDEV: LayerPath.refusal(entry, "leads through symbolic links without an end")
        case ENOENT: LayerPath.refusal(entry, "lies below something that is not there")
        case ENOTDIR: LayerPath.refusal(entry, "lies below something that is no directory")
        default: SystemError(errno: errno, attempting: "open \(shown(path))")
        }
    }

    private func forgetParent() {
        if let parent { close(parent.descriptor) }
        parent = nil
    }

    private func shown(_ path: LayerPath) -> String {
        String(decoding: Array(path.components.joined(separator: [47])), as: UTF8.self)
    }
}
