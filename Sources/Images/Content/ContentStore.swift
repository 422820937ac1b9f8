import Glibc
import LinuxSystem
import OCI
import Synchronization

/// Blobs by digest: `blobs/sha256/HEX`, written under another name in `ingest/` and renamed when whole, synced and
/// found to have their digest. Calls block.
struct ContentStore: Sendable {
    let root: String

    /// Documents (manifests, configurations) larger than this are not read into memory.
    static let longestDocument = 8 << 20

    var ingest: String { "\(root)/ingest" }
    var blobs: String { "\(root)/blobs/sha256" }

    func path(_ digest: Digest) -> String { "\(blobs)/\(digest.hex)" }

    /// Makes the directories and removes what an interrupted write has left.
    func prepare() throws {
        try Files.makeDirectories(blobs)
        try Files.makeDirectories(ingest)
        for name in try Files.list(ingest) { try Files.removeTree("\(ingest)/\(name)") }
    }

    /// Whether there is a blob of this digest and, when known, size. Its content is checked when it is used.
    func has(_ digest: Digest, size: Int64? = nil) -> Bool {
        // An error here is met again, and told, when the blob is opened.
        guard let found = try? Files.status(path(digest)), found.st_mode & S_IFMT == S_IFREG else { return false }
        return size.map { $0 == Int64(clamping: found.st_size) } ?? true
    }

    func size(_ digest: Digest) throws -> Int64? { try Files.status(path(digest)).map { Int64(clamping: $0.st_size) } }

    /// A document's bytes; `nil` when it is missing or no longer has its digest.
    func document(_ digest: Digest) throws -> [UInt8]? {
        guard let bytes = try Files.read(path(digest), limit: ContentStore.longestDocument),
            Digest(of: bytes) == digest
        else { return nil }
        return bytes
    }

    /// Keeps a document. One of the same name that is damaged is replaced.
    @discardableResult
    func store(_ document: [UInt8]) throws -> Digest {
        let digest = Digest(of: document)
        if try self.document(digest) == nil { try Files.writeAtomically(document, to: path(digest)) }
        return digest
    }

    func remove(_ digest: Digest) throws { try Files.remove(path(digest)) }

    /// Digests of all blobs.
    func list() throws -> [Digest] { try Files.list(blobs).compactMap { Digest(hex: $0) } }
}

/// A blob being written. Calls block and are made by one task at a time.
final class BlobWriter: Sendable {
    private let store: ContentStore
    /// Where the bytes are until the blob is committed; gone when this value is.
    let temporary: String
    /// −1 when closed.
    private let file: Mutex<CInt>

    init(in store: ContentStore) throws {
        self.store = store
        temporary = "\(store.ingest)/\(RandomID.hex(bytes: 12))"
        file = Mutex(try Descriptor.open(temporary, O_RDWR | O_CREAT | O_EXCL).release())
    }

    /// Gone unless committed: then the name is no longer there.
    deinit {
        finish()
        unlink(temporary)
    }

    func append(_ bytes: [UInt8]) throws {
        try file.withLock { file in
            var written = 0
            while written < bytes.count {
                written += try retrying("write \(temporary)") {
                    bytes.withUnsafeBytes { whole in
                        let rest = UnsafeRawBufferPointer(rebasing: whole.dropFirst(written))
                        return write(file, rest.baseAddress, rest.count)
                    }
                }
            }
        }
    }

    /// Closes the file; nothing is appended any more. It may be read and committed.
    func finish() {
        file.withLock { file in
            if file >= 0 { close(file) }
            file = -1
        }
    }

    /// Gives the blob its name, on disk.
    func commit(_ digest: Digest) throws {
        finish()
        let written = try Descriptor.open(temporary, O_RDONLY)
        try check(fsync(written.raw), "fsync \(temporary)")
        try Files.rename(temporary, to: store.path(digest))
        try Files.sync(directory: store.blobs)
    }
}

/// A blob being read from front to back, and checked. `next` blocks and is called by one task at a time.
final class BlobReader: Sendable {
    private struct State {
        var digester = Digester()
        var position: Int64 = 0
        var isOver = false
    }

    private let file: Descriptor
    private let digest: Digest
    private let size: Int64
    private let state = Mutex(State())

    /// - Throws: ``ImagesError`` `damaged` when the file has another size.
    init(_ path: String, digest: Digest, size: Int64) throws {
        guard let found = try Files.status(path) else { throw ImagesError(.missing, "blob \(digest) is missing") }
        guard Int64(clamping: found.st_size) == size else { throw BlobReader.damage(digest) }
        file = try Descriptor.open(path, O_RDONLY)
        self.digest = digest
        self.size = size
    }

    /// How many bytes have been read.
    var position: Int64 { state.withLock { $0.position } }

    /// The next bytes; `nil` at the end of a blob that is what it should be.
    func next(_ count: Int) throws -> [UInt8]? {
        let piece = try file.readSome(count)
        return try state.withLock { state in
            guard !state.isOver else { return nil }
            state.digester.update(piece)
            state.position += Int64(clamping: piece.count)
            // The last piece is held back unless all is well: nobody is to take a damaged blob for a whole one.
            if piece.isEmpty || state.position >= size {
                state.isOver = true
                guard state.position == size, state.digester.finish() == digest else { throw BlobReader.damage(digest) }
            }
            return piece.isEmpty ? nil : piece
        }
    }

    private static func damage(_ digest: Digest) -> ImagesError {
        ImagesError(.damaged, "blob \(digest) is damaged: its content has another digest")
    }
}
