import Testing

@testable import NameService

@Suite struct QueryCountsTests {
    @Test func `answers are counted by what they say and who had them, nothing is not`() {
        let counts = QueryCounts()
        for flags: UInt8 in [0x80, 0x83, 0x83, 0x85, 0x8f] { counts.note([0, 1, 0x81, flags, 0], from: .node) }
        counts.note([0, 1, 0x81, 0x02], from: .upstream)
        counts.note(nil, from: .node)
        // Too short to say anything.
        counts.note([0, 1], from: .upstream)
        let told = { (origin: QueryCounts.Origin) in
            QueryCounts.Code.allCases.map { "\($0.rawValue) \(counts.count(origin, $0))" }
        }
        #expect(
            told(.node) == [
                "noerror 1", "formerr 0", "servfail 0", "nxdomain 2", "notimp 0", "refused 1", "other 1",
            ])
        #expect(
            told(.upstream) == [
                "noerror 0", "formerr 0", "servfail 1", "nxdomain 0", "notimp 0", "refused 0", "other 1",
            ])
        counts.noteWait(nanoseconds: 5)
        counts.noteWait(nanoseconds: -1)
        #expect(counts.waitedNanoseconds == 5)
    }
}
