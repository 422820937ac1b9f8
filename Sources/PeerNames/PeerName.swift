package import NIOCore
package import NIOSSL

/// The name that a server's certificate must be for, of whoever asks it over TLS.
///
/// NIOSSL takes a certificate for the name that was asked for or for the address that was connected to. Where a name was asked for, an address shows
/// nothing: whoever answers for the name in the DNS chooses it. So this is looked at besides all that NIOSSL verifies, which must be everything.
package struct PeerName: Sendable, Hashable {
    private static let dot = UInt8(ascii: ".")
    private static let star = UInt8(ascii: "*")

    private let text: String

    /// - Parameter host: As in a URL, so an address of IPv6 may have brackets.
    /// - Returns: `nil` for an address: the certificate must be for that one then, as NIOSSL verifies.
    package init?(_ host: String) {
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        let isAddress = (try? SocketAddress(ipAddress: bare, port: 0)) != nil  // No address: a name.
        if isAddress { return nil }
        text = bare
    }

    /// - Throws: ``PeerNameError`` for a certificate with other names, with addresses alone, or with nothing but a subject's name, which no client of
    ///   Go's takes for a host's either (RFC 9525, 2).
    package func check(_ certificate: NIOSSLCertificate?) throws(PeerNameError) {
        guard let certificate else { throw .noCertificate }
        let isNamed = certificate._subjectAlternativeNames().contains { shown in
            shown.nameType == .dnsName && isCovered(by: shown.contents)
        }
        if !isNamed { throw .otherName(asked: text) }
    }

    /// The same for a connection whose handshake is over; one without TLS has no names. On the channel's event loop. A channel that fails is closed.
    package func check(_ channel: any Channel) -> EventLoopFuture<Void> {
        let checked = channel.eventLoop.makeCompletedFuture {
            // It throws where there is no such handler: without TLS.
            guard let tls = try? channel.pipeline.syncOperations.handler(type: NIOSSLHandler.self) else { return }
            try check(tls.peerCertificate)
        }
        // Afterwards, so that who waits for the connection hears why first.
        checked.whenFailure { _ in channel.eventLoop.execute { channel.close(promise: nil) } }
        return checked
    }

    /// What speaks TLS with a host, and says nothing to one whose certificate is for another name.
    /// - Parameters:
    ///   - host: `nil` where nothing has a name, as at a socket of the node.
    ///   - isVerified: Whether `context` verifies certificates in full. Without that no name is looked at either.
    package static func handler(_ context: NIOSSLContext, to host: String?, isVerified: Bool) throws
        -> NIOSSLClientHandler
    {
        guard let name = host.flatMap({ PeerName($0) }) else {
            return try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
        guard isVerified else { return try NIOSSLClientHandler(context: context, serverHostname: name.text) }
        return try NIOSSLClientHandler._makeSSLClientHandler(
            context: context, serverHostname: name.text,
            additionalPeerCertificateVerificationCallback: { certificate, channel in
                channel.eventLoop.makeCompletedFuture { try name.check(certificate) }
            })
    }

    /// Whether a name in a certificate is for this host: the same one, or `*` in the place of its whole first label (RFC 9525, 6.3). In bytes: letters
    /// that Unicode holds for the same are others in the DNS.
    func isCovered(by pattern: some Collection<UInt8>) -> Bool {
        guard let pattern = Self.plain(pattern), let name = Self.plain(text.utf8) else { return false }
        if pattern == name { return true }
        guard pattern.starts(with: [Self.star, Self.dot]), name.first != Self.dot else { return false }
        return name.drop { $0 != Self.dot } == pattern.dropFirst()
    }

    /// In small letters and without the dot at the end; `nil` for what is no name of the DNS.
    private static func plain(_ name: some Collection<UInt8>) -> [UInt8]? {
        var plain: [UInt8] = []
        for byte in name {
            guard byte > 0x20, byte < 0x7F else { return nil }
            plain.append((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte)
        }
        if plain.last == dot { _ = plain.popLast() }
        return plain.isEmpty ? nil : plain
    }
}

/// Why nothing is said to a server that was asked for by its name.
package enum PeerNameError: Error, Equatable, CustomStringConvertible {
    case noCertificate
    case otherName(asked: String)

    package var description: String {
        switch self {
        case .noCertificate: "no certificate was shown"
        case .otherName(let asked): "the certificate is for other names than \(asked)"
        }
    }
}
