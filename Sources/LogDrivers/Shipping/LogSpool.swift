import Foundation
import Glibc
import LinuxSystem
import Logs

/// What removed containers leave: their log's files, and what must be known to send them. `DIRECTORY/ID/log…` and `DIRECTORY/ID/shipped.json`.
struct LogSpool: Sendable {
    let directory: String
    /// Bytes of all together.
    let quota: Int64

    func path(of id: String) -> String { "\(directory)/\(id)/log" }
    private func facts(of id: String) -> String { "\(directory)/\(id)/shipped.json" }

    /// Moves a log's files here. Blocks.
    /// - Parameter log: With its path here.
    func take(_ log: ShippedLog, from path: String) throws {
        let id = log.origin.id
        try Files.makePrivateDirectory(directory)
        try Files.makePrivateDirectory("\(directory)/\(id)")
        // The facts first: what has no files is removed at the next start.
        try Files.writeAtomically([UInt8](try JSONEncoder().encode(log)), to: facts(of: id))
        for name in try Files.list(Files.parent(of: path)) where name == "log" || name.hasPrefix("log.") {
            try Files.rename("\(Files.parent(of: path))/\(name)", to: "\(directory)/\(id)/\(name)")
        }
    }

    /// What earlier lives of the daemon have left. What cannot be read is removed. Blocks.
    func left() throws -> [ShippedLog] {
        guard Files.isDirectory(directory) else { return [] }
        return try Files.list(directory).compactMap { id in
            do {
                guard let facts = try Files.read(facts(of: id)) else { throw TransportError("no facts") }
                return try JSONDecoder().decode(ShippedLog.self, from: Data(facts))
            } catch {
                try Files.removeTree("\(directory)/\(id)")
                return nil
            }
        }
    }

    /// What each container has left, and when that was made, in nanoseconds since 1970. Blocks.
    func usage() throws -> [(id: String, bytes: Int64, modified: Int64)] {
        guard Files.isDirectory(directory) else { return [] }
        return try Files.list(directory).compactMap { id in
            guard let time = try Files.status("\(directory)/\(id)")?.st_mtim else { return nil }
            let modified = Int64(clamping: time.tv_sec) &* 1_000_000_000 &+ Int64(clamping: time.tv_nsec)
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
