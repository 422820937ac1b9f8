/// Where a stream or datagrams go.
package enum ReceiverAddress: Sendable, Hashable {
    case host(String, port: Int)
    case path(String)
}

/// How a stream is opened.
package struct StreamOptions: Sendable {
    package var address: ReceiverAddress
    /// `nil` for a stream that is not encrypted.
    package var tls: StreamTLS?

    package init(address: ReceiverAddress, tls: StreamTLS? = nil) {
        self.address = address
        self.tls = tls
    }
}
