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
    /// `json-file` has only files that are bounded to be packed.
    case compressionWithoutRotation
    /// `local` has, with one file, none that nobody writes.
    case compressionOfOneFile
    case noStreamChosen
    case nothingKept

    package var kind: FaultKind {
        switch self {
        case .unknownDriver: .notFound
        case .unknownLocalOption, .unknownOption, .unknownMode, .bufferWhileBlocking, .sizeNotPositive, .invalidSize,
            .countNotNumber, .countNotPositive, .compressionNotBoolean, .compressionWithoutRotation,
            .compressionOfOneFile, .noStreamChosen:
            .invalidInput
        case .nothingKept: .notImplemented
        }
    }
}
