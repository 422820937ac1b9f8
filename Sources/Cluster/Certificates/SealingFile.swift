import EtcdStore
import Faults
import LinuxSystem
import Model
import Synchronization

/// The secrets that a manager seals the store's values with, and the file in which they outlive its daemon.
final class SealingFile: Sendable {
    let keys: SealingKeys
    private let path: String
    /// One writer at a time, so that none replaces a later state by an earlier one.
    private let writing = Mutex(())

    private init(_ keys: SealingKeys, path: String) {
        self.keys = keys
        self.path = path
    }

    /// What a node has, nothing on one that is no manager. Blocking.
    static func load(_ files: CredentialFiles) throws -> SealingFile {
        let path = files.sealingPath
        guard let bytes = try Files.read(path) else { return SealingFile(SealingKeys(), path: path) }
        do {
            return SealingFile(SealingKeys(try WireJSON.decode(record: SealingKeys.Ring.self, from: bytes)), path: path)
        } catch {
            throw ClusterError(.badMembership, "\(path) cannot be read: \(error)")
        }
    }

    /// Takes what another manager has told, and keeps it before it is used.
    func take(_ secrets: [SealingKeys.Secret], current: String?) async throws {
        keys.take(secrets)
        if let current { keys.use(current) }
        try await save()
    }

    func save() async throws {
        try await onThread {
            try self.writing.withLock { _ in
                try Files.writeAtomically(try WireJSON.encode(record: self.keys.ring), to: self.path, mode: 0o600)
            }
        }
    }

    /// For a node that is no manager any more.
    func forget() async throws {
        keys.forget()
        try await onThread { try self.writing.withLock { _ in try Files.remove(self.path) } }
    }
}
