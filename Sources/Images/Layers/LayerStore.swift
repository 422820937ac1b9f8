import FoundationEssentials
import Glibc
import LinuxSystem
import Model
import OCI

/// Unpacked layers: `layers/CHAIN-ID/fs`, made under a temporary name and renamed when whole and synced. Calls block.
struct LayerStore: Sendable {
    let root: String
    /// What may come out of a layer's archive.
    let bound: UnpackingBound

    /// What is known of an unpacked layer, kept in `layer.json` beside it.
    struct Record: VersionedRecord, Equatable {
        static let recordKind = "layer"
        static let recordVersion = 1

        var diffID: Digest
        /// Bytes in its regular files.
        var size: Int64
    }

    private static let temporaryPrefix = "tmp-"
    private static let recordName = "layer.json"

    var layers: String { "\(root)/layers" }

    func directory(_ chain: Digest) -> String { "\(layers)/\(chain.hex)/fs" }

    /// Makes the directory and removes what interrupted work has left.
    func prepare() throws {
        try Files.makePrivateDirectory(layers)
        for name in try Files.list(layers) where name.hasPrefix(Self.temporaryPrefix) {
            try Files.removeTree("\(layers)/\(name)")
        }
    }

    /// `nil` when the layer is not there; a record that cannot be read counts as such.
    func record(_ chain: Digest) throws -> Record? {
        guard let bytes = try Files.read("\(layers)/\(chain.hex)/\(Self.recordName)") else { return nil }
        return try? PlainJSON.decode(record: Record.self, from: bytes)  // The layer is unpacked anew then.
    }

    func list() throws -> [Digest] { try Files.list(layers).compactMap { Digest(hex: $0) } }

    /// Unpacks an archive, unless it turns out not to be what it should be.
    /// - Throws: ``ImagesError`` `damaged` when the archive's file is not `blob` (if given) or its content not `diffID`.
    func unpack(
        _ path: String, blob: Digest?, diffID: Digest, as chain: Digest, stop: StopFlag,
        progress: @escaping @Sendable (Int64) -> Void
    ) throws -> Record {
        if let known = try record(chain) { return known }
        let temporary = "\(layers)/\(Self.temporaryPrefix)\(RandomID.hex(bytes: 12))"
        try Files.makeDirectories("\(temporary)/fs", mode: 0o755)
        do {
            let record = try fill(temporary, path, blob, diffID, stop, progress)
            let final = "\(layers)/\(chain.hex)"
            if Files.exists(final) { try discard(final) }
            try Files.rename(temporary, to: final)
            try Files.sync(directory: layers)
            return record
        } catch {
            try Files.removeTree(temporary)
            throw error
        }
    }

    private func fill(
        _ temporary: String, _ path: String, _ blob: Digest?, _ diffID: Digest, _ stop: StopFlag,
        _ progress: @escaping @Sendable (Int64) -> Void
    ) throws -> Record {
        // libarchive reads names in the thread's character set; this thread ends with this work.
        let utf8 = newlocale(1 << LC_CTYPE, "C.UTF-8", nil)
        let before = uselocale(utf8)
        defer {
            uselocale(before)
            if let utf8 { freelocale(utf8) }
        }
        let archive = try LayerArchive(path, stop: stop, bound: bound, progress: progress)
        let unpacker = try LayerUnpacker(into: "\(temporary)/fs")
        try unpacker.unpack(archive)
        let digests = try archive.finish()
        if let blob, digests.packed != blob {
            throw ImagesError(.damaged, "layer \(blob) is damaged: its content has digest \(digests.packed)")
        }
        if digests.plain != diffID {
            throw ImagesError(.damaged, "layer \(diffID) is damaged: its content has digest \(digests.plain)")
        }
        let record = Record(diffID: diffID, size: unpacker.size)
        try Files.writeAtomically(try PlainJSON.encode(record: record), to: "\(temporary)/\(Self.recordName)")
        try unpacker.sync()
        return record
    }

    func remove(_ chain: Digest) throws { try discard("\(layers)/\(chain.hex)") }

    /// Takes the name away first, so that no half of a layer is ever found under it.
    private func discard(_ path: String) throws {
        let temporary = "\(layers)/\(Self.temporaryPrefix)\(RandomID.hex(bytes: 12))"
        guard Files.exists(path) else { return }
        try Files.rename(path, to: temporary)
        try Files.removeTree(temporary)
    }
}
