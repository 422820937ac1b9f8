import CArchive
import Glibc
import LinuxSystem
import OCI
import Synchronization

/// Asks a thread's blocking work to stop.
final class StopFlag: Sendable {
    private let stopped = Atomic(false)

    func stop() { stopped.store(true, ordering: .relaxed) }
    var isSet: Bool { stopped.load(ordering: .relaxed) }
}

/// An archive that is read once from front to back, gzip, zstd or plain, with the digests of what was read.
///
/// Two readers of libarchive, one behind the other: the first only decompresses, so that the digest of the plain
/// archive can be taken; the second reads tar. Used by one thread.
final class LayerArchive {
    static let chunkBytes = 128 << 10

    /// How the file may be packed.
    enum Packing {
        /// As layers are in registries: gzip, zstd or not at all.
        case layer
        /// As users pack archives: bzip2 and xz, too.
        case any
    }

    private let file: CInt
    private let chunk: UnsafeMutableRawBufferPointer
    private let plain: OpaquePointer
    private let tar: OpaquePointer
    private let stop: StopFlag
    private let bound: UnpackingBound
    private let progress: (Int64) -> Void
    private var packedDigester = Digester()
    private var plainDigester = Digester()
    private var failure: (any Error)?
    /// The file has not a byte: libarchive then takes a question for one too many.
    private var isEmpty = false
    /// Bytes of the file read so far.
    private(set) var bytesRead: Int64 = 0
    private var bytesUnpacked: Int64 = 0

    /// - Parameters:
    ///   - bound: How much may come out of it; reading fails with ``ImagesError`` `tooLarge` where more does.
    ///   - progress: Told how many bytes of the file have been read.
    init(
        _ path: String, stop: StopFlag = StopFlag(), packing: Packing = .layer, bound: UnpackingBound,
        progress: @escaping (Int64) -> Void = { _ in }
    ) throws {
        guard let plain = archive_read_new(), let tar = archive_read_new() else {
            throw SystemError(errno: ENOMEM, attempting: "read \(path)")
        }
        file = try Descriptor.open(path, O_RDONLY).release()
        chunk = .allocate(byteCount: LayerArchive.chunkBytes, alignment: 16)
        self.plain = plain
        self.tar = tar
        self.progress = progress
        self.bound = bound
        self.stop = stop
        archive_read_support_filter_gzip(plain)
        archive_read_support_filter_zstd(plain)
        if packing == .any {
            archive_read_support_filter_bzip2(plain)
            archive_read_support_filter_xz(plain)
        }
        archive_read_support_format_raw(plain)
        archive_read_support_format_empty(plain)
        archive_read_support_format_tar(tar)
        archive_read_support_format_empty(tar)
        let this = Unmanaged.passUnretained(self).toOpaque()
        let opened = archive_read_open(
            plain, this, nil,
            { _, data, buffer in LayerArchive.of(data)?.readPacked(buffer) ?? -1 }, nil)
        try demand(opened, of: plain)
        var entry: OpaquePointer?
        let first = archive_read_next_header(plain, &entry)
        isEmpty = first == ARCHIVE_EOF
        if !isEmpty { try demand(first, of: plain) }
        try demand(
            archive_read_open(
                tar, this, nil, { _, data, buffer in LayerArchive.of(data)?.readPlain(buffer) ?? -1 }, nil), of: tar)
    }

    deinit {
        archive_read_free(tar)
        archive_read_free(plain)
        chunk.deallocate()
        close(file)
    }

    private static func of(_ data: UnsafeMutableRawPointer?) -> LayerArchive? {
        data.map { Unmanaged<LayerArchive>.fromOpaque($0).takeUnretainedValue() }
    }

    private func readPacked(_ buffer: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
        if stop.isSet {
            failure = CancellationError()
            return -1
        }
        while true {
            let count = read(file, chunk.baseAddress, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                failure = SystemError(errno: errno, attempting: "read an archive")
                return -1
            }
            packedDigester.update(UnsafeRawBufferPointer(rebasing: chunk.prefix(count)))
            bytesRead += Int64(clamping: count)
            progress(bytesRead)
            buffer?.pointee = UnsafeRawPointer(chunk.baseAddress)
            return count
        }
    }

    private func readPlain(_ buffer: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
        while !isEmpty {
            var block: UnsafeRawPointer?
            var size = 0
            var offset: la_int64_t = 0
            let result = archive_read_data_block(plain, &block, &size, &offset)
            if result == ARCHIVE_EOF { return 0 }
            guard result == ARCHIVE_OK || result == ARCHIVE_WARN else {
                if failure == nil { failure = LayerArchive.complaint(plain) }
                return -1
            }
            if size == 0 { continue }
            bytesUnpacked += Int64(clamping: size)
            do { try bound.check(packed: bytesRead, plain: bytesUnpacked) } catch {
                failure = error
                return -1
            }
            plainDigester.update(UnsafeRawBufferPointer(start: block, count: size))
            buffer?.pointee = block
            return size
        }
        return 0
    }

    private static func complaint(_ archive: OpaquePointer) -> ImagesError { .unreadable(archive) }

    private func demand(_ result: CInt, of archive: OpaquePointer) throws {
        if let failure { throw failure }
        if result != ARCHIVE_OK, result != ARCHIVE_WARN { throw LayerArchive.complaint(archive) }
    }

    /// The next entry, valid until the next call; `nil` at the end.
    func next() throws -> ArchiveEntry? {
        var entry: OpaquePointer?
        let result = archive_read_next_header(tar, &entry)
        if let failure { throw failure }
        if result == ARCHIVE_EOF { return nil }
        try demand(result, of: tar)
        guard let entry else { throw LayerArchive.complaint(tar) }
        return try ArchiveEntry(entry)
    }

    /// Brings the present entry's data, block by block with each block's offset; holes are left out.
    func data(_ receive: (UnsafeRawBufferPointer, Int64) throws -> Void) throws {
        while true {
            var block: UnsafeRawPointer?
            var size = 0
            var offset: la_int64_t = 0
            let result = archive_read_data_block(tar, &block, &size, &offset)
            if let failure { throw failure }
            if result == ARCHIVE_EOF { return }
            try demand(result, of: tar)
            if size > 0 { try receive(UnsafeRawBufferPointer(start: block, count: size), offset) }
        }
    }

    /// Reads what is left and tells the digests of the file and of the plain archive in it.
    func finish() throws -> (packed: Digest, plain: Digest) {
        var ignored: UnsafeRawPointer?
        while true {
            let count = withUnsafeMutablePointer(to: &ignored) { readPlain($0) }
            if let failure { throw failure }
            if count <= 0 { break }
        }
        // A decompressor stops at the end of its stream; what follows in the file is part of the blob all the same.
        while readPacked(nil) > 0 {}
        if let failure { throw failure }
        return (packedDigester.finish(), plainDigester.finish())
    }
}

extension ImagesError {
    /// Of an archive that ends too early, or is none: in the words of Go's packages, which Docker's clients know. libarchive's own are about
    /// its inside.
    static func unreadable(_ archive: OpaquePointer) -> ImagesError {
        let text = archive_error_string(archive).map { String(cString: $0).lowercased() } ?? ""
        return ImagesError(
            .badArchive, text.contains("truncated") ? "unexpected EOF" : "archive/tar: invalid tar header")
    }
}

/// What an archive says of one file.
struct ArchiveEntry {
    enum Kind: Equatable {
        case directory, regular, symbolicLink(to: [UInt8]), hardLink(to: [UInt8]), fifo
        case characterDevice(dev_t), blockDevice(dev_t)
    }

    let path: [UInt8]
    let kind: Kind
    let mode: mode_t
    let owner: uid_t
    let group: gid_t
    let size: Int64
    let modified: timespec
    let attributes: [(name: String, value: [UInt8])]

    init(_ entry: OpaquePointer) throws {
        guard let name = archive_entry_pathname(entry) ?? archive_entry_pathname_utf8(entry) else {
            throw ImagesError(.refusedEntry, "archive has an entry without a name")
        }
        path = ArchiveEntry.bytes(name)
        mode = archive_entry_perm(entry) & 0o7777
        owner = uid_t(truncatingIfNeeded: archive_entry_uid(entry))
        group = gid_t(truncatingIfNeeded: archive_entry_gid(entry))
        size = archive_entry_size(entry)
        modified = timespec(tv_sec: archive_entry_mtime(entry), tv_nsec: archive_entry_mtime_nsec(entry))
        if let target = archive_entry_hardlink(entry) ?? archive_entry_hardlink_utf8(entry) {
            kind = .hardLink(to: ArchiveEntry.bytes(target))
        } else {
            let type = archive_entry_filetype(entry)
            switch type {
            case S_IFREG: kind = .regular
            case S_IFDIR: kind = .directory
            case S_IFIFO: kind = .fifo
            case S_IFCHR: kind = .characterDevice(archive_entry_rdev(entry))
            case S_IFBLK: kind = .blockDevice(archive_entry_rdev(entry))
            case S_IFLNK:
                guard let target = archive_entry_symlink(entry) ?? archive_entry_symlink_utf8(entry) else {
                    throw ImagesError(.refusedEntry, "archive has a symbolic link without a target")
                }
                kind = .symbolicLink(to: ArchiveEntry.bytes(target))
            default:
                throw ImagesError(
                    .refusedEntry, "archive has an entry of an unknown kind: \(String(decoding: path, as: UTF8.self))")
            }
        }
        var attributes: [(name: String, value: [UInt8])] = []
        archive_entry_xattr_reset(entry)
        var attribute: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var length = 0
        while archive_entry_xattr_next(entry, &attribute, &value, &length) == ARCHIVE_OK {
            guard let attribute else { continue }
            attributes.append(
                (String(cString: attribute), Array(UnsafeRawBufferPointer(start: value, count: length))))
        }
        self.attributes = attributes
    }

    private static func bytes(_ text: UnsafePointer<CChar>) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }
}
