import Foundation
import LinuxSystem
import StateStore
import TestKit
import Testing

@testable import EtcdStore

/// Values of the store as its files have them.
@Suite(.serialized, .timeLimit(.minutes(2))) struct SealingTests {
    private static let key = StoreKey(.services, id: "one")
    private static let value = Array(#"{"Env":["PASSWORD=correct horse battery staple"]}"#.utf8)

    /// Whether any file of a store has this text.
    static func isInClear(_ text: String, below directory: String) throws -> Bool {
        let files = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        #expect(files.contains { $0.hasSuffix(".wal") } && files.contains { $0.hasSuffix("db") })
        return files.contains { file in
            let data = FileManager.default.contents(atPath: "\(directory)/\(file)")
            return data?.range(of: Data(text.utf8)) != nil
        }
    }

    @Test func `a value is sealed for its place, opens with its secret alone, and is no other when it is changed`()
        throws
    {
        let secret = SealingKeys.Secret()
        let keys = SealingKeys(.init(current: secret.id, secrets: [secret]))
        let sealed = try keys.seal(Self.value, at: Self.key)
        #expect(try keys.open(Data(sealed), at: Self.key) == Self.value)
        #expect(try keys.seal(Self.value, at: Self.key) != sealed)
        #expect(Data(sealed).range(of: Data("PASSWORD".utf8)) == nil)
        func refusal(_ body: () throws -> Void) -> StateStoreError.Code? {
            do {
                try body()
                return nil
            } catch {
                return (error as? StateStoreError)?.code
            }
        }
        #expect(refusal { _ = try SealingKeys().open(Data(sealed), at: Self.key) } == .sealed)
        #expect(refusal { _ = try keys.open(Data(sealed), at: StoreKey(.services, id: "two")) } == .unexpected)
        for index in sealed.indices.dropFirst(14) {
            var changed = sealed
            changed[index] ^= 1
            #expect(refusal { _ = try keys.open(Data(changed), at: Self.key) } == .unexpected)
        }
        for count in 0..<sealed.count {
            // Too short to be sealed at all, or not what has been sealed.
            let opened = try? keys.open(Data(sealed.prefix(count)), at: Self.key)
            #expect(opened == nil || opened == Array(sealed.prefix(count)))
        }
        // With another secret since, what was sealed before still opens.
        let later = SealingKeys.Secret()
        keys.take([later])
        #expect(keys.use(later.id) && !keys.use("0123456789abcdef"))
        #expect(try keys.open(Data(sealed), at: Self.key) == Self.value)
        #expect(keys.isCurrent(Data(try keys.seal(Self.value, at: Self.key))) && !keys.isCurrent(Data(sealed)))
        #expect(try SealingKeys().open(Data(Self.value), at: Self.key) == Self.value)
        #expect(SealingKeys.Secret(id: "xyz", secret: Data(count: 32)) == nil)
        #expect(SealingKeys.Secret(id: later.id, secret: Data(count: 31)) == nil)
    }

    @Test func `etcd's files show nothing, what was in clear is sealed, and a later secret seals it anew`() async throws
    {
        try await withEtcd { etcd in
            let secret = SealingKeys.Secret()
            let keys = SealingKeys(.init(current: secret.id, secrets: [secret]))
            let store = EtcdObjectStore(etcd.connection, keys: keys)
            let directory = etcd.configuration.dataDirectory
            let watched = Kept<[[UInt8]]>([])
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                let begun = try await store.list(StoreKey.all).revision
                tasks.addTask {
                    try await store.watch(StoreKey.all, after: begun) { events in
                        for case .put(let value) in events { watched.withLock { $0.append(value.value) } }
                    }
                }
                _ = try #require(try await store.commit(.init(puts: [.init(Self.key, Self.value)])).revision)
                #expect(try await store.get(Self.key)?.value == Self.value)
                #expect(try await store.list(StoreKey.everything).values.map(\.value) == [Self.value])
                let refused = try await store.commit(.init(conditions: [.absent(Self.key)], deletes: [Self.key]))
                guard case .refused(_, let current) = refused else { throw NotReached(description: "\(refused)") }
                #expect(current[Self.key]?.value == Self.value)
                try await eventually("the watch opens it") { watched.withLock { $0 } == [Self.value] }
                tasks.cancelAll()
            }
            #expect(try !Self.isInClear("correct horse", below: directory))
            await #expect(throws: StateStoreError.self) { try await etcd.store.get(Self.key) }
            // As an earlier build has stored it.
            let other = StoreKey(.services, id: "two")
            _ = try await etcd.store.commit(.init(puts: [.init(other, Array(#"{"Env":["IN=the clear"]}"#.utf8))]))
            #expect(try Self.isInClear("the clear", below: directory))
            #expect(try await store.reseal(StoreKey.all) == 1)
            #expect(try await store.get(other)?.value == Array(#"{"Env":["IN=the clear"]}"#.utf8))
            #expect(try await store.unsealed(StoreKey.all).isEmpty)
            let later = SealingKeys.Secret()
            keys.take([later])
            keys.use(later.id)
            #expect(try await store.reseal(StoreKey.all) == 2)
            let alone = EtcdObjectStore(etcd.connection, keys: SealingKeys(.init(current: later.id, secrets: [later])))
            #expect(try await alone.list(StoreKey.everything).values.count == 2)
        }
    }
}
