import Model

/// The head of one line of conmon's `k8s-file` format: `2026-11-23T06:21:52.586485768+00:00 stdout F text`.
///
/// `P` marks a piece that ends where one read(2) of conmon's ended; `F` the rest of a line.
struct LogLine: Equatable {
    let time: Timestamp
    let stream: LogEntry.Stream
    let isPartial: Bool
    /// Index of the first byte of the text in the line it was read from.
    let textStart: Int

    /// `nil` when the bytes are no such line.
    init?(_ line: ArraySlice<UInt8>) {
        guard let timeEnd = line.firstIndex(of: UInt8(ascii: " ")),
            let time = Self.time(line.prefix(upTo: timeEnd))
        else { return nil }
        let rest = line[timeEnd...].dropFirst()
        if rest.starts(with: Self.output) {
            stream = .output
        } else if rest.starts(with: Self.error) {
            stream = .error
        } else {
            return nil
        }
        let marked = rest.dropFirst(Self.output.count)
        switch marked.first {
        case UInt8(ascii: "F"): isPartial = false
        case UInt8(ascii: "P"): isPartial = true
        default: return nil
        }
        // A line without text may end right behind its mark.
        let text = marked.dropFirst()
        guard text.isEmpty || text.first == UInt8(ascii: " ") else { return nil }
        self.time = time
        textStart = text.dropFirst().startIndex
    }

    private static let output = Array("stdout ".utf8)
    private static let error = Array("stderr ".utf8)

    /// RFC 3339 with an offset, read by position: this runs for every line.
    private static func time(_ text: ArraySlice<UInt8>) -> Timestamp? {
        guard text.count >= 20, text.count <= 40 else { return nil }
        var rest = text
        func number(_ digits: Int, then separator: UInt8?) -> Int64? {
            guard rest.count >= digits else { return nil }
            var value: Int64 = 0
            for byte in rest.prefix(digits) {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int64(clamping: byte - 48)
            }
            rest = rest.dropFirst(digits)
            guard let separator else { return value }
            guard rest.first == separator else { return nil }
            rest = rest.dropFirst()
            return value
        }
        guard let year = number(4, then: 45), let month = number(2, then: 45), let day = number(2, then: 84),
            let hour = number(2, then: 58), let minute = number(2, then: 58), let second = number(2, then: nil),
            // Other years are damage, and their nanoseconds would not fit.
            (1970...2200).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second < 61
        else { return nil }
        var nanoseconds: Int64 = 0
        if rest.first == 46 {
            let digits = rest.dropFirst().prefix { $0 >= 48 && $0 <= 57 }
            guard (1...9).contains(digits.count) else { return nil }
            for byte in digits { nanoseconds = nanoseconds * 10 + Int64(clamping: byte - 48) }
            for _ in digits.count..<9 { nanoseconds *= 10 }
            rest = rest.dropFirst(digits.count + 1)
        }
        var offset: Int64 = 0
        guard let sign = rest.first else { return nil }
        rest = rest.dropFirst()
        if sign != 90 {
            guard sign == 43 || sign == 45, let hours = number(2, then: 58), let minutes = number(2, then: nil)
            else { return nil }
            offset = (hours * 60 + minutes) * (sign == 45 ? -60 : 60)
        }
        guard rest.isEmpty else { return nil }
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// Days since 1970-01-01 in the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms").
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
