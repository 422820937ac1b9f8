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
    }

    private let state: Mutex<State>

    /// A member's identity.
    package init(_ credentials: NodeCredentials) throws {
        state = Mutex(
            State(
                shown: try Self.shown(credentials.certificate, credentials.key), roots: credentials.roots,
                credentials: credentials))
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
        state.withLock { $0 = State(shown: shown, roots: credentials.roots, credentials: credentials) }
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
