/// An address with a port, as a server listens at or is reached at (RFC 8489 §2): `10.0.0.1:2377`, `[fd00::1]:2377`.
package struct TransportAddress: Hashable, Sendable {
    package let address: IPAddress
    /// 0 for any, where somebody is to listen.
    package let port: UInt16

    package init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// `address:port` with a port that can be reached, or `nil` when the text is anything else: a name, or no port.
    package init?(_ text: some StringProtocol) {
        guard let parts = HostText.split(String(text)), let address = IPAddress(parts.host),
            let port = parts.port.flatMap({ UInt16($0) }), port > 0
        else { return nil }
        self.init(address, port: port)
    }
}

extension TransportAddress: TextCodable {
    package static let textName = "address with a port"

    package var description: String { HostText.join(address, Int(clamping: port)) }
}
