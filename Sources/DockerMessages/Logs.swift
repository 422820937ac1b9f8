import EngineInterface

extension LogDriverError: MessageConvertible {
    var message: String {
        switch self {
        case .unknownDriver(let name):
            "error looking up logging plugin \(name): plugin \"\(name)\" not found"
        case .unknownLocalOption(let name):
            "unknown log opt '\(name)' for log driver local"
        case .unknownOption(let name, let driver):
            "unknown log opt '\(name)' for \(driver) log driver"
        case .unknownMode(let mode):
            "logger: logging mode not supported: \(mode)"
        case .bufferWhileBlocking:
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'"
        case .sizeNotPositive:
            "max-size must be a positive number"
        case .invalidSize(let text):
            "invalid size: '\(text)'"
        case .countNotNumber(let text):
            "strconv.Atoi: parsing \"\(text)\": invalid syntax"
        case .countNotPositive:
            "max-file cannot be less than 1"
        case .compressionNotBoolean(let text):
            "strconv.ParseBool: parsing \"\(text)\": invalid syntax"
        case .compressionWithoutRotation:
            "compress cannot be true when max-file is less than 2 or max-size is not set"
        case .compressionOfOneFile:
            "compression cannot be enabled when max file count is 1"
        case .noStreamChosen:
            "Bad parameters: you must choose at least one stream"
        case .nothingKept:
            "configured logging driver does not support reading"
        }
    }
}

extension LogOptionError: MessageConvertible {
    var message: String {
        switch self {
        case .unknown(let name, let driver):
            "unknown log opt '\(name)' for \(driver) log driver"
        case .unknownQuoted(let name, let driver):
            "unknown log opt \"\(name)\" for \(driver) log driver"
        case .missing(let name, let driver):
            "must specify a value for log opt '\(name)' of \(driver) log driver"
        case .invalid(_, _, let said):
            said
        case .invalidTag(_, let reason):
            "log-opt tag: \(reason)"
        case .invalidPattern(let pattern, let reason):
            "error parsing regexp: \(reason): `\(pattern)`"
        case .unusable(let path, let reason):
            "\(path): \(reason)"
        case .notOnThisHost(let driver):
            "\(driver) is not enabled on this host"
        }
    }
}
