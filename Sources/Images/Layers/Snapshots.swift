import Glibc
import LinuxSystem
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

    struct Record: Codable, Sendable, Equatable {
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

    func record(_ container: String) throws -> Record? {
        guard let bytes = try Files.read("\(try directory(container))/\(Self.recordName)") else { return nil }
        return try OCIDocument.decode(bytes)
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
            try Files.writeAtomically(try OCIDocument.encode(record), to: "\(temporary)/\(Self.recordName)")
            try Files.rename(temporary, to: final)
        }
        return try layout(container)
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
