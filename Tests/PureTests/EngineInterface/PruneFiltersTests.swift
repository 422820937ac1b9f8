import EngineInterface
import Faults
import Model
import TestKit
import Testing

@Suite struct PruneFiltersTests {
    private let now = Timestamp(seconds: 1_800_000_000)

    private func match(_ filters: [String: [String]], _ labels: [String: String], age: Int64) throws -> Bool {
        try PruneFilters(Filters(filters), now: now).match(
            labels: labels, created: now.advanced(bySeconds: -age))
    }

    @Test func `labels that are wanted must be there and those that are not must not`() throws {
        let labels = ["a": "1", "b": ""]
        #expect(try match([:], labels, age: 0))
        #expect(try match(["label": ["a", "b"]], labels, age: 0))
        #expect(try !match(["label": ["a=2"]], labels, age: 0))
        #expect(try !match(["label!": ["a=1"]], labels, age: 0))
        #expect(try match(["label!": ["a=2", "c"]], labels, age: 0))
    }

    @Test(arguments: ["1h30m", "1799994600", "1799994600.0", "2027-01-15T06:30:00Z"])
    func `until is a moment or how long ago`(text: String) throws {
        #expect(try match(["until": [text]], [:], age: 5401))
        #expect(try !match(["until": [text]], [:], age: 5399))
    }

    @Test(arguments: ["", "yesterday", "1x", "h", "5 m", "-"])
    func `what is neither is refused, never passed over`(text: String) throws {
        #expect(throws: APIError(.invalidInput, "invalid value \"\(text)\" of filter 'until'")) {
            try told {
                try PruneFilters(Filters(["until": [text]]), now: now)
            }
        }
    }

    @Test func `other filters are refused by name`() {
        #expect(throws: APIError(.invalidInput, "invalid filter 'name'")) {
            try told {
                try PruneFilters(Filters(["name": ["x"]]), now: now)
            }
        }
    }
}
