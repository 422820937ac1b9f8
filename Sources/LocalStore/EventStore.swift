import Concurrency
import Foundation
import GRDB
import LinuxSystem
package import Model

/// A node's events in a file of their own, oldest away first.
///
/// A write that has returned survives `kill -9`; a power cut may take the last ones. Calls wait on SQLite's own queues and never block a thread
/// of the caller's.
package struct EventStore: Sendable {
    /// What an earlier instance of the daemon has left.
    package struct Beginning: Sendable {
        /// The log's id: made with the file, and another one when the file is made anew.
        package var log: String
        /// That new events come after: nobody has been told of a later one.
        package var position: Int64
        /// How many events there are.
        package var count: Int
        /// Of other nodes' logs: how far each is known.
        package var streams: [EventStream]
    }

    /// How far another node's log is known.
    package struct EventStream: Sendable, Equatable {
        /// The log's id.
        package var log: String
        /// The id of the node that has it.
        package var node: String
        /// Of the last event that is known of it.
        package var sequence: Int64
        /// Where this log was when that one told something last.
        package var position: Int64

        package init(log: String, node: String, sequence: Int64, position: Int64 = 0) {
            self.log = log
            self.node = node
            self.position = position
            self.sequence = sequence
        }
    }

    private let pool: DatabasePool
    /// Where a damaged file has been put while opening; the store has begun empty.
    package let setAside: String?

    /// Opens the file, or makes it. One that is damaged, or of a newer version, is renamed.
    /// - Throws: ``LocalStoreError``: `.notUsable`, `.full`.
    package static func open(_ path: String) async throws -> EventStore {
        try await NodeStore.attempt("open \(path)") {
            try await onThread {
                do { return EventStore(pool: try connect(path), setAside: nil) } catch let error where isDamage(error) {
                    let aside = try LocalFile.setAside(path)
                    return EventStore(pool: try connect(path), setAside: aside)
                }
            }
        }
    }

    private static func isDamage(_ error: any Error) -> Bool {
        if let error = error as? LocalStoreError { return error.code == .newerSchema }
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
    }

    /// Blocking.
    private static func connect(_ path: String) throws -> DatabasePool {
        try LocalFile.prepare(path)
        var configuration = Configuration()
        configuration.maximumReaderCount = 2
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = NORMAL") }
        let pool = try DatabasePool(path: path, configuration: configuration)
        let migrator = EventSchema.migrator
        guard try !pool.read(migrator.hasBeenSuperseded) else { throw LocalStoreError(.newerSchema, "open \(path)") }
        try migrator.migrate(pool)
        return pool
    }

    /// - Throws: ``LocalStoreError``.
    package func close() async throws {
        let pool = pool
        try await NodeStore.attempt("close the node's events") { try await onThread { try pool.close() } }
    }

    /// How many places are left free at each start: the last ones of before may have been told and not written.
    private static let leap: Int64 = 1 << 20

    /// Begins a life of the node's.
    /// - Throws: ``LocalStoreError``.
    package func begin() async throws -> Beginning {
        try await NodeStore.attempt("read what is known of events") {
            try await pool.write { database in
                try database.execute(
                    sql: """
                        UPDATE log SET begun = MAX(begun, (SELECT COALESCE(MAX(position), 0) FROM event)) + ?
                        """, arguments: [Self.leap])
                return Beginning(
                    log: try String.fetchOne(database, sql: "SELECT id FROM log") ?? "",
                    position: try Int64.fetchOne(database, sql: "SELECT begun FROM log") ?? 0,
                    count: try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM event") ?? 0,
                    streams: try Row.fetchAll(database, sql: "SELECT log, node, sequence, position FROM stream").map {
                        EventStream(
                            log: try $0.wanted("log"), node: try $0.wanted("node"),
                            sequence: try $0.wanted("sequence"), position: try $0.wanted("position"))
                    })
            }
        }
    }

    /// The last place of those that have been taken away; 0 when none was.
    /// - Throws: ``LocalStoreError``.
    package func dropped() async throws -> Int64 {
        try await NodeStore.attempt("read what is known of events") {
            try await pool.read { try Int64.fetchOne($0, sql: "SELECT dropped FROM log") ?? 0 }
        }
    }

    /// How many logs of other nodes are remembered; those that told something last.
    private static let mostStreams = 4096

    /// Adds events with positions after those that are there, and takes the oldest away.
    /// - Parameters:
    ///   - streams: How far other nodes' logs are known by them.
    ///   - excess: How many of the oldest to take away.
    /// - Throws: ``LocalStoreError``.
    package func append(_ events: [LoggedEvent], streams: [EventStream], dropping excess: Int) async throws {
        let rows = events.map { ($0, Self.json($0.event.attributes)) }
        try await NodeStore.attempt("keep events") {
            try await pool.write { database in
                let insert = try database.cachedStatement(
                    sql: """
                        INSERT OR IGNORE INTO event (position, origin, sequence, node, nodename, audience, time,
                        type, action, actor, scope, attributes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                        """)
                for (entry, attributes) in rows {
                    let event = entry.event
                    try insert.execute(arguments: [
                        entry.position, entry.id.origin, entry.id.sequence, entry.node?.id,
                        entry.node?.name, entry.audience.rawValue, event.time.clampedNanosecondsSinceEpoch, event.type,
                        event.action, event.actorID, event.scope, attributes,
                    ])
                }
                for stream in streams {
                    try database.execute(
                        sql: "INSERT OR REPLACE INTO stream (log, node, sequence, position) VALUES (?, ?, ?, ?)",
                        arguments: [stream.log, stream.node, stream.sequence, stream.position])
                }
                if !streams.isEmpty {
                    try database.execute(
                        sql: "DELETE FROM stream WHERE log IN "
                            + "(SELECT log FROM stream ORDER BY position DESC LIMIT -1 OFFSET ?)",
                        arguments: [Self.mostStreams])
                }
                if excess > 0 {
                    try database.execute(
                        sql: """
                            UPDATE log SET dropped = COALESCE(
                            (SELECT MAX(position) FROM (SELECT position FROM event ORDER BY position LIMIT ?)), dropped)
                            """, arguments: [excess])
                    try database.execute(sql: "DELETE FROM event WHERE position <= (SELECT dropped FROM log)")
                }
            }
        }
    }

    /// What a reader wants of the events.
    package struct Selection: Sendable {
        /// Positions after this one.
        package var after: Int64
        /// Positions up to this one.
        package var to: Int64
        /// Not those of before.
        package var since: Timestamp?
        package var audiences: Set<LoggedEvent.Audience> = Set(LoggedEvent.Audience.allCases)
        /// Of this origin only.
        package var origin: String?
        /// At most so many.
        package var limit: Int

        package init(after: Int64, to: Int64, limit: Int) {
            self.after = after
            self.limit = limit
            self.to = to
        }
    }

    /// Events in the order of their positions.
    /// - Throws: ``LocalStoreError``.
    package func read(_ selection: Selection) async throws -> [LoggedEvent] {
        let wanted = selection.audiences.map { String($0.rawValue) }.joined(separator: ", ")
        return try await NodeStore.attempt("read events") {
            try await pool.read { database in
                var found: [LoggedEvent] = []
                var after = selection.after
                // Others take the place of those that cannot be read: to readers, fewer than they ask for are the last ones.
                while found.count < selection.limit {
                    let wanting = selection.limit - found.count
                    let rows = try Row.fetchAll(
                        database,
                        sql: """
                            SELECT * FROM event WHERE position > ?1 AND position <= ?2 AND time >= ?3
                            AND audience IN (\(wanted)) AND (?4 IS NULL OR origin = ?4) ORDER BY position LIMIT ?5
                            """,
                        arguments: [
                            after, selection.to, selection.since?.clampedNanosecondsSinceEpoch ?? Int64.min,
                            selection.origin, wanting,
                        ])
                    found += rows.compactMap(Self.event)
                    guard rows.count == wanting, let last = rows.last else { break }
                    after = try last.wanted("position")
                }
                return found
            }
        }
    }

    /// - Returns: `nil` for a row of a damaged file, without which the others can still be read.
    private static func event(_ row: Row) -> LoggedEvent? {
        do {
            let node = try row.wanted("node", as: String?.self)
            let name = try row.wanted("nodename", as: String?.self)
            return LoggedEvent(
                position: try row.wanted("position"),
                id: EventID(origin: try row.wanted("origin"), sequence: try row.wanted("sequence")),
                node: node.map { EventNode(id: $0, name: name ?? "") },
                event: EngineEvent(
                    type: try row.wanted("type"), action: try row.wanted("action"), actorID: try row.wanted("actor"),
                    attributes: attributes(try row.wanted("attributes")),
                    scope: try row.wanted("scope"), time: Timestamp(nanosecondsSinceEpoch: try row.wanted("time"))))
        } catch {
            // It is not told of: it would be with every look.
            return nil
        }
    }

    private static func json(_ attributes: [String: String]) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        // Texts by texts are always JSON.
        return (try? encoder.encode(attributes)) ?? Data("{}".utf8)
    }

    private static func attributes(_ json: Data) -> [String: String] {
        // An event without its attributes says more than none.
        (try? JSONDecoder().decode([String: String].self, from: json)) ?? [:]
    }
}

/// The shape of the file, one step for each version that changed it. Steps are never edited, only added.
enum EventSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE event (
                        position INTEGER PRIMARY KEY,
                        origin TEXT NOT NULL,
                        sequence INTEGER NOT NULL,
                        node TEXT,
                        nodename TEXT,
                        audience INTEGER NOT NULL,
                        time INTEGER NOT NULL,
                        type TEXT NOT NULL,
                        action TEXT NOT NULL,
                        actor TEXT NOT NULL,
                        scope TEXT NOT NULL,
                        attributes BLOB NOT NULL
                    );
                    CREATE UNIQUE INDEX identity ON event (origin, sequence);
                    CREATE TABLE stream (
                        log TEXT NOT NULL PRIMARY KEY,
                        node TEXT NOT NULL,
                        sequence INTEGER NOT NULL,
                        position INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE TABLE log (id TEXT NOT NULL, dropped INTEGER NOT NULL DEFAULT 0,
                        begun INTEGER NOT NULL DEFAULT 0);
                    """)
            try database.execute(sql: "INSERT INTO log (id) VALUES (?)", arguments: [RandomID.hex(bytes: 8)])
        }
        return migrator
    }
}
