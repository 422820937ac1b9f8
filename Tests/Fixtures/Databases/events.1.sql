-- events.db after step 1 of its schema.
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO grdb_migrations VALUES ('1');
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
INSERT INTO log (id, dropped, begun) VALUES ('0011223344556677', 0, 1048576);
INSERT INTO event VALUES (1048577, '0011223344556677', 1048577, NULL, NULL, 0, 1700006400000000005, 'container', 'start', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'local', X'7B22696D616765223A226E67696E783A6C6174657374222C226E616D65223A22776562227D');
INSERT INTO event VALUES (1048579, '8899aabbccddeeff', 7, 'rsj2g6f1u1l1k3zjeh61etoey', 'node-2', 2, 1700006401000000000, 'node', 'update', 'rsj2g6f1u1l1k3zjeh61etoey', 'swarm', X'7B7D');
INSERT INTO stream VALUES ('8899aabbccddeeff', 'rsj2g6f1u1l1k3zjeh61etoey', 7, 1048579);
