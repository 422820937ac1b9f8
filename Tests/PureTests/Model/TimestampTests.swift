import Model
import Testing

/// Moments that clients may name and that do not fit into 64 bits of nanoseconds.
@Suite struct TimestampTests {
    @Test(arguments: [Int64.min, Int64.min + 1, Int64.max - 1, Int64.max])
    func `any second a file system can hold has a text`(second: Int64) {
        // A container sets its files' times as it likes.
        #expect(Timestamp(seconds: second).description.hasSuffix("Z"))
    }

    @Test func `nanoseconds out of range are the first or last that fit`() {
        #expect(Timestamp(seconds: 1, nanoseconds: 2).clampedNanosecondsSinceEpoch == 1_000_000_002)
        #expect(Timestamp(seconds: -1, nanoseconds: 2).clampedNanosecondsSinceEpoch == -999_999_998)
        for seconds in [9_223_372_037, Int64.max] {
            #expect(Timestamp(seconds: seconds).clampedNanosecondsSinceEpoch == .max)
            #expect(Timestamp(seconds: -seconds - 1).clampedNanosecondsSinceEpoch == .min)
        }
        #expect(Timestamp(seconds: 9_223_372_036, nanoseconds: 999_999_999).clampedNanosecondsSinceEpoch == .max)
    }

    @Test func `a moment beyond the last is the last`() {
        let (first, last) = (Timestamp(seconds: .min), Timestamp(seconds: .max, nanoseconds: 999_999_999))
        #expect(last.advanced(bySeconds: 1).seconds == .max && last.advanced(byNanoseconds: 1).seconds == .max)
        #expect(first.advanced(bySeconds: -1).seconds == .min && first.advanced(byNanoseconds: -1).seconds == .min)
        #expect(last.advanced(byNanoseconds: .min).seconds == .max - 9_223_372_036)
        #expect(last.wholeSeconds(since: first) == .max && first.wholeSeconds(since: last) == .min)
        #expect(Timestamp(seconds: 5, nanoseconds: 1).wholeSeconds(since: Timestamp(seconds: 3, nanoseconds: 2)) == 1)
    }

    @Test func `the time between any two moments can be told`() {
        let now = Timestamp(seconds: 1_800_000_000, nanoseconds: 500_000_000)
        #expect(now.timeSince(Timestamp(seconds: 1_800_000_001)) == -0.5)
        #expect(Timestamp(seconds: .min).timeSince(now) < -9e18)
        #expect(Timestamp(seconds: .max).timeSince(Timestamp(seconds: .min)) > 1e19)
    }
}
