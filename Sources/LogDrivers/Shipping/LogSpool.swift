import Foundation
import Glibc
import LinuxSystem
import Logs
import Model

/// What removed containers leave: their log's files, and what must be known to send them. `DIRECTORY/ID/log…` and `DIRECTORY/ID/shipped.json`.
struct LogSpool: Sendable {
    let directory: String
    /// Bytes of all together.
    let quota: Int64

    func path(of id: String) -> String { "\(directory)/\(id)/log" }
    private func facts(of id: String) -> String { "\(directory)/\(id)/shipped.json" }

    /// What is set aside is called so behind its id.
    private static let asideMark = ".unread-"
    /// Whether that is what was set aside, not what is to be sent.
    static func isAside(_ id: String) -> Bool { id.contains(asideMark) }

    /// Moves a log's files here. Blocks.
    /// - Parameter log: With its path here.
    func take(_ log: ShippedLog, from path: String) throws {
        let id = log.origin.id
        try Files.makePrivateDirectory(directory)
        try Files.makePrivateDirectory("\(directory)/\(id)")
        // The facts first: what has no files is removed at the next start.
        try Files.writeAtomically(try PlainJSON.encode(record: log), to: facts(of: id))
        for name in try Files.list(Files.parent(of: path)) where Self.isLog(name) {
            try Files.rename("\(Files.parent(of: path))/\(name)", to: "\(directory)/\(id)/\(name)")
        }
    }

    /// What earlier lives of the daemon have left. What cannot be read is renamed, log and all. Blocks.
    /// - Returns: Also what was set aside; its id is its new path.
    func left() throws -> (logs: [ShippedLog], unread: [UnreadRecord]) {
        var logs: [ShippedLog] = []
        var unread: [UnreadRecord] = []
        guard Files.isDirectory(directory) else { return (logs, unread) }
        for id in try Files.list(directory) where !Self.isAside(id) {
            do {
                if let kept = try Files.read(facts(of: id)) {
                    logs.append(try PlainJSON.decode(record: ShippedLog.self, from: kept))
                } else if try Files.list("\(directory)/\(id)").contains(where: Self.isLog) {
                    throw TransportError("there is nothing that says where it is to be sent")
                } else {
                    // The daemon ended before it had taken anything.
                    try remove(id)
                }
            } catch {
                unread.append(UnreadRecord(type: "daemon", id: setAside(id), reason: "\(error)"))
            }
        }
        return (logs, unread)
    }

    /// - Returns: Where it is now: at its place, if it cannot be renamed either. The others are sent all the same.
    private func setAside(_ id: String) -> String {
        let path = "\(directory)/\(id)"
        let aside = path + Self.asideMark + RandomID.hex(bytes: 6)
        do { try Files.rename(path, to: aside) } catch { return path }
        return aside
    }

    private static func isLog(_ name: String) -> Bool { name == "log" || name.hasPrefix("log.") }

    /// What each container has left, and when that was made, in nanoseconds since 1970. What was set aside counts, under its new name. Blocks.
    func usage() throws -> [(id: String, bytes: Int64, modified: Int64)] {
        guard Files.isDirectory(directory) else { return [] }
        return try Files.list(directory).compactMap { id in
            guard let modified = try Files.status("\(directory)/\(id)")?.st_mtim.nanoseconds else { return nil }
            return (id, try Files.treeBytes("\(directory)/\(id)"), modified)
        }
    }

    /// The oldest, as long as all together have more than they may. Blocks.
    func overQuota(but newest: String) throws -> [String] {
        let all = try usage()
        var total = all.reduce(0) { $0 + $1.bytes }
        var gone: [String] = []
        for one in all.sorted(by: { $0.modified < $1.modified }) where total > quota && one.id != newest {
            gone.append(one.id)
            total -= one.bytes
        }
        return gone
    }

    /// Missing is fine. Blocks.
    func remove(_ id: String) throws { try Files.removeTree("\(directory)/\(id)") }
}
