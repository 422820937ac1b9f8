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
        case .unknownNetworkType(let text):
            "invalid filter: 'type'='\(text)'"
        case .unknownValue(let name, let value):
            "Invalid \(name) filter: '\(value)'"
        case .severalValues(let name):
            "got more than one value for filter key \"\(name)\""
        }
    }
}
