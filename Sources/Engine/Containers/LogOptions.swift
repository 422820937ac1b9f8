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

    private static let common: Set<String> = ["mode", "max-buffer-size"]
    private static let known: [String: Set<String>] = [
        "json-file": ["max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag"],
        "local": ["max-file", "max-size", "compress"],
    ]

    /// Bytes of one file, and how many files there are at the most.
    let size: Int64
    let count: Int
    private let options: [String: String]

    /// - Throws: ``LogDriverError``, ``UnsupportedError``.
    init(_ configuration: LogConfiguration) throws {
        let options = configuration.config
        self.options = options
        if DriverTable.names.contains(configuration.type) {
            try Self.checkMode(options)
            (size, count) = try Self.spoolBounds(options)
            return
        }
        guard let known = Self.known[configuration.type] else {
            (size, count) = (Self.usualSize, Self.usualCount)
            return
        }
        for name in options.keys.sorted() where !known.contains(name) && !Self.common.contains(name) {
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
        try Self.checkCompression(options["compress"])
        for name in ["labels-regex", "env-regex"] {
            if let pattern = options[name] { _ = try Self.regex(pattern) }
        }
        if options["tag"] != nil { throw UnsupportedError.feature("log option tag") }
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
        try checkCompression(options["cache-compress"])
        if let most = try options["spool-max-size"].map(bytes) {
            count = max(count, Int(clamping: min(most / size + (most % size == 0 ? 0 : 1), 10_000)))
        }
        return (size, count)
    }

    private static func checkCompression(_ text: String?) throws {
        switch text {
        case nil, "0", "f", "F", "false", "False", "FALSE": return
        case "1", "t", "T", "true", "True", "TRUE":
            throw UnsupportedError.features("compressed logs (log option compress)")
        case let text?:
            throw LogDriverError.compressionNotBoolean(text)
        }
    }

    private static func regex(_ pattern: String) throws -> Regex<AnyRegexOutput> {
        do { return try Regex(pattern) } catch {
            throw LogDriverError.invalidPattern(pattern: pattern, reason: "\(error)")
        }
    }

    private static func bytes(_ text: String) throws -> Int64 {
        guard let bytes = ByteSize.parse(text) else { throw LogDriverError.invalidSize(text) }
        return bytes
    }

    /// What `--details` shows of the container: the labels and variables that the options name.
    func details(of configuration: ContainerConfiguration) throws -> [String: String] {
        var details: [String: String] = [:]
        var variables: [String: String] = [:]
        for variable in configuration.env {
            let halves = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if halves.count == 2 { variables[String(halves[0])] = String(halves[1]) }
        }
        for (option, values) in [("labels", configuration.labels ?? [:]), ("env", variables)] {
            for name in (options[option] ?? "").split(separator: ",").map(String.init) {
                if let value = values[name] { details[name] = value }
            }
            guard let pattern = options[option + "-regex"], !pattern.isEmpty else { continue }
            let regex = try Self.regex(pattern)
            for (name, value) in values where name.firstMatch(of: regex) != nil { details[name] = value }
        }
        return details
    }
}
