/// A value as the store has it. The store does not know what the bytes mean.
package struct StoredValue: Sendable, Equatable {
    package let key: StoreKey
    package let value: [UInt8]
    /// The store's revision that made the key, since it was last absent.
    package let createRevision: Int64
    /// The store's revision that wrote this value: an object's `Version.Index`.
    package let modifyRevision: Int64

    package init(key: StoreKey, value: [UInt8], createRevision: Int64, modifyRevision: Int64) {
        self.createRevision = createRevision
        self.key = key
        self.modifyRevision = modifyRevision
        self.value = value
    }
}

/// A change of one key, as a watch tells it.
package enum StoreEvent: Sendable, Equatable {
    case put(StoredValue)
    case delete(StoreKey, revision: Int64)

    package var key: StoreKey {
        switch self {
        case .put(let value): value.key
        case .delete(let key, _): key
        }
    }

    /// Of the write that made the change. Several events of one transaction have the same.
    package var revision: Int64 {
        switch self {
        case .put(let value): value.modifyRevision
        case .delete(_, let revision): revision
        }
    }
}

/// What a list found, all of it as of one revision.
package struct StoreListing: Sendable, Equatable {
    /// In the order of the keys.
    package let values: [StoredValue]
    /// A watch that continues from this list is made with `after:` this revision.
    package let revision: Int64

    package init(values: [StoredValue], revision: Int64) {
        self.revision = revision
        self.values = values
    }
}
