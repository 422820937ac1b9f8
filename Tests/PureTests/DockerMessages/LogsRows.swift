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
            LogDriverError.compressionWithoutRotation, .invalidInput,
            "compress cannot be true when max-file is less than 2 or max-size is not set"),
        Row(
            LogDriverError.compressionOfOneFile, .invalidInput, "compression cannot be enabled when max file count is 1"
        ),
        Row(LogDriverError.noStreamChosen, .invalidInput, "Bad parameters: you must choose at least one stream"),
        Row(LogDriverError.nothingKept, .notImplemented, "configured logging driver does not support reading"),
        Row(
            LogOptionError.unknown(name: "x", driver: "syslog"), .invalidInput,
            "unknown log opt 'x' for syslog log driver"),
        Row(
            LogOptionError.unknownQuoted(name: "x", driver: "gelf"), .invalidInput,
            "unknown log opt \"x\" for gelf log driver"),
        Row(
            LogOptionError.missing(name: "awslogs-group", driver: "awslogs"), .invalidInput,
            "must specify a value for log opt 'awslogs-group' of awslogs log driver"),
        Row(LogOptionError.invalid(name: "n", value: "v", said: "invalid n: v"), .invalidInput, "invalid n: v"),
        Row(LogOptionError.invalidTag(template: "{{", reason: "bad"), .invalidInput, "log-opt tag: bad"),
        Row(
            LogOptionError.invalidPattern(pattern: "(", reason: "reason"), .invalidInput,
            "error parsing regexp: reason: `(`"),
        Row(
            LogOptionError.unusable(path: "/a", reason: "no such file"), .invalidInput, "/a: no such file"),
        Row(
            LogOptionError.notOnThisHost(driver: "journald"), .invalidInput, "journald is not enabled on this host"),
    ]
}
