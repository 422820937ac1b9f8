import EngineInterface

extension LogDriverOptions {
    /// A URL of http or https.
    /// - Parameter said: What is said of one that is none.
    func address(_ name: String, said: (_ value: String) -> String) throws(LogOptionError) -> HTTPAddress? {
        guard let text = text(name) else { return nil }
        guard let address = HTTPAddress(text) else {
            throw .invalid(name: name, value: text, said: said(text))
        }
        return address
    }

    /// `PREFIX-tls-ca-cert`, `-tls-cert`, `-tls-key` and `-tls-skip-verify`, as the other drivers that speak TLS have them.
    func trust(_ prefix: String) throws(LogOptionError) -> HTTPTrust {
        HTTPTrust(
            authority: text("\(prefix)-tls-ca-cert"), certificate: text("\(prefix)-tls-cert"),
            key: text("\(prefix)-tls-key"), isUnverified: try flag("\(prefix)-tls-skip-verify", usual: false))
    }

    static func trustNames(_ prefix: String) -> Set<String> {
        ["\(prefix)-tls-ca-cert", "\(prefix)-tls-cert", "\(prefix)-tls-key", "\(prefix)-tls-skip-verify"]
    }

    /// What goes into a header must not end it.
    func headerText(_ name: String) throws(LogOptionError) -> String? {
        guard let value = text(name) else { return nil }
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .invalid(name: name, value: "", said: "invalid value for log opt '\(name)'")
        }
        return value
    }
}

extension HTTPTrust {
    /// For create: whether the files can be read.
    func check() throws(LogOptionError) { _ = try configuration() }
}
