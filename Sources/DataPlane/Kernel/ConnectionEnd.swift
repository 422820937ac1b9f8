import Addressing
import Glibc
import Model
import Netlink

/// Connections that are to be forgotten: their next packet is looked at as that of a new one.
enum ConnectionEnd: Hashable, Sendable {
    /// What is answered from an address.
    case answered(IPAddress)
    /// What came to a port and is answered from an address.
    case port(UInt16, answeredFrom: IPAddress)
    /// What an address of a bridge has begun or answered, which its next owner must not inherit.
    case of(IPAddress)
    /// The same for all addresses of a network.
    case within(IPNetwork)
    /// What came to a port of the node while it led nowhere: a sender that does not pause would never be led anywhere. `at`: the
    /// one address that the port has; `nil` for all of the node's.
    case unled(TransportProtocol, UInt16, at: IPAddress?)
    /// The same for a service's address.
    case called(IPAddress)

    /// Whether it ends because something is there now that was not.
    var isOfBeginning: Bool {
        switch self {
        case .unled, .called: true
        case .answered, .port, .of, .within: false
        }
    }
}

extension ConnectionEnd {
    fileprivate var selections: [ConnectionSelection]? {
        switch self {
        case .answered(let address), .port(_, let address): [.answered(from: address)]
        // What was sent to it and led elsewhere is nothing of its own.
        case .of(let address): [.begun(by: address), .answered(from: address)]
        case .within: nil
        case .unled(let transport, let port, _): [.port(port, protocol: transport.number)]
        case .called(let address): [.sent(to: address)]
        }
    }
}

/// Many ends at once, looked up by what a connection has.
struct EndedConnections: Sendable {
    private let ends: Set<ConnectionEnd>
    private let networks: [IPNetwork]
    /// Addresses of the namespace itself.
    private let own: Set<IPAddress>

    init(_ ends: [ConnectionEnd], own: Set<IPAddress>) {
        self.ends = Set(ends)
        networks = ends.compactMap { if case .within(let network) = $0 { network } else { nil } }
        self.own = own
    }

    /// Whether the namespace's own addresses matter.
    static func needsOwn(_ ends: [ConnectionEnd]) -> Bool {
        ends.contains { if case .unled = $0 { true } else { false } }
    }

    /// As many questions to the kernel cost less than a look at everything it knows.
    private static let mostSelections = 16

    /// Where to look: `nil` for everywhere.
    var selections: Set<ConnectionSelection>? {
        var found: Set<ConnectionSelection> = []
        for end in ends {
            guard let places = end.selections, found.count < Self.mostSelections else { return nil }
            found.formUnion(places)
        }
        return found
    }

    func contains(_ connection: TrackedConnection) -> Bool {
        let (called, port, reached) = (
            connection.original.destination, connection.original.destinationPort, connection.reply.source
        )
        if ends.contains(.answered(reached)) || ends.contains(.port(port, answeredFrom: reached)) { return true }
        if ends.contains(.of(connection.original.source)) || ends.contains(.of(reached)) { return true }
        if !networks.isEmpty {
            let all = [connection.original, connection.reply].flatMap { [$0.source, $0.destination] }
            if all.contains(where: { address in networks.contains { $0.contains(address) } }) { return true }
        }
        guard called == reached else { return false }
        if ends.contains(.called(called)) { return true }
        guard own.contains(called) || called.isLoopback, let transport = connection.transport else { return false }
        return ends.contains(.unled(transport, port, at: nil)) || ends.contains(.unled(transport, port, at: called))
    }
}

extension TrackedConnection {
    /// `nil` for what is never translated.
    var transport: TransportProtocol? { TransportProtocol.allCases.first { $0.number == `protocol` } }
}

extension TransportProtocol {
    /// IPPROTO_…, which packets have.
    fileprivate var number: UInt8 {
        switch self {
        case .tcp: UInt8(IPPROTO_TCP)
        case .udp: UInt8(IPPROTO_UDP)
        case .sctp: UInt8(IPPROTO_SCTP)
        }
    }
}
