#if canImport(Glibc)
    import Glibc
#endif

/// A moment with nanoseconds, in UTC. Text form: RFC 3339, as in `2026-11-23T06:21:52.586485768Z`.
package struct Timestamp: Hashable, Sendable, Comparable {
    /// Seconds since 1970-01-01T00:00:00Z.
    package let seconds: Int64
    /// 0 to 999,999,999.
    package let nanoseconds: Int64

    package init(seconds: Int64, nanoseconds: Int64 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package init(nanosecondsSinceEpoch count: Int64) {
        let rest = count % 1_000_000_000
        seconds = count / 1_000_000_000 - (rest < 0 ? 1 : 0)
        nanoseconds = rest < 0 ? rest + 1_000_000_000 : rest
    }

    /// What the Engine API writes where there is no moment: `0001-01-01T00:00:00Z`.
    package static let zero = Timestamp(seconds: -62_135_596_800)

    /// The system's clock.
    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(clamping: time.tv_sec), nanoseconds: Int64(clamping: time.tv_nsec))
    }

    /// Only for moments from 1677 to 2262: others wrap around. See ``clampedNanosecondsSinceEpoch``.
    package var nanosecondsSinceEpoch: Int64 { seconds &* 1_000_000_000 &+ nanoseconds }

    /// The same for moments that somebody else chose: those out of range become the first or last that fits.
    package var clampedNanosecondsSinceEpoch: Int64 {
        let (product, isTooFar) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isOver) = product.addingReportingOverflow(nanoseconds)
        return isTooFar || isOver ? (seconds < 0 ? .min : .max) : sum
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// Beyond the first or last moment that can be told: that moment.
    package func advanced(bySeconds count: Int64) -> Timestamp {
        let (sum, isTooFar) = seconds.addingReportingOverflow(count)
        return Timestamp(seconds: isTooFar ? (count < 0 ? .min : .max) : sum, nanoseconds: nanoseconds)
    }

    /// - Parameter count: Nanoseconds; negative ones go back.
    package func advanced(byNanoseconds count: Int64) -> Timestamp {
        let rest = Timestamp(nanosecondsSinceEpoch: count)
        let sum = nanoseconds + rest.nanoseconds
        let moved = advanced(bySeconds: rest.seconds + (sum >= 1_000_000_000 ? 1 : 0))
        return Timestamp(seconds: moved.seconds, nanoseconds: sum >= 1_000_000_000 ? sum - 1_000_000_000 : sum)
    }

    /// Seconds from `other` to this moment, with fractions; of any two moments.
    package func timeSince(_ other: Timestamp) -> Double {
        Double(seconds) - Double(other.seconds) + Double(nanoseconds - other.nanoseconds) / 1e9
    }

    /// Whole seconds from `other` to this moment, towards zero; of any two moments.
    package func wholeSeconds(since other: Timestamp) -> Int {
        let time = timeSince(other)
        return Int(exactly: time.rounded(.towardZero)) ?? (time < 0 ? .min : .max)
    }
}

extension Timestamp {
    /// RFC 3339 with all nine digits of the fraction, as log lines carry it.
    package var fixedWidth: String {
        let whole = Timestamp(seconds: seconds).description.dropLast()
        return "\(whole).\(String(nanoseconds + 1_000_000_000).dropFirst())Z"
    }
}

extension Timestamp: CustomStringConvertible, Codable {
    package var description: String {
        let (year, month, day) = Self.date(ofDay: seconds.flooredDivision(by: 86_400))
        let second = seconds.flooredRemainder(by: 86_400)
        func two(_ value: Int64) -> String { (value < 10 ? "0" : "") + String(value) }
        let yearText = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
        var text =
            "\(yearText)-\(two(month))-\(two(day))T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        if nanoseconds != 0 {
            var fraction = String(nanoseconds + 1_000_000_000).dropFirst()
            while fraction.last == "0" { fraction = fraction.dropLast() }
            text += "." + fraction
        }
        return text + "Z"
    }

    /// RFC 3339 text with `Z` or an offset; `nil` when it is anything else.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int64(clamping: byte - 48)
            }
            return value
        }
        guard bytes.count >= 20, let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            bytes[4] == 45, bytes[7] == 45, bytes[10] | 0x20 == 0x74, bytes[13] == 58, bytes[16] == 58,
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var position = 19
        var fraction: Int64 = 0
        if position < bytes.count, bytes[position] == 46 {
            position += 1
            var scale: Int64 = 100_000_000
            let start = position
            while position < bytes.count, (48...57).contains(bytes[position]) {
                fraction += Int64(clamping: bytes[position] - 48) * scale
                scale /= 10
                position += 1
            }
            guard position > start else { return nil }
        }
        guard position < bytes.count else { return nil }
        var offset: Int64 = 0
        if bytes[position] | 0x20 == 0x7a {
            guard position + 1 == bytes.count else { return nil }
        } else {
            guard bytes[position] == 43 || bytes[position] == 45, position + 6 == bytes.count,
                let hours = number(position + 1..<position + 3), let minutes = number(position + 4..<position + 6)
            else { return nil }
            offset = (hours * 3600 + minutes * 60) * (bytes[position] == 43 ? 1 : -1)
        }
        let days = Self.day(year: year, month: month, day: day)
        self.init(seconds: days * 86_400 + hour * 3600 + minute * 60 + second - offset, nanoseconds: fraction)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let timestamp = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 time: \(text)")
        }
        self = timestamp
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, counted in years that begin in March.
    private static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.flooredDivision(by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(ofDay count: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = count + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch + (monthFromMarch < 10 ? 3 : -9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 { self / divisor - (self % divisor < 0 ? 1 : 0) }
    fileprivate func flooredRemainder(by divisor: Int64) -> Int64 {
        let rest = self % divisor
        return rest < 0 ? rest + divisor : rest
    }
}
