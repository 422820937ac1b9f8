import OCI

/// Which registries are asked, and how.
package struct RegistryConfiguration: Sendable {
    /// URLs of registries asked before `docker.io` for its images, in order: `http://host:port` or `https://host`.
    package var mirrors: [String]
    /// `host` or `host:port` of registries whose certificates are not checked, and that may be spoken to without TLS.
    package var insecure: Set<String>
    /// Directory with one of the registry's name, `host` or `host:port`, for each that has certificates of its own:
    /// `*.crt` are trusted besides the system's, `*.cert` with `*.key` is what we show (Docker's layout).
    package var certificates: String

    package init(
        mirrors: [String] = [], insecure: Set<String> = [], certificates: String = "/etc/docker/certs.d"
    ) {
        self.certificates = certificates
        self.insecure = insecure
        self.mirrors = mirrors
    }

    /// Where an image's registry is looked for, in order. An insecure one is asked with TLS first, then without.
    func endpoints(for reference: ImageReference) -> [RegistryEndpoint] {
        guard reference.domain == ImageReference.hub else { return endpoints(of: reference.domain) }
        let mirrors = mirrors.flatMap { mirror in
            let base = mirror.hasSuffix("/") ? String(mirror.dropLast()) : mirror
            let scheme = base.contains("://") ? String(base.prefix { $0 != ":" }) : "https"
            let address = base.contains("://") ? String(base.drop { $0 != "/" }.dropFirst(2)) : base
            return [
                RegistryEndpoint(
                    base: "\(scheme)://\(address)", isMirror: true, isVerified: !isInsecure(address), name: address)
            ]
        }
        return mirrors + endpoints(of: reference.domain)
    }

    /// Those of the registry itself: pushes and logins ask no mirror.
    func endpoints(of domain: String) -> [RegistryEndpoint] {
        let address = domain == ImageReference.hub ? "registry-1.docker.io" : domain
        guard isInsecure(domain) else {
            return [RegistryEndpoint(base: "https://\(address)", isMirror: false, isVerified: true, name: domain)]
        }
        // A registry on loopback, or one the user vouches for.
        return ["https", "http"].map {
            RegistryEndpoint(base: "\($0)://\(address)", isMirror: false, isVerified: false, name: domain)
        }
    }

    /// Whether a registry may send us to a URL: it could name a socket of this machine's (`http+unix:`).
    package static func isOnWeb(_ url: String) -> Bool {
        let scheme = url.prefix { $0 != ":" }.lowercased()
        return (scheme == "http" || scheme == "https") && url.dropFirst(scheme.count).hasPrefix("://")
    }

    private func isInsecure(_ domain: String) -> Bool {
        let host = RegistryHost(domain)
        return insecure.contains(domain) || insecure.contains(host.name) || host.isLoopback
    }
}

/// One registry's address.
struct RegistryEndpoint: Sendable, Hashable {
    /// Scheme, host and port, without a slash at the end.
    var base: String
    /// Its failure is not the user's business as long as another endpoint has the image.
    var isMirror: Bool
    /// Whether its certificate must be good.
    var isVerified: Bool
    /// `host` or `host:port` under which it has certificates of its own.
    var name: String

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
    /// In clear; sent to the registry and its token service alone.
    package var password: String
    /// What an earlier login gave instead of a password; it is shown to the token service only.
    package var identityToken: String?

    package init(username: String, password: String, identityToken: String? = nil) {
        self.identityToken = identityToken
        self.password = password
        self.username = username
    }
}
