/// What a registry asks for in `WWW-Authenticate` (RFC 7235 §4.1; the Docker registry's token specification).
struct AuthenticationChallenge: Equatable {
    /// In lower case: `bearer`, `basic`.
    var scheme: String
    var parameters: [String: String]

    /// The first challenge of a header; `nil` when it cannot be read.
    init?(_ header: String) {
        var rest = Substring(header).drop { $0 == " " }
        let scheme = rest.prefix { $0 != " " }
        guard !scheme.isEmpty else { return nil }
        self.scheme = scheme.lowercased()
        rest = rest.dropFirst(scheme.count)
        parameters = [:]
        while true {
            rest = rest.drop { $0 == " " || $0 == "," }
            let name = rest.prefix { $0 != "=" && $0 != " " && $0 != "," }
            guard !name.isEmpty, rest.dropFirst(name.count).first == "=" else { return }
            rest = rest.dropFirst(name.count + 1)
            var value = ""
            if rest.first == "\"" {
                rest = rest.dropFirst()
                while let character = rest.popFirst(), character != "\"" {
                    if character == "\\", let escaped = rest.popFirst() {
                        value.append(escaped)
                    } else {
                        value.append(character)
                    }
                }
            } else {
                value = String(rest.prefix { $0 != "," && $0 != " " })
                rest = rest.dropFirst(value.count)
            }
            parameters[name.lowercased()] = value
        }
    }
}
