import EtcdStore
import LinuxSystem
import Model

extension CredentialFiles {
    /// Renames what cannot be read of the lists beside the certificate, so that it is not lost when they are written anew: managers tell
    /// what has been revoked, and the secrets of the store. Blocking.
    /// - Returns: What was set aside; its id is its new path.
    func setAsideUnread() throws -> [UnreadRecord] {
        var unread: [UnreadRecord] = []
        func check(_ path: String, _ read: () throws -> Void) throws {
            do { try read() } catch let error as ClusterError where error.code == .badMembership {
                unread.append(
                    UnreadRecord(type: "daemon", id: try UnreadFile.setAside(path), reason: error.description))
            }
        }
        try check(revokedPath) { _ = try loadRevoked() }
        try check(sealingPath) { _ = try SealingFile.load(self) }
        return unread
    }
}

/// Files that cannot be read and are to be written anew. Blocking.
enum UnreadFile {
    /// - Returns: Where it is now.
    static func setAside(_ path: String) throws -> String {
        let aside = "\(path).unread-\(RandomID.hex(bytes: 6))"
        try Files.rename(path, to: aside)
        return aside
    }

    /// Writes what was in a file beside it.
    /// - Returns: Where it is.
    static func keep(_ bytes: [UInt8], of path: String) throws -> String {
        let aside = "\(path).unread-\(RandomID.hex(bytes: 6))"
        try Files.writeAtomically(bytes, to: aside, mode: 0o600)
        return aside
    }
}
