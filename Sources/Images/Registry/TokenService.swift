import Foundation
import OCI

/// The token service that a registry names in its challenge, and whether a login may be shown to it. Pure.
///
/// A registry says by itself where tokens are to be had, so what it says must not lead credentials to others or across a wire in
/// clear: they go to the registry's own site alone, and over TLS unless the registry is one that the user vouches for.
package struct TokenService {
    /// What the challenge says.
    let realm: String
    let url: URLComponents
    private let host: String
    private let isSecure: Bool

    /// `nil` when it cannot be asked: no URL of the web, or one without a host.
    package init?(realm: String) {
        guard RegistryConfiguration.isOnWeb(realm), let url = URLComponents(string: realm), let host = url.host,
            !host.isEmpty
        else { return nil }
        self.host = RegistryHost(host).name
        self.realm = realm
        self.url = url
        isSecure = url.scheme?.lowercased() == "https"
    }

    /// - Parameters:
    ///   - registry: `host:port` of the registry that the login is for.
    ///   - isVerified: Whether its certificate must be good: it is none that the user vouches for.
    /// - Throws: ``RegistryError`` `unauthorized` when the login must not go there.
    package func checkCredentials(for registry: String, isVerified: Bool) throws(RegistryError) {
        let own = RegistryHost(registry).name
        guard isSecure || (!isVerified && host == own) else {
            throw refusal(registry, "it is to be asked without TLS")
        }
        guard host == own || Self.site(of: host) == Self.site(of: own) else {
            throw refusal(registry, "it is of another site than the registry")
        }
    }

    private func refusal(_ registry: String, _ why: String) -> RegistryError {
        RegistryError(
            .unauthorized,
            "unauthorized: credentials for \(registry) are not sent to the token service \(realm): \(why)")
    }

    /// Names below which a country's registry sells names, as in `co.uk`.
    private static let categories: Set<Substring> = [
        "ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "gv", "ltd", "mil", "ne", "net", "nom", "or", "org",
        "plc",
        "sch",
    ]

    /// The domain that somebody has registered: the last two labels of a name or, where a country's registry sells names below a category
    /// of its own (`co.uk`, `com.au`), the last three. An address, and a name of one label, is a site of its own.
    private static func site(of host: String) -> String {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let isAddress = host.contains(":") || labels.last?.allSatisfy(\.isNumber) == true
        guard !isAddress, labels.count > 2, let top = labels.last else { return host }
        let hasCategory = top.utf8.count == 2 && labels.dropLast().last.map { categories.contains($0) } == true
        return labels.suffix(hasCategory ? 3 : 2).joined(separator: ".")
    }
}

/// The host of a registry's `host` or `host:port`. Pure.
struct RegistryHost: Equatable {
    /// In lower case, without a port, an IPv6 address without its brackets.
    let name: String

    init(_ authority: some StringProtocol) {
        let text = authority.lowercased()
        if text.hasPrefix("[") {
            name = String(text.dropFirst().prefix { $0 != "]" })
        } else if text.count(where: { $0 == ":" }) > 1 {
            name = text
        } else {
            let host = text.prefix { $0 != ":" }
            name = String(host.hasSuffix(".") ? host.dropLast() : host)
        }
    }

    /// An address of this machine's alone; a name that only begins like one is none.
    var isLoopback: Bool {
        if name == "localhost" || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0, radix: 10) }
        return parts.count == 4 && parts.allSatisfy { $0 != nil } && parts[0] == 127
    }
}
