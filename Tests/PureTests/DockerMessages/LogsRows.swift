import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let logs: [Row] = [
        Row(
            LogDriverError.unknownDriver("name"), .notFound,
            "error looking up logging plugin name: plugin \"name\" not found"),
        Row(LogDriverError.unknownLocalOption("name"), .invalidInput, "unknown log opt 'name' for log driver local"),
        Row(
            LogDriverError.unknownOption(name: "name", driver: "driver"), .invalidInput,
            "unknown log opt 'name' for driver log driver"),
        Row(LogDriverError.unknownMode("mode"), .invalidInput, "logger: logging mode not supported: mode"),
        Row(
            LogDriverError.bufferWhileBlocking, .invalidInput,
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'"),
        Row(LogDriverError.sizeNotPositive, .invalidInput, "max-size must be a positive number"),
        Row(LogDriverError.invalidSize("text"), .invalidInput, "invalid size: 'text'"),
        Row(LogDriverError.countNotNumber("text"), .invalidInput, "strconv.Atoi: parsing \"text\": invalid syntax"),
        Row(LogDriverError.countNotPositive, .invalidInput, "max-file cannot be less than 1"),
        Row(
            LogDriverError.compressionNotBoolean("text"), .invalidInput,
            "strconv.ParseBool: parsing \"text\": invalid syntax"),
        Row(
            LogDriverError.invalidPattern(pattern: "pattern", reason: "reason"), .invalidInput,
            "error parsing regexp: reason: `pattern`"),
        Row(LogDriverError.noStreamChosen, .invalidInput, "Bad parameters: you must choose at least one stream"),
        Row(LogDriverError.nothingKept, .notImplemented, "configured logging driver does not support reading"),
    ]
}
