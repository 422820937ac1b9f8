import ArgumentParser

/// `--metrics-addr`: `host:port`, `[v6]:port`, or a port alone on 127.0.0.1.
struct MetricsAddress: Equatable {
    static let loopback = "127.0.0.1"

    let host: String
    let port: Int

    /// - Returns: `nil` for an empty text: metrics are served on the API's socket alone.
    init?(_ text: String) throws {
        if text.isEmpty { return nil }
        let colon = text.lastIndex(of: ":")
        var host = colon.map { String(text[..<$0]) } ?? ""
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        let digits = colon.map { text[text.index(after: $0)...] } ?? text[...]
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(digits), (1...65_535).contains(port)
        else {
            throw ValidationError("--metrics-addr \(text): host:port is wanted, as in 127.0.0.1:9323")
        }
        self.host = host.isEmpty ? Self.loopback : host
        self.port = port
    }
}
