import Templates

/// Sizes and durations for people, as Docker rounds them.
package enum Units {
    private static let decimal = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    private static let binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]

    /// Powers of 1000, as `1.985MB`.
    package static func size(_ count: Double, digits: Int = 4) -> String { scaled(count, 1000, decimal, digits) }
    /// The same of whole bytes.
    package static func size(_ count: Int64, digits: Int = 4) -> String { size(Double(count), digits: digits) }

    /// Powers of 1024, as `23.54GiB`.
    package static func binarySize(_ count: Double) -> String { scaled(count, 1024, binary, 4) }

    private static func scaled(_ count: Double, _ base: Double, _ names: [String], _ digits: Int) -> String {
        var value = count
        var index = 0
        while value >= base, index < names.count - 1 {
            value /= base
            index += 1
        }
        return Printing.number("%.\(digits)g", value) + names[index]
    }

    /// `Less than a second`, `4 seconds`, `About a minute`, `3 weeks`, …
    package static func duration(_ nanoseconds: Int64) -> String {
        let seconds = nanoseconds / 1_000_000_000
        if seconds < 1 { return "Less than a second" }
        if seconds == 1 { return "1 second" }
        if seconds < 60 { return "\(seconds) seconds" }
        let minutes = seconds / 60
        if minutes == 1 { return "About a minute" }
        if minutes < 60 { return "\(minutes) minutes" }
        let hours = Int64((Double(nanoseconds) / 3.6e12 + 0.5).rounded(.down))
        if hours == 1 { return "About an hour" }
        if hours < 48 { return "\(hours) hours" }
        if hours < 24 * 7 * 2 { return "\(hours / 24) days" }
        if hours < 24 * 30 * 2 { return "\(hours / 24 / 7) weeks" }
        if hours < 24 * 365 * 2 { return "\(hours / 24 / 30) months" }
        return "\(seconds / 3600 / 24 / 365) years"
    }

    static func ago(_ timestamp: String) -> String { duration(Timestamps.age(timestamp)) + " ago" }

    /// The first twelve characters of an id, without `sha256:`.
    package static func shortID(_ id: String) -> String {
        let digits = id.firstIndex(of: ":").map { id[id.index(after: $0)...] } ?? id[...]
        return String(digits.prefix(12))
    }

    /// At most so many columns, the last one `…` when something is left out.
    package static func ellipsis(_ text: String, _ width: Int) -> String {
        guard text.count > width else { return text }
        return width <= 0 ? "" : String(text.prefix(width - 1)) + "…"
    }
}
