import Glibc
import LinuxSystem
import OCI

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
        return size.map { $0 == Int64(found.st_size) } ?? true
    }

    func size(_ digest: Digest) throws -> Int64? { try Files.status(path(digest)).map { Int64($0.st_size) } }

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

/// A blob being written. `append` and `commit` block and are called by one task at a time.
final class BlobWriter: Sendable {
    private let store: ContentStore
    private let temporary: String
    private let file: Descriptor

    init(in store: ContentStore) throws {
        self.store = store
        temporary = "\(store.ingest)/\(RandomID.hex(bytes: 12))"
        file = try Descriptor.open(temporary, O_RDWR | O_CREAT | O_EXCL)
    }

    /// Gone unless committed: then the name is no longer there.
    deinit { unlink(temporary) }

    func append(_ bytes: [UInt8]) throws { try file.writeAll(bytes) }

    /// Gives the blob its name, on disk.
    func commit(_ digest: Digest) throws {
        try check(fsync(file.raw), "fsync \(temporary)")
        try Files.rename(temporary, to: store.path(digest))
        try Files.sync(directory: store.blobs)
    }
}
