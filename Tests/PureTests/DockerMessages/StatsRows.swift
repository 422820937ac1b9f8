import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let stats: [Row] = [
        Row(
            ProcessListError.renamedColumn(column: "column", name: "name"), .invalidInput,
            "specifying \"column=name\" is not allowed"),
        Row(ProcessListError.noProcessColumn, .invalidInput, "Couldn't find PID field in ps output"),
        Row(ProcessListError.programMissing, .unavailable, "ps is not installed on this node"),
        Row(ProcessListError.failed("reason"), .invalidInput, "ps: reason"),
    ]
}
