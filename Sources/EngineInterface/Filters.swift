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
        if let unknown = values.keys.sorted().first(where: { !keys.contains($0) }) {
            throw FilterError.unknown(unknown)
        }
    }

    /// True unless the filter is given and none of its values satisfies `test`.
    package func any(_ key: String, _ test: (String) -> Bool) -> Bool {
        guard let requested = values[key], !requested.isEmpty else { return true }
        return requested.contains(where: test)
    }

    /// True unless the filter is given and none of its values is one of the texts, nor found in one as a pattern of Go's: so lists are filtered by
    /// names. A value that is neither a text nor a pattern is that of nothing. Source: moby, `filters.Args.Match`.
    /// - Parameter texts: The spellings of one name.
    package func match(_ key: String, _ texts: [String]) -> Bool {
        any(key) { value in
            if texts.contains(value) { return true }
            guard let pattern = GoPattern(value) else { return false }
            return texts.contains { pattern.isFound(in: $0) }
        }
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

    /// The values of a filter that has a few known ones, in lower case; as with swarmkit, empty ones ask for nothing.
    /// - Throws: ``FilterError/unknownValue(name:value:)``.
    package func choices(_ key: String, of known: some Sequence<String>) throws(FilterError) -> Set<String> {
        let known = Set(known)
        var chosen: Set<String> = []
        for value in self[key] where !value.isEmpty {
            guard known.contains(value.lowercased()) else { throw .unknownValue(name: key, value: value) }
            chosen.insert(value.lowercased())
        }
        return chosen
    }

    /// `label=key` or `label=key=value`: every one must hold.
    package func labelsMatch(_ labels: [String: String], key: String = "label") -> Bool {
        self[key].allSatisfy { requested in
            let parts = requested.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let name = parts.first, let value = labels[name] else { return false }
            return parts.count < 2 || parts[1] == value
        }
    }
}
