import OCI

/// Which registries are asked, and how.
package struct RegistryConfiguration: Sendable {
    /// URLs of registries asked before `docker.io` for its images, in order: `http://host:port` or `https://host`.
    package var mirrors: [String]
    /// `host` or `host:port` of registries that may be spoken to without TLS.
    package var insecure: Set<String>

    package init(mirrors: [String] = [], insecure: Set<String> = []) {
        self.insecure = insecure
        self.mirrors = mirrors
    }

    /// Where an image's registry is looked for, in order.
    func endpoints(for reference: ImageReference) -> [RegistryEndpoint] {
        var endpoints: [RegistryEndpoint] = []
        if reference.domain == "docker.io" {
            for mirror in mirrors {
                let base = mirror.hasSuffix("/") ? String(mirror.dropLast()) : mirror
                endpoints.append(
                    RegistryEndpoint(base: base.contains("://") ? base : "https://\(base)", isMirror: true))
            }
            endpoints.append(RegistryEndpoint(base: "https://registry-1.docker.io", isMirror: false))
            return endpoints
        }
        let domain = reference.domain
        if isInsecure(domain) {
            // A registry on loopback, or one the user vouches for: TLS is not asked of it.
            endpoints.append(RegistryEndpoint(base: "http://\(domain)", isMirror: false))
        } else {
            endpoints.append(RegistryEndpoint(base: "https://\(domain)", isMirror: false))
        }
        return endpoints
    }

    private func isInsecure(_ domain: String) -> Bool {
        let host = domain.split(separator: ":").first.map(String.init) ?? domain
        return insecure.contains(domain) || insecure.contains(host) || host == "localhost" || host.hasPrefix("127.")
    }
}

/// One registry's address.
struct RegistryEndpoint: Sendable, Hashable {
    /// Scheme, host and port, without a slash at the end.
    var base: String
    /// Its failure is not the user's business as long as another endpoint has the image.
    var isMirror: Bool

    /// `host:port`
    var address: String {
        let authority = base.drop { $0 != "/" }.dropFirst(2)
        if authority.last == "]" || !authority.contains(":") {
            return "\(authority):\(base.hasPrefix("https:") ? 443 : 80)"
        }
        return String(authority)
    }
}

/// Who asks.
package struct RegistryLogin: Sendable, Hashable {
    package var username: String
    package var password: String

    package init(username: String, password: String) {
        self.password = password
        self.username = username
    }
}
