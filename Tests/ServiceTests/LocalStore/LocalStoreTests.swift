import Foundation
import GRDB
import Glibc
import LinuxSystem
import LocalStore
import Model
import TestKit
import Testing

private struct Fact: VersionedRecord, Equatable {
    static let recordKind = "fact"
    static let recordVersion = 1
    var name: String
    var number: Int
    var labels: [String: String] = [:]
}

/// The same as a newer version has it.
private struct LaterFact: VersionedRecord, Equatable {
    static let recordKind = "fact"
    static let recordVersion = 2
    static let earlierForms: [Int: @Sendable (any Decoder) throws -> Self] = [
        1: { LaterFact(title: try Fact(from: $0).name) }
    ]
    var title: String
}

private struct Number: VersionedRecord {
    static let recordKind = "number"
    static let recordVersion = 1
    var value: Double
}

private struct Texts: VersionedRecord {
    static let recordKind = "texts"
    static let recordVersion = 1
    var something: String
}

@Suite struct LocalStoreTests {
    @Test func `a row that cannot be read is set aside whole, and comes back to a version that can`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            try await store.save(Fact(name: "a", number: 1), kind: .volumes, id: "a")
            try await store.save(LaterFact(title: "b"), kind: .volumes, id: "b")
            try await store.save(Texts(something: "c"), kind: .volumes, id: "c")
            try await store.save(LaterFact(title: "d"), kind: .volumes, id: "d")
            #expect(try await store.restore(Fact.self, kind: .volumes).map(\.id) == ["a"])
            let unread = try await store.unread()
            #expect(unread.map(\.id) == ["b", "c", "d"] && unread.allSatisfy { $0.type == "volume" })
            #expect(unread[0].reason.contains("newer version") && unread[1].reason.contains("texts"), "\(unread)")
            // The names are free, and what takes one overwrites nothing; what is deleted is deleted with what was set aside.
            try await store.save(Fact(name: "new", number: 2), kind: .volumes, id: "b")
            try await store.delete(kind: .volumes, id: "d")
            #expect(try await store.restore(Fact.self, kind: .volumes).map(\.value.name) == ["a", "new"])
            #expect(try await store.unread().map(\.id) == ["b", "c"])
            try await store.close()

            let reopened = try await NodeStore.open(path)
            let later = try await reopened.restore(LaterFact.self, kind: .volumes)
            #expect(later.map(\.value.title) == ["a", "new"])
            try await reopened.delete(kind: .volumes, id: "b")
            #expect(try await reopened.unread().map(\.id) == ["c"])
        }
    }

    @Test func `writes that wait share a commit, and each has its own number`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            let revisions = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await store.save(
                            Fact(name: "\(number)", number: number), kind: .facts, id: "\(number)",
                            durably: number % 2 == 0)
                    }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(revisions == Set(1...200))
            let kept = try await store.loadAll(Fact.self, kind: .facts)
            #expect(Set(kept.map(\.value.number)) == Set(0..<200) && Set(kept.map(\.revision)) == revisions)
            // Of one caller's writes the later is later.
            for number in 0..<5 { try await store.save(Fact(name: "x", number: number), kind: .facts, id: "x") }
            #expect(try await store.load(Fact.self, kind: .facts, id: "x")?.number == 4)
        }
    }

    @Test func `a newer version's row comes back with its number`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            let revision = try await store.save(LaterFact(title: "b"), kind: .networks, id: "b")
            #expect(try await store.restore(Fact.self, kind: .networks).isEmpty)
            let back = try await store.restore(LaterFact.self, kind: .networks)
            #expect(back.map(\.revision) == [revision] && back.map(\.value.title) == ["b"])
            #expect(try await store.unread().isEmpty)
        }
    }

    @Test func `a database that version 0.2.0 has written is opened with all its rows`() async throws {
        try await withFile { path in
            try Files.makeDirectories(Files.parent(of: path))
            try Files.writeAtomically(Array(try RecordedFiles.data("State/manager/engine.db")), to: path)
            let store = try await NodeStore.open(path)
            #expect(store.setAside == nil)
            let volumes = try await store.restore(VolumeResource.self, kind: .volumes)
            #expect(Set(volumes.map(\.id)).isSuperset(of: ["data", "small", "sv"]) && volumes.count == 4)
            #expect(volumes.first { $0.id == "small" }?.value.options?["o"] == "size=1m")
            #expect(try await store.unread().isEmpty)
            // What is written from now on has its envelope, and is read beside the others.
            var new = VolumeResource()
            new.name = "new"
            let revision = try await store.save(new, kind: .volumes, id: "new")
            #expect(revision > volumes.map(\.revision).max() ?? 0)
            #expect(try await store.restore(VolumeResource.self, kind: .volumes).count == 5)
        }
    }

    @Test func `a value is loaded as it was saved, and missing values are nil`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            let fact = Fact(name: "web", number: 1, labels: ["a.b/c": "ü\n"])
            let first = try await store.save(fact, kind: .containers, id: "x")
            #expect(try await store.load(Fact.self, kind: .containers, id: "x") == fact)
            #expect(try await store.load(Fact.self, kind: .containers, id: "y") == nil)
            #expect(try await store.load(Fact.self, kind: .networks, id: "x") == nil)
            let second = try await store.save(Fact(name: "web", number: 2), kind: .containers, id: "x")
            #expect(second == first + 1)
            #expect(try await store.load(Fact.self, kind: .containers, id: "x")?.number == 2)
            try await store.delete(kind: .containers, id: "x")
            try await store.delete(kind: .containers, id: "x")
            #expect(try await store.load(Fact.self, kind: .containers, id: "x") == nil)
        }
    }

    @Test func `whoever is cancelled has still written what he says`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            // As one whose caller has given it up before it writes.
            let writer = Task {
                while !Task.isCancelled { await Task.yield() }
                try await store.save(Fact(name: "undone", number: 1), kind: .containers, id: "x")
                try await store.delete(kind: .containers, id: "x")
                try await store.save(Fact(name: "undone", number: 2), kind: .containers, id: "y")
            }
            writer.cancel()
            try await writer.value
            #expect(try await store.loadAll(Fact.self, kind: .containers).map(\.id) == ["y"])
        }
    }

    @Test func `a batch is one write with one number, in all its kinds`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            try await store.save(Fact(name: "old", number: 0), kind: .leases, id: "1")
            var batch = LocalBatch()
            try batch.save(Fact(name: "b", number: 2), kind: .containers, id: "b")
            try batch.save(Fact(name: "a", number: 1), kind: .containers, id: "a")
            batch.deleteAll(kind: .leases)
            try batch.save(Fact(name: "lease", number: 3), kind: .leases, id: "2")
            let revision = try await store.apply(batch)
            let containers = try await store.loadAll(Fact.self, kind: .containers)
            #expect(containers.map(\.id) == ["a", "b"])
            #expect(containers.map(\.revision) == [revision, revision])
            #expect(try await store.loadAll(Fact.self, kind: .leases).map(\.value.name) == ["lease"])
        }
    }

    @Test func `a value that cannot be encoded leaves nothing written`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            var batch = LocalBatch()
            try batch.save(Fact(name: "a", number: 1), kind: .containers, id: "a")
            #expect(throws: LocalStoreError.self) { try batch.save(Number(value: .nan), kind: .settings, id: "x") }
            await #expect { try await store.save(Number(value: .infinity), kind: .settings, id: "x") } throws: {
                ($0 as? LocalStoreError)?.code == .unencodable
            }
            #expect(try await store.loadAll(Number.self, kind: .settings).isEmpty)
        }
    }

    @Test func `what was written is there after the process was killed`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            for number in 0..<50 {
                try await store.save(Fact(name: "n", number: number), kind: .containers, id: "\(number)")
            }
            // What a killed process leaves are the files as they are at this moment, the log not folded in.
            let image = "\(path).image"
            for suffix in ["", "-wal"] {
                let bytes = try #require(try Files.read("\(path)\(suffix)"))
                try Files.writeAtomically(bytes, to: "\(image)\(suffix)")
            }
            let reopened = try await NodeStore.open(image)
            #expect(reopened.setAside == nil)
            #expect(try await reopened.loadAll(Fact.self, kind: .containers).count == 50)
            #expect(try await reopened.save(Fact(name: "n", number: 50), kind: .containers, id: "50") == 51)
        }
    }

    @Test(arguments: ["not a database at all, but long enough to have a header of a hundred bytes", "\u{0}"])
    func `a damaged file is set aside whole, and the store begins empty`(_ rubbish: String) async throws {
        try await withFile { path in
            let bytes = Array(String(repeating: rubbish, count: 100).utf8)
            try Files.writeAtomically(bytes, to: path)
            let store = try await NodeStore.open(path)
            let aside = try #require(store.setAside)
            #expect(try Files.read(aside) == bytes)
            try await store.save(Fact(name: "a", number: 1), kind: .node, id: "a")
            try await store.close()
            let reopened = try await NodeStore.open(path)
            #expect(reopened.setAside == nil)
            #expect(try await reopened.loadAll(Fact.self, kind: .node).count == 1)
        }
    }

    @Test func `pages overwritten in the middle are noticed at the next start`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            for number in 0..<200 {
                let fact = Fact(name: String(repeating: "x", count: 500), number: number)
                try await store.save(fact, kind: .containers, id: "\(number)")
            }
            try await store.close()
            var bytes = try #require(try Files.read(path))
            try #require(bytes.count > 16384)
            for place in 8192..<16384 { bytes[place] = 0xa5 }
            try Files.writeAtomically(bytes, to: path)
            #expect(try await NodeStore.open(path).setAside != nil)
        }
    }

    @Test func `a number that somebody has made a text ends no program`() async throws {
        func change(_ path: String, _ sql: String) throws {
            try DatabaseQueue(path: path).write { database in try database.execute(sql: sql) }
        }
        try await withFile { path in
            let store = try await NodeStore.open(path)
            try await store.save(Fact(name: "a", number: 1), kind: .node, id: "a")
            try await store.close()
            try change(path, "UPDATE fact SET revision = 'first'")
            let damaged = try await NodeStore.open(path)
            await #expect(throws: LocalStoreError.self) { try await damaged.loadAll(Fact.self, kind: .node) }
        }
        try await withFile { path in
            let store = try await EventStore.open(path)
            let events = (1...3).map { (number: Int64) in
                LoggedEvent(
                    position: number, id: EventID(origin: "one", sequence: number), node: nil,
                    event: EngineEvent(
                        type: "container", action: "start", actorID: "a", attributes: [:], scope: "local",
                        time: Timestamp(seconds: number)))
            }
            try await store.append(events, streams: [], dropping: 0)
            try await store.close()
            try change(path, "UPDATE event SET sequence = 'second' WHERE position = 2")
            let damaged = try await EventStore.open(path)
            let found = try await damaged.read(EventStore.Selection(after: 0, to: 3, limit: 10))
            #expect(found.map(\.position) == [1, 3])
            // As many as are asked for: fewer would be the last ones.
            let page = try await damaged.read(EventStore.Selection(after: 0, to: 3, limit: 2))
            #expect(page.map(\.position) == [1, 3])
            let next = try await damaged.read(EventStore.Selection(after: 1, to: 3, limit: 1))
            #expect(next.map(\.position) == [3])
        }
    }

    @Test func `a value of another shape is named, and hides no other`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            try await store.save(Fact(name: "a", number: 1), kind: .volumes, id: "a")
            try await store.save(Texts(something: "else"), kind: .volumes, id: "b")
            await #expect { try await store.loadAll(Fact.self, kind: .volumes) } throws: {
                ($0 as? LocalStoreError)?.code == .undecodable
            }
            var named: [String] = []
            let loaded = try await store.loadAll(Fact.self, kind: .volumes) { id, _ in named.append(id) }
            #expect(loaded.map(\.id) == ["a"])
            #expect(named == ["b"])
        }
    }

    @Test func `the files are for root alone`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            try await store.save(Fact(name: "a", number: 1), kind: .node, id: "a")
            for suffix in ["", "-wal", "-shm"] {
                #expect(try fileMode("\(path)\(suffix)") == 0o600, "\(suffix)")
            }
        }
    }

    @Test func `many writers at once all get through`() async throws {
        try await withFile { path in
            let store = try await NodeStore.open(path)
            let revisions = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        try await store.save(Fact(name: "n", number: number), kind: .execs, id: "\(number % 10)")
                    }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(revisions == Set(1...100))
            #expect(try await store.loadAll(Fact.self, kind: .execs).count == 10)
        }
    }
}

private func withFile(_ body: (String) async throws -> Void) async throws {
    let directory = "/tmp/apus-local-\(RandomID.hex(bytes: 6))"
    let result: Result<Void, any Error>
    try Files.makeDirectories(directory)
    do {
        try await body("\(directory)/node.db")
        result = .success(())
    } catch {
        result = .failure(error)
    }
    try await onThread { try Files.removeTree(directory) }
    try result.get()
}
