/// An image as users name it: `nginx`, `host:5000/a/b:tag`, `a@sha256:…`.
package struct ImageName: Sendable, Equatable {
    /// With the registry's host, as in `docker.io/library/nginx`.
    package let fullName: String
    package var tag: String?
    package let digest: String?

    /// - Throws: `invalid reference format` and its like.
    package init(parsing text: String) throws(ExitError) {
        var rest = text[...]
        var digest: String?
        if let at = rest.firstIndex(of: "@") {
            digest = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
            guard digest?.contains(":") == true else { throw ExitError(1, "invalid reference format") }
        }
        var tag: String?
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        let hasHost = parts.count > 1 && Self.looksLikeHost(parts[0])
        let path = hasHost ? parts.dropFirst() : parts[...]
        let host = hasHost ? String(parts[0]) : "docker.io"
        let library = host == "docker.io" && path.count == 1 ? "library/" : ""
        let repository = library + path.joined(separator: "/")
        guard !repository.contains(where: \.isUppercase) else {
            throw ExitError(1, "invalid reference format: repository name (\(repository)) must be lowercase")
        }
        guard !path.isEmpty, path.allSatisfy({ Self.isPart($0) }), Self.isHost(host), tag.map(Self.isTag) ?? true else {
            throw ExitError(1, "invalid reference format")
        }
        fullName = "\(host)/\(repository)"
        self.tag = tag
        self.digest = digest
    }

    /// Whether what stands before the first slash is a registry. Names have no capitals, hosts may.
    private static func looksLikeHost(_ text: Substring) -> Bool {
        text.contains(".") || text.contains(":") || text == "localhost" || text.contains(where: \.isUppercase)
    }

    /// A name or an address, IPv6 in brackets, and perhaps a port.
    private static func isHost(_ text: String) -> Bool {
        text.wholeMatch(of: /(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9]([a-zA-Z0-9.\-]*[a-zA-Z0-9])?)(:[0-9]+)?/) != nil
    }

    private static func isPart(_ text: Substring) -> Bool {
        func isWord(_ character: Character) -> Bool {
            character.isASCII && (character.isLowercase || character.isNumber)
        }
        guard let first = text.first, let last = text.last, isWord(first), isWord(last) else { return false }
        return text.allSatisfy { isWord($0) || "._-".contains($0) }
    }

    private static func isTag(_ text: String) -> Bool {
        guard let first = text.first, text.count <= 128, first.isASCII, first.isLetter || first.isNumber || first == "_"
        else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }

    /// The short name: without `docker.io/library/`.
    package var familiarName: String {
        for prefix in ["docker.io/library/", "docker.io/"] where fullName.hasPrefix(prefix) {
            return String(fullName.dropFirst(prefix.count))
        }
        return fullName
    }

    /// The short name with tag and digest.
    package var familiar: String { familiarName + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }

    package var full: String { fullName + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }

    /// With `latest` where neither tag nor digest is given.
    package var withTag: ImageName {
        var copy = self
        if tag == nil, digest == nil { copy.tag = "latest" }
        return copy
    }
}
