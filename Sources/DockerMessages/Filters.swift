import EngineInterface

extension FilterError: MessageConvertible {
    var message: String {
        switch self {
        case .unknown(let name):
            "invalid filter '\(name)'"
        case .invalid(let name, let value):
            "invalid filter '\(name)=\(value)'"
        case .invalidFlag(let name, let values):
            "invalid filter '\(name)=[\(values.joined(separator: " "))]'"
        case .severalUntil:
            "more than one until filter specified"
        case .invalidUntil(let text):
            "invalid value \"\(text)\" of filter 'until'"
        }
    }
}
