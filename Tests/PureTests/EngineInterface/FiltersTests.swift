import EngineInterface
import Testing

@Suite struct FiltersTests {
    @Test func `a filter of a few values takes those in any case, nothing for an empty one, and no others`() throws {
        let filters = Filters(["role": ["Manager", ""], "membership": ["x"]])
        #expect(try filters.choices("role", of: ["worker", "manager"]) == ["manager"])
        #expect(try filters.choices("nosuch", of: ["worker"]).isEmpty)
        #expect(throws: FilterError.unknownValue(name: "membership", value: "x")) {
            try filters.choices("membership", of: ["accepted", "pending"])
        }
    }
}
