import Glibc
import LinuxSystem
import OCI
import Synchronization

/// The files of an archive of images, each in a file of its own below the store's `ingest`, with digest and size.
///
/// Names from the archive are keys of a dictionary and never paths on disk: nothing in it can reach outside.
final class ArchiveContents: Sendable {
    struct File: Sendable {
        let writer: BlobWriter
        let digest: Digest
        let size: Int64
        /// First bytes, by which the compression is known.
        let beginning: [UInt8]
    }

    /// More than this in one archive is no archive of images.
    static let mostEntries = 100_000
    private static let mostLinks = 8
    /// Documents are in memory, and an index may name one of them any number of times.
    static let mostDocumentBytes: Int64 = 64 << 20

    private let files: [String: File]
    /// What links point to; older archives have one for a layer that occurs twice.
    private let links: [String: String]
    private let content: ContentStore
    /// Of the documents asked for so far.
    private let documentBytes = Mutex<Int64>(0)

    /// Reads the archive at `path`, plain or packed. Blocks.
    /// - Throws: ``ImagesError`` `badArchive`, `tooLarge`.
    init(_ path: String, in content: ContentStore, bound: UnpackingBound, stop: StopFlag) throws {
        var files: [String: File] = [:]
        var links: [String: String] = [:]
        let archive = try LayerArchive(path, stop: stop, packing: .any, bound: bound)
        while let entry = try archive.next() {
            guard files.count + links.count < Self.mostEntries else {
                throw ImagesError(.badArchive, "archive has more than \(Self.mostEntries) entries")
            }
            let name = Self.normal(String(decoding: entry.path, as: UTF8.self))
            switch entry.kind {
            case .regular: files[name] = try Self.extract(entry, from: archive, in: content)
            case .hardLink(let target): links[name] = Self.normal(String(decoding: target, as: UTF8.self))
            case .symbolicLink(let target):
                let above = name.lastIndex(of: "/").map { name[...$0] } ?? ""
                links[name] = Self.normal(above + String(decoding: target, as: UTF8.self))
            case .directory, .fifo, .characterDevice, .blockDevice: continue
            }
        }
        _ = try archive.finish()
        self.files = files
        self.links = links
        self.content = content
    }

    private static func extract(_ entry: ArchiveEntry, from archive: LayerArchive, in content: ContentStore) throws
        -> File
    {
        let writer = try BlobWriter(in: content)
        var digester = Digester()
        var size: Int64 = 0
        var beginning: [UInt8] = []
        try archive.data { block, offset in
            guard offset == size else { throw ImagesError(.badArchive, "archive has a file with holes") }
            if beginning.count < 8 { beginning += block.prefix(max(0, 8 - beginning.count)) }
            digester.update(block)
            try writer.append(Array(block))
            size += Int64(clamping: block.count)
        }
        writer.finish()
        guard size == entry.size else { throw ImagesError(.badArchive, "unexpected EOF") }
        return File(writer: writer, digest: digester.finish(), size: size, beginning: beginning)
    }

    /// Without `.` and empty parts; `..` takes the part before it away.
    private static func normal(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts.joined(separator: "/")
    }

    /// The file of a name, links followed; `nil` when there is none.
    func file(_ name: String) -> File? {
        var name = Self.normal(name)
        for _ in 0..<Self.mostLinks {
            if let file = files[name] { return file }
            guard let target = links[name] else { return nil }
            name = target
        }
        return nil
    }

    /// The file that must be there.
    /// - Throws: ``ImagesError`` `badArchive` when it is missing, `damaged` when it is named by a digest it does not have.
    func required(_ name: String) throws -> File {
        guard let file = file(name) else { throw ImagesError(.badArchive, "invalid archive: \(name) is missing") }
        if name.hasPrefix(ArchiveNames.blobs),
            let named = Digest(hex: String(name.dropFirst(ArchiveNames.blobs.count))),
            named != file.digest
        {
            throw ImagesError(.damaged, "blob \(named) is damaged: its content has digest \(file.digest)")
        }
        return file
    }

    /// A document's bytes; `nil` when there is none.
    func document(_ name: String) throws -> [UInt8]? {
        guard let file = file(name) else { return nil }
        return try bytes(file, name)
    }

    func requiredDocument(_ name: String) throws -> [UInt8] { try bytes(try required(name), name) }

    private func bytes(_ file: File, _ name: String) throws -> [UInt8] {
        guard file.size <= ContentStore.longestDocument,
            let bytes = try Files.read(file.writer.temporary, limit: ContentStore.longestDocument)
        else { throw ImagesError(.badArchive, "invalid archive: \(name) is too long") }
        let total = documentBytes.withLock { total in
            total += file.size
            return total
        }
        guard total <= Self.mostDocumentBytes else {
            throw ImagesError(.badArchive, "invalid archive: its documents are too long")
        }
        return bytes
    }
}
