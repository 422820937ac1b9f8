package import Templates

/// A request of the Engine API.
package struct Request: Sendable {
    /// What is sent after the head.
    package enum Body: Sendable {
        case none
        case json(JSON)
        /// Sent in chunks while it is made.
        case stream(contentType: String, @Sendable (BodyWriter) async throws -> Void)
    }

    package var method: String
    /// Without the version, as in `/containers/json`; the parts of it that come from users are escaped.
    package var path: String
    /// Names and values in order, neither escaped.
    package var query: [(String, String)]
    package var headers: [(String, String)]
    package var body: Body
    /// Asks for a connection of raw bytes.
    package var upgrades = false
    package var isVersioned = true

    package init(
        _ method: String, _ path: String, query: [(String, String)] = [], headers: [(String, String)] = [],
        body: Body = .none
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// Asks for what is there.
    package static func get(_ path: String, _ query: [(String, String)] = []) -> Request {
        Request("GET", path, query: query)
    }

    /// Asks for something to be done.
    package static func post(_ path: String, _ query: [(String, String)] = [], _ body: JSON? = nil) -> Request {
        Request("POST", path, query: query, body: body.map { .json($0) } ?? .none)
    }

    /// Asks for something to be removed.
    package static func delete(_ path: String, _ query: [(String, String)] = []) -> Request {
        Request("DELETE", path, query: query)
    }

    /// A user's word as one part of a path.
    package static func part(_ text: String) -> String { escaped(text, keeping: "-_.~:@$&+=,/") }

    /// RFC 3986: everything but letters, digits and a few marks as `%XX`.
    private static func escaped(_ text: String, keeping marks: String) -> String {
        let kept = Set(marks.utf8)
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                result.append(byte)
            case let byte where kept.contains(byte): result.append(byte)
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += Array(("%" + (digits.count == 1 ? "0" : "") + digits).utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The head's text, and the body when it is sent with it.
    func serialized(version: String?, host: String) -> [UInt8] {
        var target = (version.map { "/v\($0)" } ?? "") + path
        if !query.isEmpty {
            target +=
                "?"
                + query.map { "\(Self.escaped($0.0, keeping: "-_.~"))=\(Self.escaped($0.1, keeping: "-_.~"))" }
                .joined(separator: "&")
        }
        var lines = ["\(method) \(target) HTTP/1.1", "Host: \(host)", "User-Agent: Apus-Client"]
        lines += headers.map { "\($0.0): \($0.1)" }
        var content: [UInt8] = []
        if upgrades { lines += ["Connection: Upgrade", "Upgrade: tcp"] }
        switch body {
        case .none: if method == "POST" || method == "PUT" { lines.append("Content-Length: 0") }
        case .json(let value):
            content = Array(value.compact().utf8)
            lines += ["Content-Type: application/json", "Content-Length: \(content.count)"]
        case .stream(let type, _): lines += ["Content-Type: \(type)", "Transfer-Encoding: chunked"]
        }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + content
    }
}
