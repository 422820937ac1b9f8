/// A host and perhaps a port as one text: `name`, `10.0.0.1:2377`, `fd00::1`, `[fd00::1]:2377` (RFC 3986 §3.2.2).
package enum HostText {
    /// As in `10.0.0.1:80`, or `[2001:db8::1]:80`.
    package static func join(_ address: IPAddress, _ port: Int) -> String { join("\(address)", port) }

    /// The same of a host's name or the text of an address, without brackets.
    package static func join(_ host: String, _ port: Int) -> String {
        IPv6Address(host) == nil ? "\(host):\(port)" : "[\(host)]:\(port)"
    }

    /// The host, without brackets, and what stands behind its colon; `nil` when the text is no such thing. The host may be empty.
    package static func split(_ text: String) -> (host: String, port: String?)? {
        if IPv6Address(text) != nil { return (text, nil) }
        guard text.hasPrefix("[") else {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard let host = parts.first, parts.count <= 2 else { return nil }
            return (host, parts.dropFirst().first)
        }
        guard let end = text.firstIndex(of: "]") else { return nil }
        let host = String(text[..<end].dropFirst())
        let rest = text[end...].dropFirst()
        guard IPv6Address(host) != nil else { return nil }
        if rest.isEmpty { return (host, nil) }
        return rest.hasPrefix(":") ? (host, String(rest.dropFirst())) : nil
    }

    /// The address of the host; `nil` where it is a name, or the text says none.
    package static func address(in text: String) -> IPAddress? { split(text).flatMap { IPAddress($0.host) } }

    /// Octets of the longest text with an address and a port.
    package static let longest = 47
}
