package import EngineInterface

/// Splunk's HTTP Event Collector, with the options of Docker's driver.
package struct SplunkDriver: LogDriver {
    package static let name = "splunk"
    package static let optionNames: Set<String> = [
        "splunk-url", "splunk-token", "splunk-source", "splunk-sourcetype", "splunk-index", "splunk-capath",
        "splunk-caname", "splunk-insecureskipverify", "splunk-format", "splunk-verify-connection", "splunk-gzip",
        "splunk-gzip-level", "splunk-index-acknowledgment",
    ]

    private let options: LogDriverOptions
    private let host: LogHost
    private let address: HTTPAddress
    private let token: String
    private let format: SplunkEvents.Format
    private let trust: HTTPTrust
    private let level: Int?
    private let hasChannel: Bool

    /// - Throws: what is wrong with the options, in the words of Docker where it has them.
    package init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError) {
        try options.checkNames(Self.optionNames)
        self.host = host
        self.options = options
        guard let url = options["splunk-url"] else {
            throw .invalid(name: "splunk-url", value: "", said: "splunk: splunk-url is expected")
        }
        guard let address = HTTPAddress(url), address.path.isEmpty || address.path == "/", address.query == nil,
            address.login == nil
        else {
            throw .invalid(
                name: "splunk-url", value: url,
                said: "splunk: expected format scheme://dns_name_or_ip:port for splunk-url")
        }
        self.address = address
        guard let token = try options.headerText("splunk-token") else {
            throw .invalid(name: "splunk-token", value: "", said: "splunk: splunk-token is expected")
        }
        self.token = token
        let formatName = options.text("splunk-format") ?? "inline"
        guard let format = SplunkEvents.Format(rawValue: formatName) else {
            throw .invalid(
                name: "splunk-format", value: formatName,
                said: "unknown format specified \(formatName), supported formats are inline, json and raw")
        }
        self.format = format
        trust = HTTPTrust(
            authority: options.text("splunk-capath"), serverName: options.text("splunk-caname"),
            isUnverified: try options.flag("splunk-insecureskipverify", usual: false))
        // Nothing is asked when a container is created or started, so there is nothing to be left out.
        _ = try options.flag("splunk-verify-connection", usual: true)
        hasChannel = try options.flag("splunk-index-acknowledgment", usual: false)
        let wanted =
            try options.integer("splunk-gzip-level", in: -1...9, function: "ParseInt") { reason in
                reason.hasSuffix("out of range")
                    ? "not supported level '\(options["splunk-gzip-level"] ?? "")' for splunk-gzip-level (supported values between -1 and 9)"
                    : reason
            } ?? -1
        level = try options.flag("splunk-gzip", usual: false) ? wanted : nil
    }

    package func checkNode() throws(LogOptionError) { try trust.check() }

    package var destination: String {
        [Self.name, address.shown, token, trust.text, level.map(String.init) ?? "none", "\(hasChannel)"]
            .joined(separator: " ")
    }

    package var shownAddress: String { address.shown }

    package func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder {
        var container = try LoggedContainer(options, origin, host)
        // An empty text leaves the tag out.
        if options["tag"] == "" { container.tag = "" }
        return SplunkEvents(
            container, format: format, source: options.text("splunk-source"),
            sourceType: options.text("splunk-sourcetype"), index: options.text("splunk-index"))
    }

    package func makeTransport() -> any LogTransport {
        var headers = [
            (name: "Authorization", value: "Splunk \(token)"), (name: "Content-Type", value: "application/json"),
        ]
        if hasChannel { headers.append(("X-Splunk-Request-Channel", SplunkDialect.channel(of: destination))) }
        return HTTPTransport(
            dialect: SplunkDialect(
                url: address.origin + "/services/collector/event/1.0", headers: headers,
                packing: HTTPBody(level: level)),
            trust: trust, host: address.host)
    }
}
