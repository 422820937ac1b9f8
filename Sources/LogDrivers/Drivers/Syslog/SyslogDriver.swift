package import EngineInterface
import Glibc

/// `syslog`: RFC 3164, RFC 5424 and the form of local sockets, as Docker writes them, over datagrams and streams.
package struct SyslogDriver: LogDriver {
    package static let name = "syslog"

    package static let optionNames: Set<String> = [
        "syslog-address", "syslog-facility", "syslog-format", "syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key",
        "syslog-tls-skip-verify",
    ]
    /// RFC 5424, 6.2.1.
    private static let facilities = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    ]

    /// How messages get to the receiver.
    enum Way: Sendable, Hashable {
        /// Whichever of the node's usual sockets is there.
        case local
        case datagrams(ReceiverAddress)
        case stream(ReceiverAddress)
    }

    private let options: LogDriverOptions
    private let host: LogHost
    private let facility: Int
    private let format: SyslogFormat
    private let tls: StreamTLS?
    let way: Way
    package let shownAddress: String

    /// See ``LogDriver/init(_:host:)``.
    package init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError) {
        try options.checkNames(Self.optionNames)
        self.options = options
        self.host = host
        facility = try Self.facility(options.text("syslog-facility"))
        let text = options.text("syslog-address") ?? ""
        let isEncrypted: Bool
        (way, isEncrypted) = try Self.way(text)
        shownAddress = text.isEmpty ? "unixgram:///dev/log" : text
        let name = options.text("syslog-format") ?? ""
        guard let format = SyslogFormat(rawValue: name) else {
            throw .invalid(name: "syslog-format", value: name, said: "Invalid syslog format")
        }
        self.format = format
        tls =
            isEncrypted
            ? StreamTLS(
                authorities: options.text("syslog-tls-ca-cert"), certificate: options.text("syslog-tls-cert"),
                key: options.text("syslog-tls-key"),
                // As with Docker its being there counts, whatever it says.
                trustsAnybody: options["syslog-tls-skip-verify"] != nil) : nil
    }

    private static func facility(_ text: String?) throws(LogOptionError) -> Int {
        guard let text else { return 3 }
        if let index = facilities.firstIndex(of: text) { return index }
        if text.hasPrefix("local"), let number = Int(text.dropFirst(5)), (0...7).contains(number), text.count == 6 {
            return 16 + number
        }
        guard let number = Int(text), (0...23).contains(number) else {
            throw .invalid(name: "syslog-facility", value: text, said: "invalid syslog facility")
        }
        return number
    }

    private static func way(_ text: String) throws(LogOptionError) -> (Way, isEncrypted: Bool) {
        guard !text.isEmpty else { return (.local, false) }
        func failure(_ said: String) -> LogOptionError {
            .invalid(name: "syslog-address", value: text, said: said)
        }
        guard let address = AddressOption(text) else { throw failure("address \(text): too many colons in address") }
        guard let scheme = address.scheme else {
            throw failure("syslog-address should be in form proto://address, got \(text)")
        }
        switch scheme {
        case "unix", "unixgram":
            let path = address.host.isEmpty ? address.path : "/" + address.host + address.path
            return (scheme == "unix" ? .stream(.path(path)) : .datagrams(.path(path)), false)
        case "udp", "tcp", "tcp+tls":
            var port = 514
            if let text = address.port, !text.isEmpty {
                guard let number = UInt16(text) else { throw failure("address \(text): invalid port") }
                port = Int(clamping: number)
            }
            let receiver = ReceiverAddress.host(address.host.isEmpty ? "localhost" : address.host, port: port)
            return (scheme == "udp" ? .datagrams(receiver) : .stream(receiver), scheme == "tcp+tls")
        default: throw failure("unsupported scheme: '\(scheme)'")
        }
    }

    package func checkNode() throws(LogOptionError) {
        let receiver: ReceiverAddress
        switch way {
        case .local: return
        case .datagrams(let address), .stream(let address): receiver = address
        }
        if case .path(let path) = receiver {
            var status = stat()
            guard stat(path, &status) == 0 else {
                let reason = String(cString: strerror(errno)).lowercased()
                throw .invalid(name: "syslog-address", value: path, said: "stat \(path): \(reason)")
            }
        }
        try tls?.check()
    }

    package var destination: String { "syslog \(way) \(tls.map { "\($0)" } ?? "")" }

    package func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder {
        SyslogEncoder(
            format: format, facility: facility, hostname: host.name, processID: host.processID,
            tag: try LogTag.render(options, origin, host), countsOctets: format.isNew && tls != nil)
    }

    package func makeTransport() -> any LogTransport { SyslogTransport(way: way, tls: tls) }
}
