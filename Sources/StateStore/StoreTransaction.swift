/// Writes that happen all together, at one revision, or not at all.
package struct StoreTransaction: Sendable, Equatable {
    /// What must hold for the writes to happen.
    package enum Condition: Sendable, Hashable {
        case absent(StoreKey)
        case present(StoreKey)
        /// The value is still the one written at that revision.
        case modified(StoreKey, at: Int64)
        /// The key was made at that revision and has not been absent since: a leader's fence.
        case created(StoreKey, at: Int64)

        package var key: StoreKey {
            switch self {
            case .absent(let key), .present(let key), .modified(let key, _), .created(let key, _): key
            }
        }

        /// Whether the condition holds for what is stored at its key.
        package func holds(for stored: StoredValue?) -> Bool {
            switch self {
            case .absent: stored == nil
            case .present: stored != nil
            case .modified(_, let revision): stored?.modifyRevision == revision
            case .created(_, let revision): stored?.createRevision == revision
            }
        }
    }

    /// A value to write, whether there is one at its key or not.
    package struct Put: Sendable, Equatable {
        package let key: StoreKey
        package let value: [UInt8]

        package init(_ key: StoreKey, _ value: [UInt8]) {
            self.key = key
            self.value = value
        }
    }

    /// How many writes, and how many conditions, one transaction may have: etcd's `--max-txn-ops`.
    package static let maximumOperations = 128
    /// How many bytes of keys and values one transaction may carry; etcd refuses requests over 1.5 MiB.
    package static let maximumBytes = 1_400_000

    package var conditions: [Condition]
    package var puts: [Put]
    package var deletes: [StoreKey]

    package init(conditions: [Condition] = [], puts: [Put] = [], deletes: [StoreKey] = []) {
        self.conditions = conditions
        self.deletes = deletes
        self.puts = puts
    }

    package var isEmpty: Bool { puts.isEmpty && deletes.isEmpty }

    /// Adds a condition; all must hold.
    package mutating func require(_ condition: Condition) { conditions.append(condition) }
    /// Adds a value to write. A key is written once in a transaction.
    package mutating func put(_ key: StoreKey, _ value: [UInt8]) { puts.append(Put(key, value)) }
    /// Adds a key to remove, whether there is one or not. A key that is removed is not written in the same transaction.
    package mutating func delete(_ key: StoreKey) { deletes.append(key) }

    /// Checks the bounds that every store has.
    ///
    /// - Throws: ``StateStoreError``: `.tooLarge`, which the caller answers by splitting; `.invalidTransaction` when a key is written twice.
    package func validate() throws(StateStoreError) {
        guard puts.count + deletes.count <= Self.maximumOperations, conditions.count <= Self.maximumOperations else {
            throw StateStoreError(
                .tooLarge,
                "write \(puts.count + deletes.count) keys under \(conditions.count) conditions in one transaction")
        }
        let bytes = puts.reduce(0) { $0 + $1.key.path.utf8.count + $1.value.count }
        guard bytes <= Self.maximumBytes else {
            throw StateStoreError(.tooLarge, "write \(bytes) bytes in one transaction")
        }
        var seen = Set<StoreKey>()
        for key in puts.map(\.key) + deletes where !seen.insert(key).inserted {
            throw StateStoreError(.invalidTransaction, "write \(key) twice in one transaction")
        }
    }
}

/// How a transaction ended.
package enum CommitOutcome: Sendable, Equatable {
    /// All writes happened, at this revision. A transaction without writes gives the store's present one.
    case committed(revision: Int64)
    /// Nothing was written: the conditions that did not hold, and what is stored at their keys (absent keys are missing).
    case refused(failed: [StoreTransaction.Condition], current: [StoreKey: StoredValue])

    /// The revision of the writes, `nil` if they were refused.
    package var revision: Int64? {
        guard case .committed(let revision) = self else { return nil }
        return revision
    }
}
