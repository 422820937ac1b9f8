package import EngineInterface
import Foundation
import Logs
import Model
import Templates

/// `fluentd`: Docker's records over the Forward protocol, in its PackedForward mode.
package struct FluentdDriver: LogDriver {
    package static let name = "fluentd"

    package static let optionNames: Set<String> = [
        "fluentd-address", "fluentd-async", "fluentd-async-connect", "fluentd-async-reconnect-interval",
        "fluentd-buffer-limit", "fluentd-retry-wait", "fluentd-max-retries", "fluentd-request-ack",
        "fluentd-sub-second-precision", "fluentd-write-timeout", "fluentd-read-timeout", "fluentd-tls-ca-cert",
        "fluentd-tls-cert", "fluentd-tls-key", "fluentd-tls-skip-verify", "fluentd-shared-key", "fluentd-username",
        "fluentd-password",
    ]
    private static let usualPort = 24224

    let options: LogDriverOptions
    let host: LogHost
    let address: ReceiverAddress
    let tls: StreamTLS?
    let credentials: FluentdCredentials?
    let asksForAcknowledgements: Bool
    let hasFractions: Bool
    package let shownAddress: String

    /// See ``LogDriver/init(_:host:)``.
    package init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError) {
        try options.checkNames(Self.optionNames)
        self.options = options
        self.host = host
        let scheme: String
        (scheme, address, shownAddress) = try Self.address(options.text("fluentd-address") ?? "")
        tls =
            scheme == "tls"
            ? StreamTLS(
                authorities: options.text("fluentd-tls-ca-cert"), certificate: options.text("fluentd-tls-cert"),
                key: options.text("fluentd-tls-key"),
                trustsAnybody: try options.flag("fluentd-tls-skip-verify", usual: false)) : nil
        credentials = options.text("fluentd-shared-key").map {
            FluentdCredentials(
                key: $0, user: options.text("fluentd-username") ?? "", password: options.text("fluentd-password") ?? "",
                hostname: host.name)
        }
        asksForAcknowledgements = try options.flag("fluentd-request-ack", usual: true)
        hasFractions = try options.flag("fluentd-sub-second-precision", usual: false)
        try Self.checkOthers(options)
    }

    /// What changes nothing here, because nothing waits and nothing is given up: taken as Docker takes it.
    private static func checkOthers(_ options: LogDriverOptions) throws(LogOptionError) {
        if options.text("fluentd-async") != nil, options.text("fluentd-async-connect") != nil {
            throw .invalid(
                name: "fluentd-async", value: "",
                said: "conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect'")
        }
        _ = try options.flag("fluentd-async", usual: false)
        _ = try options.flag("fluentd-async-connect", usual: false)
        let interval = try options.duration("fluentd-async-reconnect-interval") { reason in
            "invalid value for fluentd-async-reconnect-interval: \(reason)"
        }
        if let interval, interval != .zero, interval < .milliseconds(100) || interval > .seconds(10) {
            let value = options.text("fluentd-async-reconnect-interval") ?? ""
            throw .invalid(
                name: "fluentd-async-reconnect-interval", value: value,
                said:
                    "invalid value for fluentd-async-reconnect-interval: value (\(value)) must be between 100ms and 10s"
            )
        }
        if let limit = options.text("fluentd-buffer-limit"), !ByteSizeText.isSize(limit) {
            throw .invalid(name: "fluentd-buffer-limit", value: limit, said: "invalid size: '\(limit)'")
        }
        _ = try options.duration("fluentd-retry-wait")
        _ = try options.integer("fluentd-max-retries", in: 0...Int.max, function: "ParseUint")
        for name in ["fluentd-write-timeout", "fluentd-read-timeout"] {
            if let time = try options.duration(name), time < .zero {
                let value = options.text(name) ?? ""
                throw .invalid(
                    name: name, value: value, said: "invalid value for \(name): value (\(value)) must not be negative")
            }
        }
    }

    private static func address(_ text: String) throws(LogOptionError) -> (String, ReceiverAddress, String) {
        func failure(_ reason: String) -> LogOptionError {
            .invalid(name: "fluentd-address", value: text, said: "invalid fluentd-address (\(text)): \(reason)")
        }
        guard let parts = AddressOption(text) else { throw failure("too many colons in address") }
        let scheme = parts.scheme ?? "tcp"
        switch scheme {
        case "unix":
            let path = parts.host.isEmpty ? parts.path : "/" + parts.host + parts.path
            guard path.contains(where: { $0 != "/" }) else { throw failure("path is empty") }
            return (scheme, .path(path), "unix://\(path)")
        case "tcp", "tls":
            guard parts.path.isEmpty else { throw failure("should not contain a path element") }
            var port = usualPort
            if let text = parts.port, !text.isEmpty {
                guard let number = UInt16(text) else {
                    throw failure("invalid port: strconv.ParseUint: parsing \(GoText.quoted(text)): invalid syntax")
                }
                port = Int(clamping: number)
            }
            let host = parts.host.isEmpty ? "127.0.0.1" : parts.host
            return (scheme, .host(host, port: port), "\(scheme)://\(AddressOption.joined(host, port))")
        default: throw failure("unsupported scheme: '\(scheme)'")
        }
    }

    package func checkNode() throws(LogOptionError) { try tls?.check() }

    package var destination: String {
        "fluentd \(shownAddress) \(asksForAcknowledgements) \(tls.map { "\($0)" } ?? "") \(credentials.map { "\($0)" } ?? "")"
    }

    package func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder {
        FluentdEncoder(
            tag: try LogTag.render(options, origin, host), id: origin.id, name: "/" + origin.name,
            extras: try options.extras(of: origin), hasFractions: hasFractions)
    }

    package func makeTransport() -> any LogTransport {
        FluentdTransport(
            options: StreamOptions(address: address, tls: tls), credentials: credentials,
            asksForAcknowledgements: asksForAcknowledgements)
    }
}

/// Amounts of bytes as Docker's options give them.
enum ByteSizeText {
    /// `10m`, `1.5g`, `512k`.
    static func isSize(_ text: String) -> Bool {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number.isFinite else { return false }
        return ["", "b", "k", "kb", "kib", "m", "mb", "mib", "g", "gb", "gib", "t", "tb", "tib"]
            .contains(text.dropFirst(digits.count).lowercased())
    }
}

/// One entry of PackedForward a line: `[time, record]`, with Docker's names in the record.
struct FluentdEncoder: LineEncoder {
    let group: [UInt8]
    /// What is the same for every line, encoded: before what says of which stream it is, and behind its text.
    private let head: [UInt8]
    private let tail: [UInt8]
    private let output: [UInt8]
    private let error: [UInt8]
    private let fieldCount: Int
    private let hasFractions: Bool

    init(tag: String, id: String, name: String, extras: [String: String], hasFractions: Bool) {
        group = Array(tag.utf8)
        self.hasFractions = hasFractions
        var head = MessagePackWriter()
        // Docker's own fields count less than labels of the same name, as in Docker's own map.
        let own = [("container_id", id), ("container_name", name)].filter { extras[$0.0] == nil }
        for (name, value) in own {
            head.string(name)
            head.string(value)
        }
        var tail = MessagePackWriter()
        let others = extras.filter { !["source", "log"].contains($0.key) }.sorted { $0.key < $1.key }
        for (name, value) in others {
            tail.string(name)
            tail.string(value)
        }
        self.head = head.bytes
        self.tail = tail.bytes
        (output, error) = (Self.stream("stdout"), Self.stream("stderr"))
        fieldCount = own.count + others.count + 2
    }

    private static func stream(_ name: String) -> [UInt8] {
        var fields = MessagePackWriter()
        fields.string("source")
        fields.string(name)
        fields.string("log")
        return fields.bytes
    }

    var joins: Bool { true }

    mutating func encode(_ line: ShippedLine) -> [EncodedLine] {
        var bytes: [UInt8] = []
        append(line, to: &bytes)
        return [EncodedLine(line, bytes)]
    }

    mutating func append(_ line: ShippedLine, to bytes: inout [UInt8]) {
        var entry = MessagePackWriter()
        entry.exchange(&bytes)
        defer { entry.exchange(&bytes) }
        let part = line.part
        begin(&entry, line.stream, line.time, fields: fieldCount + (part == nil ? 0 : 4))
        entry.string(line.text)
        if !tail.isEmpty { entry.raw(tail) }
        if let piece = part {
            for (name, value) in [
                ("partial_message", "true"), ("partial_id", piece.id), ("partial_ordinal", "\(piece.ordinal)"),
                ("partial_last", "\(piece.isLast)"),
            ] {
                entry.string(name)
                entry.string(value)
            }
        }
    }

    mutating func append(_ run: ShippedRun, to bytes: inout [UInt8]) {
        // The same for all of them.
        var head = MessagePackWriter()
        begin(&head, run.stream, run.time, fields: fieldCount)
        var entry = MessagePackWriter()
        entry.exchange(&bytes)
        run.text.withUnsafeBytes { text in
            var rest = text[...]
            while true {
                let line = UnsafeRawBufferPointer(rebasing: rest)
                var end: Int?
                if let base = line.baseAddress, let found = memchr(base, 10, line.count) {
                    end = UnsafeRawPointer(found) - base
                }
                entry.raw(head.bytes)
                entry.string(UnsafeRawBufferPointer(rebasing: line.prefix(end ?? line.count)))
                entry.raw(tail)
                guard let end else { break }
                rest = rest.dropFirst(end + 1)
            }
        }
        entry.exchange(&bytes)
    }

    /// What is before a line's text.
    private func begin(_ entry: inout MessagePackWriter, _ stream: LogEntry.Stream, _ time: Timestamp, fields: Int) {
        entry.array(2)
        if hasFractions {
            let seconds = UInt32(truncatingIfNeeded: time.seconds)
            entry.extension8(type: 0, seconds, UInt32(clamping: time.nanoseconds))
        } else {
            entry.seconds(time.seconds)
        }
        entry.map(fields)
        entry.raw(head)
        entry.raw(stream == .output ? output : error)
    }
}
