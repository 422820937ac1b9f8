import Glibc
import LinuxSystem
import Model
import OCI

/// Where a container's root file system is put together.
package struct RootFilesystem: Sendable, Equatable {
    /// Topmost first, as overlayfs takes them.
    package let lower: [String]
    /// What the container writes.
    package let upper: String
    /// Overlayfs' own, on the same file system as ``upper``.
    package let work: String
    /// Where it is mounted.
    package let merged: String
    /// Nothing is synced to disk: for containers that are removed when they end.
    package let isVolatile: Bool

    /// What `inspect` shows as `GraphDriver.Data`.
    package var graphDriverData: [String: String] {
        ["LowerDir": lower.joined(separator: ":"), "MergedDir": merged, "UpperDir": upper, "WorkDir": work]
    }
}

/// Containers' root file systems: `snapshots/ID/{diff,work,merged}` and the layers below in `snapshot.json`, by which a
/// restarted daemon finds them. Calls block.
struct Snapshots: Sendable {
    let root: String
    let layers: LayerStore

    struct Record: VersionedRecord, Equatable {
        static let recordKind = "container-root"
        static let recordVersion = 1

        var image: Digest
        /// Lowest first.
        var chainIDs: [Digest]
        var isVolatile: Bool
    }

    private static let recordName = "snapshot.json"
    private static let temporaryPrefix = ".tmp-"

    var snapshots: String { "\(root)/snapshots" }

    func prepare() throws {
        try Files.makePrivateDirectory(snapshots)
        for name in try Files.list(snapshots) where name.hasPrefix(Self.temporaryPrefix) {
            try Files.removeTree("\(snapshots)/\(name)")
        }
    }

    func directory(_ container: String) throws -> String {
        guard !container.isEmpty, !container.hasPrefix("."), !container.contains("/"), container.utf8.count <= 128
        else {
            throw ImagesError(.missing, "\"\(container.prefix(150))\" is no container's id")
        }
        return "\(snapshots)/\(container)"
    }

    /// - Throws: ``ImagesError`` `damaged` when it is there and cannot be read.
    func record(_ container: String) throws -> Record? {
        guard let bytes = try Files.read("\(try directory(container))/\(Self.recordName)") else { return nil }
        do { return try PlainJSON.decode(record: Record.self, from: bytes) } catch {
            throw ImagesError(.damaged, "what the root of container \(container) is made of cannot be read: \(error)")
        }
    }

    /// The containers whose record cannot be read.
    func unread() throws -> [UnreadRecord] {
        var unread: [UnreadRecord] = []
        for container in try list() {
            do { _ = try record(container) } catch {
                unread.append(UnreadRecord(type: "container", id: container, reason: "\(error)"))
            }
        }
        return unread
    }

    /// Whether a container needs a layer. One whose record cannot be read may need any.
    func needs(_ chain: Digest, _ container: String) throws -> Bool {
        do {
            return try record(container)?.chainIDs.contains(chain) == true
        } catch let error as ImagesError where error.code == .damaged {
            return true
        }
    }

    func list() throws -> [String] { try Files.list(snapshots).filter { !$0.hasPrefix(".") } }

    /// Makes the directories; what is there already stays.
    func create(_ container: String, _ record: Record) throws -> RootFilesystem {
        let final = try directory(container)
        if try self.record(container) == nil {
            let temporary = "\(snapshots)/\(Self.temporaryPrefix)\(RandomID.hex(bytes: 12))"
            try Files.makeDirectories("\(temporary)/work", mode: 0o700)
            try Files.makeDirectories("\(temporary)/merged", mode: 0o700)
            try Files.makeDirectories("\(temporary)/diff", mode: 0o755)
            // As Docker's, a container's own `/` is root's, and everybody may enter it.
            try Files.writeAtomically(try PlainJSON.encode(record: record), to: "\(temporary)/\(Self.recordName)")
            try Files.rename(temporary, to: final)
        }
        return try layout(container)
    }

    /// Where the container's own changes are. Nothing else need be known of it.
    func changes(_ container: String) throws -> String {
        let upper = "\(try directory(container))/diff"
        guard Files.isDirectory(upper) else {
            throw ImagesError(.missing, "container \(container) has no root file system")
        }
        return upper
    }

    func layout(_ container: String) throws -> RootFilesystem {
        let base = try directory(container)
        guard let record = try record(container) else {
            throw ImagesError(.missing, "container \(container) has no root file system")
        }
        var lower = record.chainIDs.reversed().map(layers.directory)
        // overlayfs wants one below the upper, also for an image without layers.
        if lower.isEmpty {
            try Files.makeDirectories("\(base)/empty", mode: 0o755)
            lower = ["\(base)/empty"]
        }
        return RootFilesystem(
            lower: lower, upper: "\(base)/diff", work: "\(base)/work", merged: "\(base)/merged",
            isVolatile: record.isVolatile)
    }

    func mount(_ container: String) throws -> RootFilesystem {
        let layout = try layout(container)
        if Mounts.isMountPoint(layout.merged) { return layout }
        // overlayfs leaves this mark in a volatile mount's work directory and refuses the next mount for it, since
        // what was written may be lost. Such a container ends with the machine that ran it.
        try Files.removeTree("\(layout.work)/work/incompat")
        try Mounts.overlay(
            lower: layout.lower, upper: layout.upper, work: layout.work, at: layout.merged, volatile: layout.isVolatile)
        return layout
    }

    func unmount(_ container: String) throws { try Mounts.unmount("\(try directory(container))/merged") }

    func remove(_ container: String) throws {
        let path = try directory(container)
        try Mounts.unmountAll(below: "\(path)/merged", lazily: true)
        guard Files.exists(path) else { return }
        let temporary = "\(snapshots)/\(Self.temporaryPrefix)\(RandomID.hex(bytes: 12))"
        try Files.rename(path, to: temporary)
        try Files.removeTree(temporary)
    }
}
