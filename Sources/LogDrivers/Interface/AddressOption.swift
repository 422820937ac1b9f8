/// An address as options give it: `SCHEME://HOST:PORT`, `SCHEME://PATH`.
package struct AddressOption: Sendable, Equatable {
    /// Lower case; `nil` where there is none.
    package var scheme: String?
    /// Without the brackets of IPv6.
    package var host: String
    /// As it is written: whether it is a number, and which, is for the driver to say; `nil` where there is none.
    package var port: String?
    /// From its slash on; empty for none.
    package var path: String

    /// - Returns: `nil` for brackets that do not fit, and several colons without them.
    package init?(_ text: String) {
        var rest = text[...]
        if let range = text.firstRange(of: "://") {
            scheme = text[..<range.lowerBound].lowercased()
            rest = text[range.upperBound...]
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        path = String(rest[slash...])
        rest = rest[..<slash]
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { return nil }
            port = rest.isEmpty ? nil : String(rest.dropFirst())
        } else {
            let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { return nil }
            host = parts.first.map(String.init) ?? ""
            port = parts.count == 2 ? String(parts[1]) : nil
        }
    }

    /// `HOST:PORT`, with brackets around a host of IPv6.
    package static func joined(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
