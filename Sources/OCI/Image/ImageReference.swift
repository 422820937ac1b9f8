/// The name of an image in a registry, normalised as Docker does: `nginx` is `docker.io/library/nginx`.
///
/// Grammar and messages: github.com/distribution/reference, as of Docker 20.10.
package struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    /// `docker.io`, `localhost:5000`…
    package let domain: String
    /// `library/nginx`…
    package let path: String
    package let tag: String?
    package let digest: Digest?

    static let longestName = 255
    static let longestTag = 128
    static let hubDomain = "docker.io"
    /// The registry that names without one are of.
    package static let hub = hubDomain

    private init(domain: String, path: String, tag: String?, digest: Digest?) {
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// Reads what a user typed: `nginx`, `nginx:1`, `host:5000/a/b:tag@sha256:…`.
    /// - Throws: `badReference` with Docker's words.
    package init(_ text: String) throws(OCIError) {
        if Digest(hex: text) != nil {
            throw OCIError(
                .badReference, "invalid repository name (\(text)), cannot specify 64-byte hexadecimal strings")
        }
        let (domain, remainder) = ImageReference.splitDomain(text)
        var name = remainder[...]
        var digest: Digest?
        if let at = name.firstIndex(of: "@") {
            digest = Digest(name[name.index(after: at)...])
            if digest == nil { throw ImageReference.badFormat }
            name = name.prefix(upTo: at)
        }
        var tag: String?
        if let colon = name.lastIndex(of: ":") {
            tag = String(name[name.index(after: colon)...])
            name = name[..<colon]
        }
        if name.utf8.contains(where: (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains) {
            throw OCIError(.badReference, "invalid reference format: repository name must be lowercase")
        }
        if let tag, !ImageReference.isTag(tag) { throw ImageReference.badFormat }
        guard ImageReference.isDomain(domain), ImageReference.isPath(name) else { throw ImageReference.badFormat }
        if domain.utf8.count + 1 + name.utf8.count > ImageReference.longestName {
            throw OCIError(.badReference, "repository name must not be more than 255 characters")
        }
        self.init(domain: domain, path: String(name), tag: tag, digest: digest)
    }

    static let badFormat = OCIError(.badReference, "invalid reference format")

    /// `docker.io/library/nginx`.
    package var name: String { "\(domain)/\(path)" }

    /// The name as users write it: `nginx`, `tutum/hello-world`, `localhost:5000/x`.
    package var familiarName: String {
        guard domain == ImageReference.hubDomain else { return name }
        let parts = path.split(separator: "/")
        return parts.count == 2 && parts[0] == "library" ? String(parts[1]) : path
    }

    /// The whole in the familiar form: `nginx:latest`.
    package var familiar: String { familiarName + suffix }

    /// The whole, normalised: `docker.io/library/nginx:latest`.
    package var description: String { name + suffix }

    private var suffix: String { (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }

    package var isNameOnly: Bool { tag == nil && digest == nil }

    /// With the tag `latest` if it has neither tag nor digest.
    package var withDefaultTag: ImageReference { isNameOnly ? tagged("latest") : self }

    /// The same name with another tag and no digest. The tag must be one: see ``isTag(_:)``.
    package func tagged(_ tag: String) -> ImageReference {
        ImageReference(domain: domain, path: path, tag: tag, digest: nil)
    }

    /// The same name with this digest alone.
    package func digested(_ digest: Digest) -> ImageReference {
        ImageReference(domain: domain, path: path, tag: nil, digest: digest)
    }

    /// What the reference is stored under: the digest, where there is one, is more than the tag.
    package var stored: ImageReference { digest.map(digested) ?? withDefaultTag }

    /// The first part is a registry's name if it looks like a host: has a dot or a port, or is `localhost`.
    private static func splitDomain(_ text: String) -> (domain: String, remainder: String) {
        var domain = hubDomain
        var remainder = text
        if let slash = text.firstIndex(of: "/") {
            let first = text[..<slash]
            if first == "localhost" || first.contains(where: { $0 == "." || $0 == ":" }) {
                domain = first == "index.docker.io" ? hubDomain : String(first)
                remainder = String(text[text.index(after: slash)...])
            }
        }
        if domain == hubDomain, !remainder.contains("/") { remainder = "library/" + remainder }
        return (domain, remainder)
    }
}

extension ImageReference {
    /// `[\w][\w.-]{0,127}`
    package static func isTag(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= longestTag else { return false }
        return isWord(first)
            && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// Components of letters, digits and separators (`.`, `_`, `__`, any number of `-`) between them.
    static func isPath(_ text: some StringProtocol) -> Bool {
        text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { component in
            var separator = ""
            var last: Character?
            for character in component {
                switch character {
                case "a"..."z", "0"..."9":
                    guard character.isASCII, separator.isEmpty || isSeparator(separator) else { return false }
                    separator = ""
                case ".", "_", "-":
                    if last == nil { return false }
                    separator.append(character)
                default: return false
                }
                last = character
            }
            return last != nil && separator.isEmpty
        }
    }

    private static func isSeparator(_ text: String) -> Bool {
        text == "." || text == "_" || text == "__" || text.allSatisfy { $0 == "-" }
    }

    /// A host name or an address in brackets, and a port.
    static func isDomain(_ text: String) -> Bool {
        var host = text[...]
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") {
            let port = host[host.index(after: colon)...]
            guard !port.isEmpty, port.utf8.allSatisfy(isDigit) else { return false }
            host = host[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            return host.count > 2
                && host.dropFirst().dropLast().utf8.allSatisfy { isHexDigit($0) || $0 == UInt8(ascii: ":") }
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { isWord($0) && $0 != UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        Digest.isLowerHex(byte) || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
