package import EngineInterface
import Templates

/// Any receiver of OpenTelemetry's protocol over HTTP.
package struct OTLPDriver: LogDriver {
    package static let name = "otlp"
    package static let optionNames = LogDriverOptions.trustNames("otlp").union([
        "otlp-endpoint", "otlp-headers", "otlp-compression",
    ])
    static let usualPath = "/v1/logs"

    private let options: LogDriverOptions
    private let host: LogHost
    private let address: HTTPAddress
    private let trust: HTTPTrust
    private let headers: [(name: String, value: String)]
    private let level: Int?

    /// - Throws: what is wrong with the options, in the words of Docker where it has them.
    package init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError) {
        try options.checkNames(Self.optionNames)
        self.host = host
        self.options = options
        guard
            let address = try options.address(
                "otlp-endpoint", said: { "otlp-endpoint: not a URL: \(GoText.quoted($0))" })
        else { throw .missing(name: "otlp-endpoint", driver: Self.name) }
        self.address = address
        trust = try options.trust("otlp")
        headers = try Self.headers(options)
        switch options.text("otlp-compression") {
        case nil, "gzip": level = 1
        case "none": level = nil
        case let value?:
            throw .invalid(
                name: "otlp-compression", value: value,
                said: "unknown value \(GoText.quoted(value)) for log opt \"otlp-compression\" for otlp log driver")
        }
    }

    /// `name=value,name=value`, as in the variable OTEL_EXPORTER_OTLP_HEADERS.
    private static func headers(_ options: LogDriverOptions) throws(LogOptionError) -> [(name: String, value: String)] {
        guard let text = try options.headerText("otlp-headers") else { return [] }
        var headers: [(name: String, value: String)] = []
        for pair in text.split(separator: ",") {
            let halves = pair.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, let name = halves.first, let value = halves.last,
                name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A })
            else {
                throw .invalid(
                    name: "otlp-headers", value: "", said: "otlp-headers must be name=value, separated by commas")
            }
            headers.append((String(name), String(value)))
        }
        return headers
    }

    package func checkNode() throws(LogOptionError) { try trust.check() }

    package var destination: String {
        let headers = headers.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
        return [Self.name, address.shown, address.login ?? "", trust.text, headers, "\(level ?? 0)"]
            .joined(separator: " ")
    }

    package var shownAddress: String { address.shown }

    package func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder {
        OTLPEncoder(group: OTLPRecords.resource(try LoggedContainer(options, origin, host)))
    }

    package func makeTransport() -> any LogTransport {
        let path = address.path.isEmpty || address.path == "/" ? Self.usualPath : address.path
        var headers = headers + [(name: "Content-Type", value: "application/x-protobuf")]
        if let login = address.authorization { headers.append(("Authorization", login)) }
        return HTTPTransport(
            dialect: OTLPDialect(
                url: address.origin + path + (address.query.map { "?\($0)" } ?? ""), headers: headers,
                packing: HTTPBody(level: level)),
            trust: trust, host: address.host)
    }
}

private struct OTLPEncoder: LineEncoder {
    let group: [UInt8]

    func encode(_ line: ShippedLine) -> [EncodedLine] { [EncodedLine(line, OTLPRecords.record(line))] }
}

/// Source: OpenTelemetry, "OTLP Specification", section OTLP/HTTP.
struct OTLPDialect: HTTPDialect {
    let url: String
    let headers: [(name: String, value: String)]
    let packing: HTTPBody

    /// Groups by resource, so that what was refused can be told by its place in the request.
    func shares(of batch: LogBatch) -> [[Int]] {
        let all = batch.groups.flatMap(\.indices)
        return all.isEmpty ? [] : [all]
    }

    func post(_ indices: [Int], of batch: LogBatch) -> HTTPPost {
        var resources: [(resource: [UInt8], records: [[UInt8]])] = []
        for index in indices {
            let item = batch.items[index]
            let last = resources.endIndex - 1
            if resources.indices.contains(last), resources[last].resource == item.group {
                resources[last].records.append(item.line.bytes)
            } else {
                resources.append((item.group, [item.line.bytes]))
            }
        }
        let (body, more) = packing.packed(OTLPRecords.request(resources))
        return HTTPPost(url: url, headers: headers + more, body: body)
    }

    /// A partial success must not be sent again. It says how many were refused, not which: the last ones are counted for them.
    func verdict(on reply: HTTPReply, of count: Int) -> HTTPVerdict {
        guard reply.status == 200, let refusal = OTLPRecords.refusal(reply.body) else { return reply.usualVerdict }
        let refused = min(count, max(0, refusal.count))
        return .lines(
            Array(repeating: .accepted, count: count - refused)
                + Array(repeating: .refused(refusal.reason), count: refused))
    }
}
