package import StateStore
import Logging

/// The swarm's store in etcd.
package struct EtcdObjectStore: ObjectStore {
    /// How many keys a page of a list begins with; pages that come out too large are asked for again with fewer.
    private static let pageKeys: Int64 = 512

    let connection: EtcdConnection
    let keys: SealingKeys
    var logger: Logger { connection.logger }

    /// - Parameter keys: What values are sealed with; without any they are stored in clear.
    package init(_ connection: EtcdConnection, keys: SealingKeys = SealingKeys()) {
        self.connection = connection
        self.keys = keys
    }

    package func get(_ key: StoreKey) async throws -> StoredValue? {
        var request = Etcdserverpb_RangeRequest()
        request.key = key.bytes
        let reply = try await range(request, "read \(key)")
        return try reply.kvs.first.map { try StoredValue($0, keys) }
    }

    package func list(_ prefix: String) async throws -> StoreListing { try await list(prefix, serializable: false) }

    /// The same from this member's own copy, which also answers without quorum and may be behind.
    package func listStale(_ prefix: String) async throws -> StoreListing { try await list(prefix, serializable: true) }

    private func list(_ prefix: String, serializable: Bool) async throws -> StoreListing {
        let (pairs, revision) = try await pairs(prefix, serializable: serializable)
        return StoreListing(values: try pairs.map { try StoredValue($0, keys) }, revision: revision)
    }

    /// Keys of which the values are not sealed with the secret of the moment.
    package func unsealed(_ prefix: String) async throws -> [StoreKey] {
        try await pairs(prefix, serializable: false).pairs.filter { !keys.isCurrent($0.value) }.map {
            StoreKey(bytes: $0.key)
        }
    }

    private func pairs(
        _ prefix: String, serializable: Bool
    ) async throws -> (pairs: [Mvccpb_KeyValue], revision: Int64) {
        var request = Etcdserverpb_RangeRequest()
        request.key = StoreKey(path: prefix).bytes
        request.rangeEnd = StoreKey.end(ofPrefix: prefix)
        request.limit = Self.pageKeys
        request.serializable = serializable
        var values: [Mvccpb_KeyValue] = []
        while true {
            let reply: Etcdserverpb_RangeResponse
            do {
                reply = try await range(request, "list \(prefix)")
            } catch let error as StateStoreError where error.isTooLargeToRead && request.limit > 1 {
                request.limit = max(1, request.limit / 8)
                continue
            }
            values += reply.kvs
            if request.revision == 0 { request.revision = reply.header.revision }
            guard reply.more, let last = reply.kvs.last else { break }
            request.key = last.key + [0]
        }
        return (values, request.revision)
    }

    package func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome {
        try transaction.validate()
        return try await commit(transaction, lease: 0)
    }

    func commit(_ transaction: StoreTransaction, lease: Int64) async throws -> CommitOutcome {
        let request = try Etcdserverpb_TxnRequest(transaction, lease: lease, keys)
        let what = "write \(transaction.puts.first?.key ?? transaction.deletes.first ?? StoreKey(path: "nothing"))"
        let reply = try await EtcdConnection.call(what, writing: true) {
            try await connection.kv.txn(request, options: EtcdConnection.options(deadline: EtcdConnection.callDeadline))
        }
        if reply.succeeded { return .committed(revision: reply.header.revision) }
        var current: [StoreKey: StoredValue] = [:]
        for response in reply.responses {
            for pair in response.responseRange.kvs {
                current[StoreKey(bytes: pair.key)] = try StoredValue(pair, keys)
            }
        }
        let failed = transaction.conditions.filter { !$0.holds(for: current[$0.key]) }
        let keys = Set(failed.map(\.key))
        return .refused(failed: failed, current: current.filter { keys.contains($0.key) })
    }

    private func range(_ request: Etcdserverpb_RangeRequest, _ what: String) async throws -> Etcdserverpb_RangeResponse
    {
        try await EtcdConnection.call(what) {
            try await connection.kv.range(
                request, options: EtcdConnection.options(deadline: EtcdConnection.callDeadline))
        }
    }
}

extension StateStoreError {
    /// A reply over the limit is not told apart from other undecodable ones.
    fileprivate var isTooLargeToRead: Bool { code == .unexpected || code == .tooLarge }
}
