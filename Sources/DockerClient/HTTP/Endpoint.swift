/// Where an engine listens.
package struct Endpoint: Sendable, Equatable {
    /// A socket of this machine, or a host.
    package enum Place: Sendable, Equatable {
        case unix(path: String)
        case tcp(host: String, port: Int)
    }

    /// Who is trusted, and who this side is.
    package struct TLS: Sendable, Equatable {
        /// PEM files.
        package var authority: String
        /// Path of this side's certificate, PEM.
        package var certificate: String
        /// Path of its private key, PEM.
        package var key: String
        /// Whether the engine must prove who it is.
        package var verifies: Bool

        package init(authority: String, certificate: String, key: String, verifies: Bool) {
            self.authority = authority
            self.certificate = certificate
            self.key = key
            self.verifies = verifies
        }
    }

    /// Where `apusd` listens unless told otherwise.
    package static let standard = "unix:///run/apus/docker.sock"

    package let place: Place
    package let tls: TLS?
    /// As the user wrote it, for messages.
    package let text: String

    /// - Parameter text: `unix:///path`, `tcp://host:port`, `host:port`; empty means the standard socket.
    package init(_ text: String, tls: TLS? = nil) throws(DockerError) {
        let text = text.isEmpty ? Self.standard : text
        self.text = text
        self.tls = tls
        let prefix = "unix://"
        if text.hasPrefix(prefix) {
            let path = String(text.dropFirst(prefix.count))
            place = .unix(path: path.isEmpty ? String(Self.standard.dropFirst(prefix.count)) : path)
            return
        }
        let isBare = !text.contains("://")
        guard isBare || text.hasPrefix("tcp://") || text.hasPrefix("http://") else {
            throw .local("unable to parse docker host `\(text)`")
        }
        var rest = isBare ? text[...] : text[(text.firstRange(of: "://")?.upperBound ?? text.startIndex)...]
        if let slash = rest.firstIndex(of: "/") { rest = rest[..<slash] }
        let standardPort = tls == nil ? 2375 : 2376
        let colon = rest.hasPrefix("[") && rest.hasSuffix("]") ? nil : rest.lastIndex(of: ":")
        guard let colon else {
            place = .tcp(host: Self.unbracketed(rest), port: standardPort)
            return
        }
        let digits = rest[rest.index(after: colon)...]
        guard let port = digits.isEmpty ? standardPort : Int(digits, radix: 10), (1...65535).contains(port) else {
            throw .local("unable to parse docker host `\(text)`")
        }
        let host = Self.unbracketed(rest[..<colon])
        place = .tcp(host: host.isEmpty ? "127.0.0.1" : host, port: port)
    }

    private static func unbracketed(_ host: Substring) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
    }
}
