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
    /// What came to one of a row of ports and is answered from an address.
    case row(ClosedRange<UInt16>, answeredFrom: IPAddress)
    /// What an address of a bridge has begun or answered, which its next owner must not inherit.
    case of(IPAddress)
    /// The same for all addresses of a network.
    case within(IPNetwork)
    /// What came to a port of the node while it led nowhere: a sender that does not pause would never be led anywhere. `at`: the
    /// one address that the port has; `nil` for all of the node's.
    case unled(TransportProtocol, UInt16, at: IPAddress?)
    /// The same for a row of ports.
    case unledRow(PortRow, at: IPAddress?)
    /// The same for a service's address.
    case called(IPAddress)

    /// Whether it ends because something is there now that was not.
    var isOfBeginning: Bool {
        switch self {
        case .unled, .unledRow, .called: true
        case .answered, .port, .row, .of, .within: false
        }
    }
}

extension ConnectionEnd {
    /// What came to the node's ports and is answered from an address.
    static func ports(_ ports: ClosedRange<UInt16>, answeredFrom address: IPAddress) -> Self {
        ports.count == 1
            ? .port(ports.lowerBound, answeredFrom: address) : .row(ports, answeredFrom: address)
    }

    /// What came to ports of the node while they led nowhere.
    static func unled(_ transport: TransportProtocol, _ ports: ClosedRange<UInt16>, at address: IPAddress?) -> Self {
        ports.count == 1
            ? .unled(transport, ports.lowerBound, at: address) : .unledRow(PortRow(transport, ports), at: address)
    }

    fileprivate var selections: [ConnectionSelection]? {
        switch self {
        case .answered(let address), .port(_, let address), .row(_, let address): [.answered(from: address)]
        // What was sent to it and led elsewhere is nothing of its own.
        case .of(let address): [.begun(by: address), .answered(from: address)]
        case .within, .unledRow: nil
        case .unled(let transport, let port, _): [.port(port, protocol: transport.number)]
        case .called(let address): [.sent(to: address)]
        }
    }
}

/// Many ends at once, looked up by what a connection has.
struct EndedConnections: Sendable {
    private let ends: Set<ConnectionEnd>
    private let networks: [IPNetwork]
    private let rows: [(ports: ClosedRange<UInt16>, reached: IPAddress)]
    private let unled: [(row: PortRow, at: IPAddress?)]
    /// Addresses of the namespace itself.
    private let own: Set<IPAddress>

    init(_ ends: [ConnectionEnd], own: Set<IPAddress>) {
        self.ends = Set(ends)
        networks = ends.compactMap { if case .within(let network) = $0 { network } else { nil } }
        rows = ends.compactMap { if case .row(let ports, let address) = $0 { (ports, address) } else { nil } }
        unled = ends.compactMap { if case .unledRow(let row, let address) = $0 { (row, address) } else { nil } }
        self.own = own
    }

    /// Whether the namespace's own addresses matter.
    static func needsOwn(_ ends: [ConnectionEnd]) -> Bool {
        ends.contains { end in
            switch end {
            case .unled, .unledRow: true
            case .answered, .port, .row, .of, .within, .called: false
            }
        }
    }

    /// As many questions to the kernel cost less than a look at everything it knows.
    private static let mostSelections = 16
    /// Each question has the kernel go through its table of all namespaces, some milliseconds; for that many connections are read that are not asked for.
    private static let worthOneQuestion = 1000

    /// Where to look in a namespace of so many connections: `nil` for everywhere, in one go.
    func selections(among count: Int) -> Set<ConnectionSelection>? {
        var found: Set<ConnectionSelection> = []
        for end in ends {
            guard let places = end.selections, found.count < Self.mostSelections else { return nil }
            found.formUnion(places)
        }
        let spared = found.reduce(0) { $0 + $1.dumps } - 1
        return spared > 0 && count <= spared * Self.worthOneQuestion ? nil : found
    }

    func contains(_ connection: TrackedConnection) -> Bool {
        let (called, port, reached) = (
            connection.original.destination, connection.original.destinationPort, connection.reply.source
        )
        if ends.contains(.answered(reached)) || ends.contains(.port(port, answeredFrom: reached)) { return true }
        if rows.contains(where: { $0.reached == reached && $0.ports.contains(port) }) { return true }
        if ends.contains(.of(connection.original.source)) || ends.contains(.of(reached)) { return true }
        if !networks.isEmpty {
            let all = [connection.original, connection.reply].flatMap { [$0.source, $0.destination] }
            if all.contains(where: { address in networks.contains { $0.contains(address) } }) { return true }
        }
        guard called == reached else { return false }
        if ends.contains(.called(called)) { return true }
        guard own.contains(called) || called.isLoopback, let transport = connection.transport else { return false }
        let isInRow = unled.contains { row, address in
            row.transport == transport && row.ports.contains(port) && (address == nil || address == called)
        }
        return isInRow || ends.contains(.unled(transport, port, at: nil))
            || ends.contains(.unled(transport, port, at: called))
    }
}

extension ConntrackSocket {
    /// How many there are; where it cannot be told there may be any number.
    var countOrMany: Int {
        do { return try count() } catch { return .max }
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
