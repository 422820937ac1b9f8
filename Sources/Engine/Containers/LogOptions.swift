import EngineInterface
import Faults
import LogDrivers
import Model

/// What a container's `--log-opt`s ask for, with Docker's names and defaults where it has them.
///
/// A log is bounded unless the options say otherwise. Writing it never waits for a reader, so `mode` and its buffer's size, which say
/// what is to happen then, change nothing.
struct LogOptions: Sendable {
    static let usualSize: Int64 = 20 << 20
    static let usualCount = 5

    /// What the drivers without a receiver take.
    static let known: Set<String> = [
        "max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode",
        "max-buffer-size",
    ]

    /// Bytes of one file, and how many files there are at the most.
    let size: Int64
    let count: Int
    /// Whether files that nobody writes any more are packed.
    let compresses: Bool

    /// - Throws: ``LogDriverError``.
    init(_ configuration: LogConfiguration) throws {
        let options = configuration.config
        if DriverTable.names.contains(configuration.type) {
            try Self.checkMode(options)
            (size, count) = try Self.spoolBounds(options)
            compresses = try Self.compresses(options["cache-compress"], usual: true, count: count)
            return
        }
        guard ["json-file", "local"].contains(configuration.type) else {
            (size, count, compresses) = (Self.usualSize, Self.usualCount, false)
            return
        }
        for name in options.keys.sorted() where !Self.known.contains(name) {
            throw configuration.type == "local"
                ? LogDriverError.unknownLocalOption(name)
                : LogDriverError.unknownOption(name: name, driver: configuration.type)
        }
        try Self.checkMode(options)
        size = try options["max-size"].map(Self.bytes) ?? Self.usualSize
        guard size > 0 else { throw LogDriverError.sizeNotPositive }
        if let text = options["max-file"] {
            guard let number = Int(text) else {
                throw LogDriverError.countNotNumber(text)
            }
            guard number >= 1 else { throw LogDriverError.countNotPositive }
            count = number
        } else {
            count = configuration.type == "json-file" && options["max-size"] != nil ? 1 : Self.usualCount
        }
        guard configuration.type == "json-file" else {
            compresses = try Self.compresses(options["compress"], usual: true, count: count)
            return
        }
        compresses = try Self.flag(options["compress"]) ?? false
        if compresses, count < 2 || options["max-size"] == nil { throw LogDriverError.compressionWithoutRotation }
    }

    /// As the driver `local` has it, and what it keeps for the others.
    private static func compresses(_ text: String?, usual: Bool, count: Int) throws -> Bool {
        let requested = try flag(text)
        if requested == true, count < 2 { throw LogDriverError.compressionOfOneFile }
        return count > 1 && requested ?? usual
    }

    private static func checkMode(_ options: [String: String]) throws {
        if let mode = options["mode"], !["", "blocking", "non-blocking"].contains(mode) {
            throw LogDriverError.unknownMode(mode)
        }
        if let size = options["max-buffer-size"] {
            guard options["mode"] == "non-blocking" else {
                throw LogDriverError.bufferWhileBlocking
            }
            _ = try bytes(size)
        }
    }

    /// The files of a log that is shipped are what `docker logs` reads and what waits for the receiver: the larger bound counts.
    private static func spoolBounds(_ options: [String: String]) throws -> (size: Int64, count: Int) {
        let size = try options["cache-max-size"].map(bytes) ?? usualSize
        guard size > 0 else { throw LogDriverError.sizeNotPositive }
        var count = usualCount
        if let text = options["cache-max-file"] {
            guard let number = Int(text) else { throw LogDriverError.countNotNumber(text) }
            guard number >= 1 else { throw LogDriverError.countNotPositive }
            count = number
        }
        if let most = try options["spool-max-size"].map(bytes) {
            count = max(count, Int(clamping: min(most / size + (most % size == 0 ? 0 : 1), 10_000)))
        }
        return (size, count)
    }

    private static func flag(_ text: String?) throws -> Bool? {
        switch text {
        case nil: return nil
        case "0", "f", "F", "false", "False", "FALSE": return false
        case "1", "t", "T", "true", "True", "TRUE": return true
        case let text?: throw LogDriverError.compressionNotBoolean(text)
        }
    }

    private static func bytes(_ text: String) throws -> Int64 {
        guard let bytes = ByteSize.parse(text) else { throw LogDriverError.invalidSize(text) }
        return bytes
    }
}
