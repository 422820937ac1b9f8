import EngineInterface

extension ProcessListError: MessageConvertible {
    var message: String {
        switch self {
        case .renamedColumn(let column, let name):
            "specifying \"\(column)=\(name)\" is not allowed"
        case .noProcessColumn:
            "Couldn't find PID field in ps output"
        case .programMissing:
            "ps is not installed on this node"
        case .failed(let reason):
            "ps: \(reason)"
        }
    }
}
