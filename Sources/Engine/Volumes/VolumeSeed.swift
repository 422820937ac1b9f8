import CLinux
import Glibc
import LinuxSystem

/// Copies what an image has at a volume's mount point into the volume, the first time, as Docker does. Blocks.
///
/// The place is looked up within the image, and both trees are walked by descriptors without following links, so neither an image nor
/// those who have the volume mounted meanwhile lead it to files of the host. A mark beside the volume tells of a copy that was cut off;
/// the next one goes on with it. Not twice at once for one volume.
enum VolumeSeed {
    /// Beside the volume's directory: there while a copy is not whole.
    static let mark = "_seeding"
    /// Beside it as well, or in it: a file on its way. It gets its place when whole.
    private static let unfinished = ".apus-seeding-file"
    private static let deepest = 512
    private static let chunkBytes = 256 << 10

    private struct FileID: Hashable {
        let device: dev_t
        let inode: ino_t
    }

    /// The name that a file has in the volume, from the volume's directory on.
    private struct Place {
        let directory: [[CChar]]
        let name: [CChar]
    }

    private struct Work: ~Copyable {
        /// The directory that the volume's is in; the volume itself where something is mounted.
        let aside: Descriptor
        let volume: Descriptor
        /// The image's files that have several names, and the first one each was copied to.
        var copied: [FileID: Place] = [:]
        /// The directories on the way to the one that is being copied.
        var way: [[CChar]] = []

        init(aside: consuming Descriptor, volume: consuming Descriptor) {
            self.aside = aside
            self.volume = volume
        }
    }

    /// Nothing happens unless `volume` is empty, or half copied, and the image has a directory there.
    static func fill(_ volume: String, from root: String, _ target: String) throws {
        let above = Files.parent(of: volume)
        let mark = "\(above)/\(Self.mark)"
        guard try Files.exists(mark) || Files.list(volume).isEmpty,
            let source = try RootedDirectory(root).openIfThere(target, O_RDONLY | O_DIRECTORY)
        else { return }
        let place = try Descriptor.open(volume, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        // A file gets its place by a rename, which cannot lead into another file system.
        let workplace = Mounts.isMountPoint(volume) ? volume : above
        let isEmpty = try Files.rawNames(in: source).isEmpty
        if !isEmpty {
            try Files.rewrite("", in: mark, mode: 0o600)
            var work = Work(
                aside: try Descriptor.open(workplace, O_RDONLY | O_DIRECTORY),
                volume: try Descriptor.open(volume, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
            try copyEntries(source, place, &work)
        }
        try copyAttributes(try source.status(), to: place)
        if unlinkat(place.raw, unfinished, 0) != 0, errno != ENOENT {
            throw SystemError(errno: errno, attempting: "remove what is left of a copy into a volume")
        }
        if !isEmpty { try check(clinux_sync_file_system(place.raw), "sync \(volume)") }
        try Files.remove(mark)
    }

    private static func copyEntries(
        _ source: borrowing Descriptor, _ target: borrowing Descriptor, _ work: inout Work
    ) throws {
        guard work.way.count < deepest else { throw SystemError(errno: ENAMETOOLONG, attempting: "fill a volume") }
        for name in try Files.rawNames(in: source) {
            var status = stat()
            try check(fstatat(source.raw, name, &status, AT_SYMLINK_NOFOLLOW), "stat \(shown(name))")
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                if mkdirat(target.raw, name, 0o700) != 0, errno != EEXIST {
                    throw SystemError(errno: errno, attempting: "make \(shown(name))")
                }
                let inner = try directory(name, in: target)
                work.way.append(name)
                try copyEntries(try directory(name, in: source), inner, &work)
                _ = work.way.popLast()
                try copyAttributes(status, to: inner)
            case S_IFLNK: try copyLink(name, status, source, target)
            case S_IFREG: try copyFile(name, status, source, target, &work)
            default: continue  // Sockets and devices have no content to copy.
            }
        }
    }

    private static func directory(_ name: [CChar], in parent: borrowing Descriptor) throws -> Descriptor {
        let opened = openat(parent.raw, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        return Descriptor(owning: try check(opened, "open \(shown(name))"))
    }

    private static func copyLink(
        _ name: [CChar], _ status: stat, _ source: borrowing Descriptor, _ target: borrowing Descriptor
    ) throws {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        try check(CInt(clamping: readlinkat(source.raw, name, &text, Int(PATH_MAX))), "read \(shown(name))")
        if symlinkat(text, target.raw, name) != 0, errno != EEXIST {
            throw SystemError(errno: errno, attempting: "make \(shown(name))")
        }
        try check(
            fchownat(target.raw, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW), "own \(shown(name))")
    }

    private static func copyFile(
        _ name: [CChar], _ status: stat, _ source: borrowing Descriptor, _ target: borrowing Descriptor,
        _ work: inout Work
    ) throws {
        let id = FileID(device: status.st_dev, inode: status.st_ino)
        if status.st_nlink > 1, let first = work.copied[id], try link(first, name, target, work) { return }
        defer { if status.st_nlink > 1 { work.copied[id] = Place(directory: work.way, name: name) } }
        var present = stat()
        // A power cut may leave a file of an earlier copy without its content.
        if fstatat(target.raw, name, &present, AT_SYMLINK_NOFOLLOW) == 0, present.st_size == status.st_size { return }
        let opened = openat(source.raw, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        let from = Descriptor(owning: try check(opened, "open \(shown(name))"))
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC
        let made = openat(work.aside.raw, unfinished, flags, 0o600)
        let file = Descriptor(owning: try check(made, "make \(shown(name))"))
        while case let piece = try from.readSome(chunkBytes), !piece.isEmpty { try file.writeAll(piece) }
        try copyAttributes(status, to: file)
        try check(renameat(work.aside.raw, unfinished, target.raw, name), "make \(shown(name))")
    }

    /// Gives a copied file one more name. Those who have the volume mounted may have moved or changed it: the way there is looked up without
    /// links and within the volume.
    ///
    /// - Returns: False when it is gone, or the file system makes no more links to it: it is copied once more then.
    private static func link(
        _ first: Place, _ name: [CChar], _ target: borrowing Descriptor, _ work: borrowing Work
    ) throws -> Bool {
        var path: [CChar] = []
        for part in first.directory { path += part.dropLast() + [CChar(bitPattern: UInt8(ascii: "/"))] }
        path += [CChar(bitPattern: UInt8(ascii: ".")), 0]
        let opened = clinux_open_beneath(work.volume.raw, path, O_RDONLY | O_DIRECTORY)
        guard opened >= 0 else { return false }
        let from = Descriptor(owning: opened)
        unlinkat(target.raw, name, 0)
        return linkat(from.raw, first.name, target.raw, name, 0) == 0
    }

    private static func copyAttributes(_ status: stat, to file: borrowing Descriptor) throws {
        try check(fchown(file.raw, status.st_uid, status.st_gid), "set an owner in a volume")
        try check(fchmod(file.raw, status.st_mode & 0o7777), "set a mode in a volume")
    }

    private static func shown(_ name: [CChar]) -> String {
        String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
