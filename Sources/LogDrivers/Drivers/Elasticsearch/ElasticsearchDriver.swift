package import EngineInterface
import Templates

/// Elasticsearch and OpenSearch.
package struct ElasticsearchDriver: LogDriver {
    package static let name = "elasticsearch"
    package static let optionNames = LogDriverOptions.trustNames("elasticsearch").union([
        "elasticsearch-url", "elasticsearch-index", "elasticsearch-user", "elasticsearch-password",
        "elasticsearch-api-key", "elasticsearch-pipeline", "elasticsearch-gzip",
    ])
    private static let usualIndex = "docker-%Y.%m.%d"

    private let options: LogDriverOptions
    private let host: LogHost
    private let address: HTTPAddress
    private let index: String
    private let trust: HTTPTrust
    private let authorization: String?
    private let pipeline: String?
    private let level: Int?

    /// - Throws: what is wrong with the options, in the words of Docker where it has them.
    package init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError) {
        try options.checkNames(Self.optionNames)
        self.host = host
        self.options = options
        let address = try options.address("elasticsearch-url") { "elasticsearch-url: not a URL: \(GoText.quoted($0))" }
        guard let address else { throw .missing(name: "elasticsearch-url", driver: Self.name) }
        self.address = address
        index = options.text("elasticsearch-index") ?? Self.usualIndex
        guard IndexName.isValid(index) else {
            throw .invalid(
                name: "elasticsearch-index", value: index,
                said: "elasticsearch-index: not an index's name: \(GoText.quoted(index))")
        }
        trust = try options.trust("elasticsearch")
        let user = options.text("elasticsearch-user")
        let password = options.text("elasticsearch-password")
        if let key = try options.headerText("elasticsearch-api-key") {
            guard user == nil, password == nil else {
                throw .invalid(
                    name: "elasticsearch-api-key", value: "",
                    said: "elasticsearch-api-key and elasticsearch-user cannot be used together")
            }
            authorization = "ApiKey \(key)"
        } else if let user {
            authorization = HTTPAddress.basic("\(user):\(password ?? "")")
        } else {
            authorization = address.authorization
        }
        pipeline = options.text("elasticsearch-pipeline")
        level = try options.flag("elasticsearch-gzip", usual: true) ? 1 : nil
    }

    package func checkNode() throws(LogOptionError) { try trust.check() }

    package var destination: String {
        [Self.name, address.shown, authorization ?? "", pipeline ?? "", trust.text, "\(level ?? 0)"]
            .joined(separator: " ")
    }

    package var shownAddress: String { address.shown }

    package func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder {
        BulkItems(try LoggedContainer(options, origin, host), index: index)
    }

    package func makeTransport() -> any LogTransport {
        var headers = [(name: "Content-Type", value: "application/x-ndjson")]
        if let authorization { headers.append(("Authorization", authorization)) }
        let path = address.path.hasSuffix("/") ? String(address.path.dropLast()) : address.path
        // Of the answer only what is looked at.
        let query =
            ["filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"]
            + (pipeline.map { ["pipeline=\(URLText.escaped($0))"] } ?? []) + (address.query.map { [$0] } ?? [])
        return HTTPTransport(
            dialect: BulkDialect(
                url: "\(address.origin)\(path)/_bulk?\(query.joined(separator: "&"))", headers: headers,
                packing: HTTPBody(level: level)),
            trust: trust, host: address.host)
    }
}
