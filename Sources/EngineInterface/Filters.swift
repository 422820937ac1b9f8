/// The `filters` of a list request: key → the values any of which will do.
package struct Filters: Sendable, Equatable {
    /// Values by key; a key with none is as one that is not given.
    package var values: [String: [String]]

    package init(_ values: [String: [String]] = [:]) { self.values = values }

    /// The values of a key; none when it is not given.
    package subscript(key: String) -> [String] { values[key] ?? [] }

    /// Refuses keys that a list does not know.
    /// - Throws: ``FilterError`` with `invalid filter 'key'`.
    package func allow(_ keys: Set<String>) throws(FilterError) {
        if let stranger = values.keys.sorted().first(where: { !keys.contains($0) }) {
            throw FilterError.unknown(stranger)
        }
    }

    /// True unless the filter is given and none of its values satisfies `test`.
    package func any(_ key: String, _ test: (String) -> Bool) -> Bool {
        guard let wanted = values[key], !wanted.isEmpty else { return true }
        return wanted.contains(where: test)
    }

    /// A filter that is true or false; `nil` when it is not given.
    /// - Throws: ``FilterError`` with `invalid filter 'key=[value]'` for another word, and for both.
    package func flag(_ key: String) throws(FilterError) -> Bool? {
        guard !self[key].isEmpty else { return nil }
        let isTrue = self[key].contains { ["1", "true"].contains($0) }
        let isFalse = self[key].contains { ["0", "false"].contains($0) }
        guard isTrue != isFalse else {
            throw FilterError.invalidFlag(name: key, values: self[key])
        }
        return isTrue
    }

    /// `label=key` or `label=key=value`: every one must hold.
    package func labelsMatch(_ labels: [String: String], key: String = "label") -> Bool {
        self[key].allSatisfy { wanted in
            let parts = wanted.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let name = parts.first, let value = labels[name] else { return false }
            return parts.count < 2 || parts[1] == value
        }
    }
}
