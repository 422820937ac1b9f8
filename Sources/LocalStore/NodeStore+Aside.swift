import Foundation
import GRDB
package import Model

/// Rows that cannot be read: damaged, or of a newer version of Apus. They are kept beside the others, so that nothing overwrites them.
extension NodeStore {
    private struct Row: Sendable {
        let id: String
        let revision: Int64
        let json: Data
    }

    /// All values of a kind that can be read, in the order of their ids. The others are set aside, see ``unread()``; those set aside before
    /// that this version can read come back, unless something else has their place.
    package func restore<Value: VersionedRecord>(_ type: Value.Type, kind: LocalKind) async throws -> [Entry<Value>] {
        try await bringBack(type, kind)
        var unread: [(id: String, reason: String)] = []
        let entries = try await loadAll(type, kind: kind) { id, error in
            unread.append((id, error.cause.map { "\($0)" } ?? error.description))
        }
        if !unread.isEmpty { try await setAside(unread, kind) }
        return entries
    }

    /// What is set aside, of all kinds.
    package func unread() async throws -> [UnreadRecord] {
        try await Self.attempt("list what is set aside") {
            try await pool.read { database in
                try GRDB.Row.fetchAll(database, sql: "SELECT kind, id, reason FROM aside ORDER BY kind, id, revision")
                    .map { row in
                        let kind: String = try row.wanted("kind")
                        return UnreadRecord(
                            type: LocalKind(rawValue: kind)?.eventType ?? kind, id: try row.wanted("id"),
                            reason: try row.wanted("reason"))
                    }
            }
        }
    }

    private func setAside(_ rows: [(id: String, reason: String)], _ kind: LocalKind) async throws {
        try await Self.attempt("set \(kind.rawValue) aside") {
            try await pool.write { database in
                for row in rows {
                    try database.execute(
                        sql: """
                            INSERT OR REPLACE INTO aside (kind, id, revision, json, reason)
                            SELECT kind, id, revision, json, ? FROM fact WHERE kind = ? AND id = ?
                            """, arguments: [row.reason, kind.rawValue, row.id])
                    try database.execute(
                        sql: "DELETE FROM fact WHERE kind = ? AND id = ?", arguments: [kind.rawValue, row.id])
                }
            }
        }
    }

    private func bringBack<Value: VersionedRecord>(_ type: Value.Type, _ kind: LocalKind) async throws {
        let rows = try await Self.attempt("look at what is set aside of \(kind.rawValue)") {
            try await pool.read { database in
                // Of several of one name the last.
                try GRDB.Row.fetchAll(
                    database,
                    sql: """
                        SELECT id, MAX(revision) AS revision, json FROM aside WHERE kind = ?1 AND id NOT IN
                        (SELECT id FROM fact WHERE kind = ?1) GROUP BY id
                        """, arguments: [kind.rawValue]
                )
                .map {
                    Row(
                        id: try $0.wanted("id"), revision: try $0.wanted("revision"), json: try $0.wanted("json"))
                }
            }
        }
        let readable = rows.filter { row in
            do {
                _ = try LocalJSON.decode(type, row.json, "read \(row.id)")
                return true
            } catch {
                // It stays where it is, and is told of by ``unread()``.
                return false
            }
        }
        guard !readable.isEmpty else { return }
        try await Self.attempt("take back \(kind.rawValue)") {
            try await pool.write { database in
                for row in readable {
                    let key: StatementArguments = [kind.rawValue, row.id, row.revision]
                    try database.execute(
                        sql: """
                            INSERT INTO fact (kind, id, revision, json)
                            SELECT kind, id, revision, json FROM aside WHERE kind = ? AND id = ? AND revision = ?
                            """, arguments: key)
                    try database.execute(
                        sql: "DELETE FROM aside WHERE kind = ? AND id = ? AND revision = ?", arguments: key)
                }
            }
        }
    }
}

extension LocalKind {
    /// What an event calls an object of this kind.
    fileprivate var eventType: String {
        switch self {
        case .containers: "container"
        case .networks: "network"
        case .volumes: "volume"
        case .endpoints, .leases, .execs, .images, .node, .tasks, .facts, .logPositions, .settings: "daemon"
        }
    }
}
