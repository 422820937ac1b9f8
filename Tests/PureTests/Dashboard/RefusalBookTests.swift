import Testing

@testable import Dashboard

/// Which refusals are written down, by a clock that is played.
@Suite struct RefusalBookTests {
    @Test func `an account has ten a minute, and what was left out is told with the next`() {
        var book = RefusalBook()
        for _ in 0..<10 { #expect(book.admit("vera", at: 0) == 0) }
        for _ in 0..<7 { #expect(book.admit("vera", at: 30) == nil) }
        #expect(book.admit("mei", at: 30) == 0, "others have theirs")
        #expect(book.admit("vera", at: 60) == 7)
        #expect(book.admit("vera", at: 60) == 0)
    }

    @Test func `strangers have ten altogether, and take none of an account's`() {
        var book = RefusalBook()
        var written = 0
        for number in 0..<1000 where book.admit(nil, at: Double(number) / 100) != nil { written += 1 }
        #expect(written == 10)
        #expect(book.admit("vera", at: 10) == 0)
        #expect(book.admit(nil, at: 70) == 990)
    }

    @Test func `all accounts have sixty a minute, whoever they are`() {
        var book = RefusalBook()
        var written = 0
        for number in 0..<1000 where book.admit("viewer\(number)", at: 0) != nil { written += 1 }
        #expect(written == 60)
        #expect(book.admit(nil, at: 0) == 0, "which keeps no stranger's out")
        #expect(book.admit("viewer999", at: 61) == 1)
    }
}
