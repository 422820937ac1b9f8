import EngineInterface

extension ExecError: MessageConvertible {
    var message: String {
        switch self {
        case .notFound(let id):
            "No such exec instance: \(id)"
        case .noCommand:
            "No exec command specified"
        case .alreadyRunning(let id):
            "Error: Exec command \(id) is already running"
        case .alreadyRun(let id):
            "Error: Exec command \(id) has already run"
        case .notRunning(let id):
            "Exec command \(id) is not running"
        }
    }
}
