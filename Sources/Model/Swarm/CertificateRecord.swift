/// A certificate as the swarm remembers it: which one it is, and how long it matters.
package struct CertificateRecord: Codable, Sendable, Hashable {
    /// The serial number in hexadecimal.
    @Zero package var serial: String
    /// When it expires by itself.
    @Zero package var until: Timestamp

    package init(serial: String, until: Timestamp) {
        self.serial = serial
        self.until = until
    }
}
