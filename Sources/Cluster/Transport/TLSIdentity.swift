import NIOCertificateReloading
package import NIOSSL
import Synchronization
package import X509

/// What this node shows to others and whom it trusts, replaceable while connections are open: each handshake takes what is there then.
package final class TLSIdentity: CertificateReloader {
    private struct State {
        var shown: NIOSSLContextConfigurationOverride
        var roots: [Certificate]
        var credentials: NodeCredentials?
        var revoked: Set<String> = []
    }

    private let state: Mutex<State>
    /// One writer of the files at a time, so that none replaces a later list by an earlier one.
    private let writing = Mutex(())

    /// A member's identity.
    /// - Parameter revoked: Serial numbers of certificates that are not believed.
    package init(_ credentials: NodeCredentials, revoked: Set<String> = []) throws {
        state = Mutex(
            State(
                shown: try Self.shown(credentials.certificate, credentials.key), roots: credentials.roots,
                credentials: credentials, revoked: revoked))
    }

    /// A joiner's identity: its key's self-signed certificate.
    package init(joiner key: NodeKey, roots: [Certificate]) throws {
        state = Mutex(State(shown: try Self.shown(try key.selfSigned(), key), roots: roots, credentials: nil))
    }

    package var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride { state.withLock { $0.shown } }
    package var roots: [Certificate] { state.withLock { $0.roots } }
    /// `nil` for a joiner.
    package var credentials: NodeCredentials? { state.withLock { $0.credentials } }

    /// Handshakes from now on show and trust these. Open connections keep the identity that they began with.
    package func replace(_ credentials: NodeCredentials) throws {
        let shown = try Self.shown(credentials.certificate, credentials.key)
        state.withLock {
            $0 = State(shown: shown, roots: credentials.roots, credentials: credentials, revoked: $0.revoked)
        }
    }

    /// Whether a certificate has been taken out of force.
    func isRevoked(_ certificate: Certificate) -> Bool {
        let serial = certificate.serialText
        return state.withLock { $0.revoked.contains(serial) }
    }

    /// How many serial numbers are kept at the most; a swarm has as many as it has demoted managers lately.
    private static let maximumRevoked = 1 << 16

    /// Handshakes and calls from now on believe none of these certificates, and after a restart neither. What was taken once stays: whoever
    /// tells of fewer may be one of those. Blocking when there is news.
    func revoke(_ serials: some Sequence<String>, in files: CredentialFiles) throws {
        let new = Set(serials.filter(RevocationList.isSerial))
        try writing.withLock { _ in
            let (all, key) = state.withLock { state in
                let isNews = !new.isSubset(of: state.revoked)
                if isNews, state.revoked.count + new.count <= Self.maximumRevoked { state.revoked.formUnion(new) }
                return (isNews ? state.revoked : [], state.credentials?.key)
            }
            if let key, !all.isEmpty { try files.save(revoked: all, by: key) }
        }
    }

    private static func shown(_ certificate: Certificate, _ key: NodeKey) throws -> NIOSSLContextConfigurationOverride {
        var shown = NIOSSLContextConfigurationOverride.noChanges
        shown.certificateChain = [
            .certificate(try NIOSSLCertificate(bytes: try certificate.derBytes, format: .der))
        ]
        shown.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(try key.pem.utf8), format: .pem))
        return shown
    }
}
