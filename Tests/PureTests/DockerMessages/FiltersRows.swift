import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let filters: [Row] = [
        Row(FilterError.unknown("name"), .invalidInput, "invalid filter 'name'"),
        Row(FilterError.invalid(name: "name", value: "value"), .invalidInput, "invalid filter 'name=value'"),
        Row(FilterError.invalidFlag(name: "name", values: ["a", "b"]), .invalidInput, "invalid filter 'name=[a b]'"),
        Row(FilterError.severalUntil, .invalidInput, "more than one until filter specified"),
        Row(FilterError.invalidUntil("text"), .invalidInput, "invalid value \"text\" of filter 'until'"),
        Row(FilterError.unknownNetworkType("text"), .invalidInput, "invalid filter: 'type'='text'"),
        Row(FilterError.unknownValue(name: "role", value: "bogus"), .invalidInput, "Invalid role filter: 'bogus'"),
        Row(FilterError.severalValues("name"), .invalidInput, "got more than one value for filter key \"name\""),
    ]
}
