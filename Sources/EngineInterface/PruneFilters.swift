package import Model

/// Which objects a prune leaves alone, by its filters `label`, `label!` and `until`.
package struct PruneFilters: Sendable {
    private let filters: Filters
    private let until: Timestamp?

    /// - Parameter now: What durations in `until` count back from.
    /// - Throws: ``FilterError`` for a filter that prunes do not know, and for an `until` that is no moment.
    package init(_ filters: Filters, now: Timestamp) throws(FilterError) {
        try filters.allow(["label", "label!", "until"])
        guard filters["until"].count <= 1 else {
            throw FilterError.severalUntil
        }
        self.filters = filters
        until = try filters["until"].first.map { text throws(FilterError) in
            guard let timestamp = Self.timestamp(text, now: now) else {
                throw FilterError.invalidUntil(text)
            }
            return timestamp
        }
    }

    /// True for an object that is old enough, has every wanted label and none of the unwanted.
    package func match(labels: [String: String], created: Timestamp) -> Bool {
        if let until, created > until { return false }
        guard filters.labelsMatch(labels) else { return false }
        return filters["label!"].allSatisfy { unwanted in
            !Filters(["label": [unwanted]]).labelsMatch(labels)
        }
    }

    /// RFC 3339 text, seconds since 1970 with an optional fraction, or how long ago, as in `1h30m`.
    static func timestamp(_ text: String, now: Timestamp) -> Timestamp? {
        if let timestamp = Timestamp(text) { return timestamp }
        if let nanoseconds = Double(text).flatMap({ Int64(exactly: ($0 * 1e9).rounded(.towardZero)) }) {
            return Timestamp(nanosecondsSinceEpoch: nanoseconds)
        }
        return nanoseconds(text).map { now.advanced(byNanoseconds: -$0) }
    }

    /// A duration in Go's spelling: numbers with units, without spaces; `nil` for anything else.
    private static func nanoseconds(_ text: String) -> Int64? {
        let units: [String: Double] = [
            "ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
        ]
        var rest = text[...]
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let factor = units[String(unit)] else { return nil }
            total += number * factor
        }
        return text.isEmpty ? nil : Int64(exactly: total.rounded(.towardZero))
    }
}
