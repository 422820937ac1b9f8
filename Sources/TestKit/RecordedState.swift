import Foundation
import GRDB
import LinuxSystem

extension RecordedFiles {
    /// Where the recorded node had its root directory.
    private static let recordedRoot = "/var/lib/apus/"

    /// Puts a recorded node's root directory somewhere else. What it says of its own place is what it would say there: nothing of the
    /// machine's own is touched.
    package static func copyState(_ name: String = "manager", to directory: String) throws {
        try Files.makeDirectories(Files.parent(of: directory))
        if Files.exists(directory) { try Files.removeTree(directory) }
        try FileManager.default.copyItem(atPath: "\(self.directory)/State/\(name)", toPath: directory)
        try change(directory + "/engine.db") { database in
            try database.execute(
                sql: "UPDATE fact SET json = CAST(replace(CAST(json AS TEXT), ?, ?) AS BLOB)",
                arguments: [recordedRoot, directory + "/"])
        }
    }

    /// Replaces a row of a node's database, as an earlier or a later version may have written it.
    package static func replace(_ json: String, kind: String, id: String, in path: String) throws {
        try change(path) { database in
            try database.execute(
                sql: "UPDATE fact SET json = ? WHERE kind = ? AND id = ?", arguments: [Data(json.utf8), kind, id])
        }
    }

    private static func change(_ path: String, _ body: (Database) throws -> Void) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.write(body)
        try queue.close()
    }
}
