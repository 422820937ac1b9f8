package import EngineInterface
import Templates

/// Grafana Loki, with the names of its plugin's options.
package struct LokiDriver: LogDriver {
    package static let name = "loki"
    package static let optionNames: Set<String> = [
        "loki-url", "loki-batch-size", "loki-batch-wait", "loki-timeout", "loki-retries", "loki-min-backoff",
        "loki-max-backoff", "loki-external-labels", "loki-tenant-id", "loki-tls-ca-file", "loki-tls-cert-file",
        "loki-tls-key-file", "loki-tls-server-name", "loki-tls-insecure-skip-verify",
    ]

    private let options: LogDriverOptions
    private let host: LogHost
    private let address: HTTPAddress
    private let trust: HTTPTrust
    private let limits: BatchLimits
    private let tenant: String?
    /// Values are templates.
    private let external: [(name: String, value: String)]

    /// - Throws: what is wrong with the options, in the words of Docker where it has them.
    package init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError) {
        try options.checkNames(Self.optionNames)
        self.host = host
        self.options = options
        let address = try options.address("loki-url") { "loki-url: not a URL: \(GoText.quoted($0))" }
        guard let address else { throw .invalid(name: "loki-url", value: "", said: "loki-url is required") }
        self.address = address
        trust = HTTPTrust(
            authority: options.text("loki-tls-ca-file"), certificate: options.text("loki-tls-cert-file"),
            key: options.text("loki-tls-key-file"), serverName: options.text("loki-tls-server-name"),
            isUnverified: try options.flag("loki-tls-insecure-skip-verify", usual: false))
        tenant = try options.headerText("loki-tenant-id")
        var limits = BatchLimits()
        func said(_ name: String) -> (String) -> String { { "invalid value for log opt '\(name)': \($0)" } }
        let size = try options.integer("loki-batch-size", in: 1024...(4 << 20), said: said("loki-batch-size"))
        limits.bytes = size ?? 1 << 20
        let wait = try options.duration("loki-batch-wait", said: said("loki-batch-wait")) ?? .seconds(1)
        guard wait >= .milliseconds(10), wait <= .seconds(60) else {
            throw .invalid(
                name: "loki-batch-wait", value: options["loki-batch-wait"] ?? "",
                said: "invalid value for log opt 'loki-batch-wait': between 10ms and 60s")
        }
        limits.delay = wait
        self.limits = limits
        // Lines are kept until they are taken, with pauses and deadlines that all drivers have: these are read, and change nothing.
        for name in ["loki-timeout", "loki-min-backoff", "loki-max-backoff"] {
            _ = try options.duration(name, said: said(name))
        }
        _ = try options.integer("loki-retries", said: said("loki-retries"))
        external = try Self.external(options)
    }

    /// `name=template,name=template`.
    private static func external(_ options: LogDriverOptions) throws(LogOptionError) -> [(name: String, value: String)]
    {
        var labels: [(name: String, value: String)] = []
        for pair in (options.text("loki-external-labels") ?? "").split(separator: ",") {
            let halves = pair.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, let name = halves.first, let value = halves.last else {
                throw .invalid(
                    name: "loki-external-labels", value: String(pair),
                    said: "invalid value for log opt 'loki-external-labels': name=value, separated by commas")
            }
            labels.append((String(name), String(value)))
        }
        return labels
    }

    package func checkNode() throws(LogOptionError) { try trust.check() }

    package var destination: String {
        [
            Self.name, address.shown, address.login ?? "", tenant ?? "", trust.text, "\(limits.bytes)",
            "\(limits.delay)",
        ].joined(separator: " ")
    }

    package var shownAddress: String { address.shown }

    package func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder {
        let container = try LoggedContainer(options, origin, host)
        var rendered: [(name: String, value: String)] = []
        // Each container its own stream by a tag that nobody has asked for: Loki is made for few labels.
        if options.text("tag") != nil { rendered.append(("tag", container.tag)) }
        for (name, value) in external {
            rendered.append((name, try LogTag.render(value, options, origin, host)))
        }
        return LokiEncoder(labels: LokiLabels.of(container, external: rendered))
    }

    package func makeTransport() -> any LogTransport {
        var headers = [(name: "Content-Type", value: "application/json")]
        if let tenant { headers.append(("X-Scope-OrgID", tenant)) }
        if let login = address.authorization { headers.append(("Authorization", login)) }
        let path = address.path.isEmpty || address.path == "/" ? "/loki/api/v1/push" : address.path
        return HTTPTransport(
            dialect: LokiDialect(
                url: address.origin + path + (address.query.map { "?\($0)" } ?? ""), headers: headers,
                packing: HTTPBody(level: 1), limits: limits),
            trust: trust, host: address.host)
    }
}
