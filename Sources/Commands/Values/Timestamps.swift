package import Model
import Templates

/// Points in time as flags give them.
package enum Timestamps {
    /// `--since` and `--until` of logs and events: RFC 3339, seconds since 1970, or a duration before now.
    ///
    /// - Returns: `seconds.nanoseconds`, as the API takes it.
    package static func parameter(_ text: String, now: Timestamp = .now) throws(ValueError) -> String {
        let timestamp = try parse(text, now: now)
        return "\(timestamp.seconds).\(String(timestamp.nanoseconds + 1_000_000_000).dropFirst())"
    }

    /// - Parameter now: What a duration counts back from.
    /// - Throws: For what is neither a time nor a duration.
    package static func parse(_ text: String, now: Timestamp) throws(ValueError) -> Timestamp {
        if let duration = try? GoDuration.parse(text) {  // Not a duration: then one of the other forms.
            let (timestamp, isTooFar) = now.clampedNanosecondsSinceEpoch.subtractingReportingOverflow(duration)
            return Timestamp(nanosecondsSinceEpoch: isTooFar ? (duration < 0 ? .max : .min) : timestamp)
        }
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        if let seconds = Int64(parts[0]), parts.count == 1 || parts[1].allSatisfy(\.isNumber) {
            let digits = parts.count == 2 ? String((parts[1] + "000000000").prefix(9)) : "0"
            return Timestamp(seconds: seconds, nanoseconds: Int64(digits) ?? 0)
        }
        for suffix in ["", "Z", ":00Z", "T00:00:00Z"] {
            if let timestamp = Timestamp(text + suffix) { return timestamp }
        }
        throw ValueError("failed to parse value as time or duration: \(GoText.quoted(text))")
    }

    /// How long ago a timestamp of the API's text was, in nanoseconds; 0 when it is none.
    static func age(_ text: String) -> Int64 {
        Timestamp(text).map { age($0) } ?? 0
    }

    /// The same of any timestamp; the farthest there is when it does not fit.
    static func age(_ timestamp: Timestamp) -> Int64 {
        let (age, isTooFar) = Timestamp.now.clampedNanosecondsSinceEpoch
            .subtractingReportingOverflow(timestamp.clampedNanosecondsSinceEpoch)
        return isTooFar ? .max : age
    }

    /// `2026-11-23 06:21:09.338590375 +0000 UTC`, as Go prints a timestamp.
    package static func goText(_ text: String) -> String {
        guard let timestamp = Timestamp(text) else { return text }
        let plain = timestamp.description.dropLast()
        return plain.replacing("T", with: " ") + " +0000 UTC"
    }
}
