package import Faults

/// The `filters` of a list request: key → the values any of which will do.
package struct Filters: Sendable, Equatable {
    package var values: [String: [String]]

    package init(_ values: [String: [String]] = [:]) { self.values = values }

    package subscript(key: String) -> [String] { values[key] ?? [] }

    /// Refuses keys that a list does not know.
    /// - Throws: ``Refusal`` with `invalid filter 'key'`.
    package func allow(_ keys: Set<String>) throws(Refusal) {
        if let stranger = values.keys.sorted().first(where: { !keys.contains($0) }) {
            throw Refusal(.invalidInput, "invalid filter '\(stranger)'")
        }
    }

    /// True unless the filter is given and none of its values satisfies `test`.
    package func any(_ key: String, _ test: (String) -> Bool) -> Bool {
        guard let wanted = values[key], !wanted.isEmpty else { return true }
        return wanted.contains(where: test)
    }

    /// `label=key` or `label=key=value`: every one must hold.
    package func labelsMatch(_ labels: [String: String], key: String = "label") -> Bool {
        self[key].allSatisfy { wanted in
            let parts = wanted.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let value = labels[parts[0]] else { return false }
            return parts.count == 1 || parts[1] == value
        }
    }
}
