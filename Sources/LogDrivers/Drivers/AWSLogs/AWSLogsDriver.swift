package import EngineInterface
import Templates

/// Amazon CloudWatch Logs.
package struct AWSLogsDriver: LogDriver {
    package static let name = "awslogs"

    /// An event may have 256 KB less what is counted besides its text, as Docker cuts it; since April 2025 the service takes 1 MB.
    private static let usualLongestText = 262_144 - AWSLogsBatches.bytesOfEvent
    package static let optionNames: Set<String> = [
        "awslogs-group", "awslogs-region", "awslogs-endpoint", "awslogs-stream", "awslogs-create-group",
        "awslogs-create-stream", "awslogs-datetime-format", "awslogs-multiline-pattern", "awslogs-credentials-endpoint",
        "awslogs-force-flush-interval-seconds", "awslogs-max-buffered-events", "awslogs-format",
        "awslogs-max-event-bytes",
    ]

    private let options: LogDriverOptions
    private let host: LogHost
    private let groupName: String
    private let makesGroup: Bool
    private let makesStream: Bool
    private let beginning: AWSLogsPattern?
    private let flushSeconds: Int
    private let longestText: Int
    private let isEMF: Bool
    private let endpoint: HTTPAddress?

    /// - Throws: what is wrong with the options, in the words of Docker where it has them.
    package init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError) {
        try options.checkNames(Self.optionNames, without: ["labels", "labels-regex", "env", "env-regex"])
        self.options = options
        self.host = host
        guard let groupName = options.text("awslogs-group") else {
            throw .invalid(
                name: "awslogs-group", value: "", said: "must specify a value for log opt 'awslogs-group'")
        }
        self.groupName = groupName
        for name in ["awslogs-group", "awslogs-stream", "awslogs-region"]
        where options.text(name)?.contains("\0") == true {
            throw .invalid(name: name, value: "", said: "invalid value for log opt '\(name)'")
        }
        func flag(_ name: String, usual: Bool) throws(LogOptionError) -> Bool {
            try options.flag(name, usual: usual) { "must specify valid value for log opt '\(name)': \($0)" }
        }
        makesGroup = try flag("awslogs-create-group", usual: false)
        makesStream = try flag("awslogs-create-stream", usual: true)
        func positive(_ name: String, most: Int) throws(LogOptionError) -> Int? {
            try options.integer(name, in: 1...most) { _ in
                "must specify a positive integer for log opt '\(name)': \(options[name] ?? "")"
            }
        }
        flushSeconds = try positive("awslogs-force-flush-interval-seconds", most: 3600) ?? 5
        _ = try positive("awslogs-max-buffered-events", most: Int.max)
        longestText =
            try options.integer("awslogs-max-event-bytes", in: 1024...(1 << 20) - AWSLogsBatches.bytesOfEvent) { _ in
                "awslogs-max-event-bytes must be between 1024 and \((1 << 20) - AWSLogsBatches.bytesOfEvent)"
            } ?? Self.usualLongestText
        beginning = try Self.pattern(options)
        isEMF = try Self.isEMF(options)
        if let text = options.text("awslogs-endpoint") {
            guard let address = HTTPAddress(text), address.query == nil, address.login == nil else {
                throw .invalid(
                    name: "awslogs-endpoint", value: text, said: "awslogs-endpoint: not a URL: \(GoText.quoted(text))")
            }
            endpoint = address
        } else {
            endpoint = nil
        }
        if let path = options.text("awslogs-credentials-endpoint"), path.first != "/" {
            throw .invalid(
                name: "awslogs-credentials-endpoint", value: path,
                said: "awslogs-credentials-endpoint must be a path that begins with a slash")
        }
    }

    private static func pattern(_ options: LogDriverOptions) throws(LogOptionError) -> AWSLogsPattern? {
        if options["awslogs-datetime-format"] != nil, options["awslogs-multiline-pattern"] != nil {
            throw .invalid(
                name: "awslogs-datetime-format", value: "",
                said:
                    "you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at the same time"
            )
        }
        if let format = options.text("awslogs-datetime-format") { return try AWSLogsPattern(format: format) }
        guard let pattern = options.text("awslogs-multiline-pattern") else { return nil }
        do { return try AWSLogsPattern(pattern: pattern) } catch {
            throw .invalid(
                name: "awslogs-multiline-pattern", value: pattern,
                said: "awslogs could not parse multiline pattern key \(GoText.quoted(pattern))")
        }
    }

    private static func isEMF(_ options: LogDriverOptions) throws(LogOptionError) -> Bool {
        guard let format = options.text("awslogs-format") else { return false }
        guard format == "json/emf" else {
            throw .invalid(name: "awslogs-format", value: format, said: "unsupported log format '\(format)'")
        }
        if options["awslogs-datetime-format"] != nil || options["awslogs-multiline-pattern"] != nil {
            throw .invalid(
                name: "awslogs-format", value: format,
                said:
                    "you cannot configure log opt 'awslogs-datetime-format' or 'awslogs-multiline-pattern' when log opt 'awslogs-format' is set to 'json/emf'"
            )
        }
        return true
    }

    private var region: String? {
        options.text("awslogs-region") ?? host.environment["AWS_REGION"].flatMap { $0.isEmpty ? nil : $0 }
    }

    package var destination: String {
        [
            Self.name, region ?? "", endpoint?.shown ?? "", options.text("awslogs-credentials-endpoint") ?? "",
            String(flushSeconds),
        ].joined(separator: " ")
    }

    package var shownAddress: String {
        endpoint?.shown ?? "CloudWatch Logs in \(region ?? "the instance's region")"
    }

    package func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder {
        let stream: String
        if let named = options.text("awslogs-stream") {
            stream = named
        } else {
            stream = try LogTag.render(options, origin, host, usual: "{{.FullID}}")
        }
        // Characters that the service allows in no stream's name; Docker does not replace them, and fails later.
        let group = AWSLogsGroup(
            name: groupName, stream: String(stream.map { $0 == ":" || $0 == "*" || $0 == "\0" ? "_" : $0 }),
            makesGroup: makesGroup, makesStream: makesStream, isEMF: isEMF)
        return AWSLogsEncoder(
            group, beginning: beginning, longestText: longestText, hold: .seconds(flushSeconds))
    }

    package func makeTransport() -> any LogTransport {
        AWSLogsTransport(
            region: region, endpoint: endpoint?.shown,
            credentialsPath: options.text("awslogs-credentials-endpoint"), flushInterval: .seconds(flushSeconds),
            environment: host.environment)
    }
}
