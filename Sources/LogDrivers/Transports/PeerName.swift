import NIOCore
import NIOSSL

/// The name that a receiver's certificate must be for.
///
/// NIOSSL takes a certificate for the name that was asked for or for the address that was connected to. Where a name was asked for, an address shows
/// nothing: whoever answers for the name in the DNS chooses it. So this is looked at besides all that NIOSSL verifies.
enum PeerName {
    /// - Throws: ``TransportError`` for a certificate with other names, or with addresses alone.
    static func check(_ certificate: NIOSSLCertificate?, for name: String) throws {
        guard let certificate else { throw TransportError("the receiver has shown no certificate") }
        let names = certificate._subjectAlternativeNames()
        // Where there are none at all, NIOSSL has compared the subject's name, and no address.
        if names.isEmpty { return }
        let isNamed = names.contains { shown in
            shown.nameType == .dnsName && covers(String(decoding: shown.contents, as: UTF8.self), name)
        }
        if !isNamed { throw TransportError("the receiver's certificate is for another name") }
    }

    /// The same for a connection whose handshake is over; one without TLS has no names. On the channel's event loop. A channel that fails is closed.
    static func check(_ channel: any Channel, for name: String) -> EventLoopFuture<Void> {
        let checked = channel.eventLoop.makeCompletedFuture {
            // It throws where there is no such handler: without TLS.
            guard let tls = try? channel.pipeline.syncOperations.handler(type: NIOSSLHandler.self) else { return }
            try check(tls.peerCertificate, for: name)
        }
        // Afterwards, so that who waits for the connection hears why first.
        checked.whenFailure { _ in channel.eventLoop.execute { channel.close(promise: nil) } }
        return checked
    }

    /// Whether a name in a certificate is for a host: the same one, or `*` in the place of its first label (RFC 9525, 6.3).
    static func covers(_ pattern: String, _ name: String) -> Bool {
        let (pattern, name) = (plain(pattern), plain(name))
        if pattern == name { return true }
        guard pattern.hasPrefix("*."), name.first != "." else { return false }
        return name.drop { $0 != "." } == pattern.dropFirst()
    }

    private static func plain(_ name: String) -> Substring {
        let name = name.lowercased()[...]
        return name.last == "." ? name.dropLast() : name
    }

    static func isAddress(_ host: String) -> Bool {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil  // No address: a name.
    }
}
