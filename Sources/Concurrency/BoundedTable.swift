/// Values by key, so many at the most: for another one the oldest is forgotten, which is the one that was written longest ago, and never all of them at
/// once. Reading keeps nothing. A value, to be part of what a lock protects; whoever forgets walks through all of it.
package struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var value: Value
        /// Which write it was.
        var number: UInt64
    }

    private var entries: [Key: Entry] = [:]
    private var writes: UInt64 = 0
    private let most: Int

    /// - Parameter most: At least one.
    package init(most: Int) { self.most = max(1, most) }

    /// All there are, in no order.
    package var all: [Key: Value] { entries.mapValues(\.value) }

    /// `nil` takes one out.
    package subscript(key: Key) -> Value? {
        get { entries[key]?.value }
        set {
            guard let newValue else {
                entries[key] = nil
                return
            }
            if entries[key] == nil, entries.count >= most,
                let oldest = entries.min(by: { $0.value.number < $1.value.number })
            {
                entries[oldest.key] = nil
            }
            writes += 1
            entries[key] = Entry(value: newValue, number: writes)
        }
    }
}
