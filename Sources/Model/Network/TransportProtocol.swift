/// A protocol with ports.
package enum TransportProtocol: String, Codable, Hashable, Sendable, CaseIterable {
    case tcp, udp, sctp
}
