import Glibc
import Model

/// The head of one line of conmon's `k8s-file` format: `2026-11-23T06:21:52.586485768+00:00 stdout F text`.
///
/// `P` marks a piece that ends where one read(2) of conmon's ended; `F` the rest of a line.
struct LogLine: Equatable {
    let time: Timestamp
    let stream: LogEntry.Stream
    let isPartial: Bool
    /// Where the text starts: index in what the line was read from.
    let textStart: Int

    /// `nil` when the bytes are no such line.
    init?(_ line: ArraySlice<UInt8>) {
        guard let read = line.withUnsafeBytes({ LogLine($0) }) else { return nil }
        (time, stream, isPartial) = (read.time, read.stream, read.isPartial)
        textStart = line.startIndex + read.textStart
    }

    /// `nil` when the bytes are no such line. ``textStart`` counts from their beginning.
    init?(_ line: UnsafeRawBufferPointer) {
        // Byte by byte and by position: this runs for every line of logs that have gigabytes.
        let most = min(line.count, Self.longestStamp + 1)
        guard let base = line.baseAddress, let space = memchr(base, 32, most) else { return nil }
        let stamp = UnsafeRawPointer(space) - base
        guard let time = Self.time(UnsafeRawBufferPointer(rebasing: line[..<stamp])) else { return nil }
        let mark = stamp + 8
        guard line.count > mark else { return nil }
        if memcmp(base + stamp, " stdout ", 8) == 0 {
            stream = .output
        } else if memcmp(base + stamp, " stderr ", 8) == 0 {
            stream = .error
        } else {
            return nil
        }
        // A line without text may end right behind its mark.
        guard line.count == mark + 1 || line[mark + 1] == 32 else { return nil }
        switch line[mark] {
        case UInt8(ascii: "F"): isPartial = false
        case UInt8(ascii: "P"): isPartial = true
        default: return nil
        }
        self.time = time
        textStart = min(mark + 2, line.count)
    }

    private static let longestStamp = 40

    /// RFC 3339 with an offset.
    private static func time(_ text: UnsafeRawBufferPointer) -> Timestamp? {
        let count = text.count
        guard count >= 20, count <= longestStamp else { return nil }
        // Negative for what are no digits.
        func number(_ start: Int, _ digits: Int) -> Int64 {
            var value: Int64 = 0
            var at = start
            while at < start + digits {
                let digit = Int64(clamping: text[at]) - 48
                guard digit >= 0, digit <= 9 else { return -1 }
                value = value * 10 + digit
                at += 1
            }
            return value
        }
        guard text[4] == 45, text[7] == 45, text[10] == 84, text[13] == 58, text[16] == 58 else { return nil }
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2))
        let (hour, minute, second) = (number(11, 2), number(14, 2), number(17, 2))
        // Other years are damage, and their nanoseconds would not fit.
        guard year >= 1970, year <= 2200, month >= 1, month <= 12, day >= 1, day <= 31, hour >= 0, hour < 24,
            minute >= 0, minute < 60, second >= 0, second < 61
        else { return nil }
        var nanoseconds: Int64 = 0
        var next = 19
        if text[next] == 46 {
            next += 1
            let start = next
            while next < count, text[next] >= 48, text[next] <= 57 { next += 1 }
            guard (1...9).contains(next - start) else { return nil }
            nanoseconds = number(start, next - start)
            for _ in next - start..<9 { nanoseconds *= 10 }
        }
        guard next < count else { return nil }
        var offset: Int64 = 0
        let sign = text[next]
        next += 1
        if sign != 90 {
            guard sign == 43 || sign == 45, count - next >= 5, text[next + 2] == 58 else { return nil }
            let (hours, minutes) = (number(next, 2), number(next + 3, 2))
            guard hours >= 0, minutes >= 0 else { return nil }
            offset = (hours * 60 + minutes) * (sign == 45 ? -60 : 60)
            next += 5
        }
        guard next == count else { return nil }
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
