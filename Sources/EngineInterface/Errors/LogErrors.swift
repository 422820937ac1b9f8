package import Faults

/// How a container's output cannot be kept, or cannot be read.
package enum LogDriverError: Fault, Equatable {
    case unknownDriver(String)
    case unknownLocalOption(String)
    case unknownOption(name: String, driver: String)
    case unknownMode(String)
    case bufferWhileBlocking
    case sizeNotPositive
    case invalidSize(String)
    case countNotNumber(String)
    case countNotPositive
    case compressionNotBoolean(String)
    case invalidPattern(pattern: String, reason: String)
    case noStreamChosen
    case nothingKept

    package var kind: FaultKind {
        switch self {
        case .unknownDriver: .notFound
        case .unknownLocalOption, .unknownOption, .unknownMode, .bufferWhileBlocking, .sizeNotPositive, .invalidSize,
            .countNotNumber, .countNotPositive, .compressionNotBoolean, .invalidPattern, .noStreamChosen:
            .invalidInput
        case .nothingKept: .notImplemented
        }
    }
}
