import EngineInterface
import FoundationEssentials

/// A receiver's URL as a user writes it.
struct HTTPAddress: Sendable, Hashable {
    let isSecure: Bool
    let host: String
    let port: Int?
    /// Beginning with a slash, or empty.
    let path: String
    /// `name=value&…` without the question mark.
    let query: String?
    /// `user:password`, percent signs resolved.
    let login: String?

    /// `nil` for what is no URL of http or https with a host.
    init?(_ text: String) {
        guard text.utf8.count <= 2048, let url = URL(string: text), let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = url.host(), !host.isEmpty, url.fragment == nil
        else { return nil }
        isSecure = scheme == "https"
        self.host = host
        if let port = url.port, !(1...65535).contains(port) { return nil }
        port = url.port
        path = url.path(percentEncoded: true)
        query = url.query(percentEncoded: true)
        login = url.user(percentEncoded: false).map { "\($0):\(url.password(percentEncoded: false) ?? "")" }
    }

    /// With scheme, host and port, without a path.
    var origin: String {
        let name = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        return "\(isSecure ? "https" : "http")://\(name)\(port.map { ":\($0)" } ?? "")"
    }

    /// Without the login.
    var shown: String { origin + path + (query.map { "?\($0)" } ?? "") }

    /// The header for a login within the URL.
    var authorization: String? { login.map(Self.basic) }

    /// - Parameter login: `user:password`.
    static func basic(_ login: String) -> String { "Basic \(Data(login.utf8).base64EncodedString())" }
}
