import Foundation
import Glibc
import LinuxSystem
import LocalStore
import Testing

private struct Fact: Codable, Sendable, Equatable {
    var name: String
    var number: Int
    var labels: [String: String] = [:]
}

@Suite struct LocalStoreTests {
    @Test func `a value is loaded as it was saved, and missing values are nil`() async throws {
        try await withFile { path in
            let store = try await LocalStore.open(path)
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
            let store = try await LocalStore.open(path)
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
            let store = try await LocalStore.open(path)
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
            let store = try await LocalStore.open(path)
            var batch = LocalBatch()
            try batch.save(Fact(name: "a", number: 1), kind: .containers, id: "a")
            #expect(throws: LocalStoreError.self) { try batch.save(Double.nan, kind: .settings, id: "x") }
            await #expect { try await store.save([Double.infinity], kind: .settings, id: "x") } throws: {
                ($0 as? LocalStoreError)?.code == .unencodable
            }
            #expect(try await store.loadAll(Double.self, kind: .settings).isEmpty)
        }
    }

    @Test func `what was written is there after the process was killed`() async throws {
        try await withFile { path in
            let store = try await LocalStore.open(path)
            for number in 0..<50 {
                try await store.save(Fact(name: "n", number: number), kind: .containers, id: "\(number)")
            }
            // What a killed process leaves are the files as they are at this moment, the log not folded in.
            let image = "\(path).image"
            for suffix in ["", "-wal"] {
                let bytes = try #require(try Files.read("\(path)\(suffix)"))
                try Files.writeAtomically(bytes, to: "\(image)\(suffix)")
            }
            let reopened = try await LocalStore.open(image)
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
            let store = try await LocalStore.open(path)
            let aside = try #require(store.setAside)
            #expect(try Files.read(aside) == bytes)
            try await store.save(Fact(name: "a", number: 1), kind: .node, id: "a")
            try await store.close()
            let reopened = try await LocalStore.open(path)
            #expect(reopened.setAside == nil)
            #expect(try await reopened.loadAll(Fact.self, kind: .node).count == 1)
        }
    }

    @Test func `pages overwritten in the middle are noticed at the next start`() async throws {
        try await withFile { path in
            let store = try await LocalStore.open(path)
            for number in 0..<200 {
                let fact = Fact(name: String(repeating: "x", count: 500), number: number)
                try await store.save(fact, kind: .containers, id: "\(number)")
            }
            try await store.close()
            var bytes = try #require(try Files.read(path))
            try #require(bytes.count > 16384)
            for place in 8192..<16384 { bytes[place] = 0xa5 }
            try Files.writeAtomically(bytes, to: path)
            #expect(try await LocalStore.open(path).setAside != nil)
        }
    }

    @Test func `a value of another shape is named, and hides no other`() async throws {
        try await withFile { path in
            let store = try await LocalStore.open(path)
            try await store.save(Fact(name: "a", number: 1), kind: .volumes, id: "a")
            try await store.save(["something": "else"], kind: .volumes, id: "b")
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
            let store = try await LocalStore.open(path)
            try await store.save(Fact(name: "a", number: 1), kind: .node, id: "a")
            for suffix in ["", "-wal", "-shm"] {
                #expect(try fileMode("\(path)\(suffix)") == 0o600, "\(suffix)")
            }
        }
    }

    @Test func `many writers at once all get through`() async throws {
        try await withFile { path in
            let store = try await LocalStore.open(path)
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
