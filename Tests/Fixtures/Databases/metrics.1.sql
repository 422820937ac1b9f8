-- metrics.db after step 1 of its schema, with blocks of form 1 of a version that knew twelve series of containers.
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO grdb_migrations VALUES ('1');
CREATE TABLE entity (
    number INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    seen INTEGER NOT NULL,
    UNIQUE (kind, name)
);
CREATE TABLE fine (key INTEGER PRIMARY KEY, block BLOB NOT NULL);
CREATE TABLE coarse (key INTEGER PRIMARY KEY, average BLOB NOT NULL, maximum BLOB NOT NULL);
CREATE TABLE progress (coarsened INTEGER NOT NULL);
INSERT INTO progress (coarsened) VALUES (2833343);
INSERT INTO entity VALUES (1, 0, 'one', 1700006400);
INSERT INTO fine VALUES (47535624290305, X'010C018001D10F01800131');
INSERT INTO coarse VALUES (1980617457665, X'010C018001F12E018001D00F', X'010C018001C13E01800161');
