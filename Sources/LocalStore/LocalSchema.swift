import GRDB

/// The shape of the node's store, one step for each version that changed it. Steps are never edited, only added.
enum LocalSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE fact (
                        kind TEXT NOT NULL,
                        id TEXT NOT NULL,
                        revision INTEGER NOT NULL,
                        json BLOB NOT NULL,
                        PRIMARY KEY (kind, id)
                    ) WITHOUT ROWID;
                    CREATE TABLE counter (revision INTEGER NOT NULL);
                    INSERT INTO counter (revision) VALUES (0);
                    """)
        }
        // Rows that the program of the moment cannot read, as they were.
        migrator.registerMigration("2") { database in
            try database.execute(
                sql: """
                    CREATE TABLE aside (
                        kind TEXT NOT NULL,
                        id TEXT NOT NULL,
                        revision INTEGER NOT NULL,
                        json BLOB NOT NULL,
                        reason TEXT NOT NULL,
                        PRIMARY KEY (kind, id, revision)
                    ) WITHOUT ROWID;
                    """)
        }
        return migrator
    }
}
