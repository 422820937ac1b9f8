import Foundation
import StateStore
import SwiftProtobuf

// Between the store's values and etcd's messages.

extension StoreKey {
    var bytes: Data { Data(path.utf8) }

    init(bytes: Data) { self.init(path: String(decoding: bytes, as: UTF8.self)) }

    /// The first key after all that begin with a prefix: the prefix with its last byte that is not 0xff counted up; `\0` means
    /// no end. Source: etcd, API, "key ranges".
    static func end(ofPrefix prefix: String) -> Data {
        var end = Data(prefix.utf8)
        while let last = end.popLast() {
            guard last == 0xff else { return end + [last + 1] }
        }
        return Data([0])
    }
}

extension StoredValue {
    init(_ pair: Mvccpb_KeyValue, _ keys: SealingKeys) throws(StateStoreError) {
        let key = StoreKey(bytes: pair.key)
        self.init(
            key: key, value: try keys.open(pair.value, at: key), createRevision: pair.createRevision,
            modifyRevision: pair.modRevision)
    }
}

extension StoreEvent {
    init(_ event: Mvccpb_Event, _ keys: SealingKeys) throws(StateStoreError) {
        self =
            switch event.type {
            case .delete: .delete(StoreKey(bytes: event.kv.key), revision: event.kv.modRevision)
            case .put, .UNRECOGNIZED: .put(try StoredValue(event.kv, keys))
            }
    }
}

extension Etcdserverpb_TxnRequest {
    /// A refused transaction answers with what is stored at the keys of all its conditions, in the same round trip.
    init(_ transaction: StoreTransaction, lease: Int64, _ keys: SealingKeys) throws(StateStoreError) {
        self.init()
        compare = transaction.conditions.map(Etcdserverpb_Compare.init)
        for put in transaction.puts {
            let sealed = try keys.seal(put.value, at: put.key)
            success.append(
                .with {
                    $0.requestPut.key = put.key.bytes
                    $0.requestPut.value = Data(sealed)
                    $0.requestPut.lease = lease
                })
        }
        success += transaction.deletes.map { key in .with { $0.requestDeleteRange.key = key.bytes } }
        failure = Set(transaction.conditions.map(\.key)).map { key in .with { $0.requestRange.key = key.bytes } }
    }
}

extension Etcdserverpb_Compare {
    init(_ condition: StoreTransaction.Condition) {
        self.init()
        key = condition.key.bytes
        result = .equal
        switch condition {
        case .absent:
            target = .create
            createRevision = 0
        case .present:
            target = .create
            createRevision = 0
            result = .notEqual
        case .modified(_, let revision):
            target = .mod
            modRevision = revision
        case .created(_, let revision):
            target = .create
            createRevision = revision
        }
    }
}
