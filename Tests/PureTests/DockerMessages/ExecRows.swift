import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let exec: [Row] = [
        Row(ExecError.notFound("id"), .notFound, "No such exec instance: id"),
        Row(ExecError.noCommand, .invalidInput, "No exec command specified"),
        Row(ExecError.alreadyRunning("id"), .conflict, "Error: Exec command id is already running"),
        Row(ExecError.alreadyRun("id"), .conflict, "Error: Exec command id has already run"),
        Row(ExecError.notRunning("id"), .conflict, "Exec command id is not running"),
    ]
}
