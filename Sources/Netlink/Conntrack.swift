package import Addressing
import CLinux
import Glibc
package import LinuxSystem
import Synchronization

/// A connection as conntrack knows it (linux/netfilter/nfnetlink_conntrack.h).
package struct TrackedConnection: Sendable, Hashable {
    /// One direction's addresses; ports are 0 for protocols without.
    package struct Direction: Sendable, Hashable {
        package let source: IPAddress
        package let destination: IPAddress
        package let sourcePort: UInt16
        package let destinationPort: UInt16
    }

    /// IPPROTO_TCP, IPPROTO_UDP…
    package let `protocol`: UInt8
    /// As the first packet was sent, before translation.
    package let original: Direction
    /// As answers are expected, after translation: its source is where packets really go.
    package let reply: Direction
    /// The connection's own mark (`ct mark`), 0 when it has none.
    package let mark: UInt32
    /// As the kernel wants them back in a deletion.
    let tuple: [UInt8]
    let zone: [UInt8]?
    let id: [UInt8]?

    /// Where the packets go after translation.
    package var endpoint: IPAddress { reply.source }

    /// `nil` for messages of other types or families.
    package init?(_ message: NetlinkMessage) throws(NetlinkError) {
        guard message.type == ConntrackMessage.new else { return nil }
        let (fixed, attributes) = try message.parts(fixed: ConntrackMessage.headerLength)
        guard let family = IPFamily(try fixed.number(at: 0, as: UInt8.self)),
            let tuple = attributes.bytes(UInt16(CTA_TUPLE_ORIG.rawValue)),
            let original = try Self.direction(tuple, family),
            let back = attributes.bytes(UInt16(CTA_TUPLE_REPLY.rawValue)),
            let reply = try Self.direction(back, family)
        else { return nil }
        self.protocol = original.protocol
        self.original = original.direction
        self.reply = reply.direction
        self.tuple = Array(tuple)
        mark = attributes.bigEndian(UInt16(CTA_MARK.rawValue)) ?? 0
        zone = attributes.bytes(UInt16(CTA_ZONE.rawValue)).map { Array($0) }
        id = attributes.bytes(UInt16(CTA_ID.rawValue)).map { Array($0) }
    }

    /// Of which family the connection is.
    package var family: IPFamily { original.source.family }

    private static func direction(_ bytes: ArraySlice<UInt8>, _ family: IPFamily) throws(NetlinkError)
        -> (direction: Direction, protocol: UInt8)?
    {
        let (from, to) =
            switch family {
            case .v4: (UInt16(CTA_IP_V4_SRC.rawValue), UInt16(CTA_IP_V4_DST.rawValue))
            case .v6: (UInt16(CTA_IP_V6_SRC.rawValue), UInt16(CTA_IP_V6_DST.rawValue))
            }
        let tuple = try Attributes(bytes)
        guard let ip = try tuple.nest(UInt16(CTA_TUPLE_IP.rawValue)),
            let ports = try tuple.nest(UInt16(CTA_TUPLE_PROTO.rawValue)),
            let source = ip.address(from), let destination = ip.address(to),
            source.family == family, destination.family == family
        else { return nil }
        let direction = Direction(
            source: source, destination: destination,
            sourcePort: ports.bigEndian(UInt16(CTA_PROTO_SRC_PORT.rawValue)) ?? 0,
            destinationPort: ports.bigEndian(UInt16(CTA_PROTO_DST_PORT.rawValue)) ?? 0)
        return (direction, ports.number(UInt16(CTA_PROTO_NUM.rawValue)) ?? 0)
    }
}

private enum ConntrackMessage {
    /// `struct nfgenmsg`: family, version, resource id.
    static let headerLength = 4
    static let subsystem = UInt16(NFNL_SUBSYS_CTNETLINK) << 8
    static let new = subsystem | UInt16(IPCTNL_MSG_CT_NEW.rawValue)
    static let get = subsystem | UInt16(IPCTNL_MSG_CT_GET.rawValue)
    static let statistics = subsystem | UInt16(IPCTNL_MSG_CT_GET_STATS.rawValue)
    static let delete = subsystem | UInt16(IPCTNL_MSG_CT_DELETE.rawValue)

    static func header(_ family: AddressFamily, into message: inout MessageWriter) {
        message.put(family.rawValue)
        message.put(zeros: 3)
    }
}

/// One socket for all that is asked of netfilter in a namespace.
final class SharedSocket: Sendable {
    let socket: Mutex<NetlinkSocket>

    init(_ socket: consuming NetlinkSocket) { self.socket = Mutex(socket) }
}

/// The connection table of the namespace it was opened in. Blocking, as ``RouteSocket``.
package final class ConntrackSocket: Sendable {
    let shared: SharedSocket

    /// In the calling thread's namespace.
    package init() throws { shared = SharedSocket(try NetlinkSocket(protocol: NETLINK_NETFILTER)) }

    /// Opens one on a thread inside a namespace; `nil`: in the one this process was started in.
    package static func open(in namespace: NetworkNamespace?) async throws -> ConntrackSocket {
        guard let namespace else { return try await onThread { try ConntrackSocket() } }
        return try await namespace.run { try ConntrackSocket() }
    }

    /// By which the kernel knows it in its namespace.
    var port: UInt32 { shared.socket.withLock { $0.port } }

    /// How many connections there are, of any family: this costs nothing, while a listing looks through the table of all namespaces.
    package func count() throws -> Int {
        ConntrackCounters.note(.count)
        let answers = try shared.socket.withLock { socket in
            try socket.ask(attempting: "count connections") { sequence in
                var writer = MessageWriter(type: ConntrackMessage.statistics, flags: MessageFlags.request)
                ConntrackMessage.header(.unspecified, into: &writer)
                return writer.finished(sequence: sequence)
            }
        }
        let entries = UInt16(CTA_STATS_GLOBAL_ENTRIES.rawValue)
        guard
            let count = try answers.first?.parts(fixed: ConntrackMessage.headerLength).attributes
                .bigEndian(entries, as: UInt32.self)
        else { throw NetlinkError(code: .malformed, attempting: "count connections") }
        return Int(clamping: count)
    }

    /// All connections of both families, or those of a selection.
    package func connections(_ selection: ConnectionSelection? = nil) throws -> [TrackedConnection] {
        try Self.families(of: selection).flatMap { try connections(selection, $0, most: .max) { _ in true }.rows }
    }

    /// In which a listing is asked for.
    private static func families(of selection: ConnectionSelection?) -> [AddressFamily] {
        selection?.families ?? [.unspecified]
    }

    private func connections(
        _ selection: ConnectionSelection?, _ family: AddressFamily, most: Int, where fits: (TrackedConnection) -> Bool
    ) throws -> NetlinkSocket.Dump<TrackedConnection> {
        ConntrackCounters.note(.dump)
        return try shared.socket.withLock { socket in
            try socket.dump(attempting: "list connections", most: most) { sequence in
                var writer = MessageWriter(
                    type: ConntrackMessage.get, flags: MessageFlags.request | MessageFlags.dump)
                ConntrackMessage.header(family, into: &writer)
                selection?.encode(into: &writer)
                return writer.finished(sequence: sequence)
            } row: {
                try TrackedConnection($0).flatMap { fits($0) ? $0 : nil }
            }
        }
    }

    /// Connections that are held at a time, of however many there are.
    private static let mostAtOnce = 4096

    /// Forgets the connections that fit; their next packet is looked at as a new one. Returns how many there were.
    /// - Parameter selections: Only these are looked at; `nil`: all.
    @discardableResult
    package func delete(
        among selections: Set<ConnectionSelection>? = nil, where fits: (TrackedConnection) -> Bool
    ) throws -> Int {
        guard let selections else { return try delete(in: nil, .unspecified, where: fits) }
        return try selections.reduce(0) { sum, selection in
            try Self.families(of: selection).reduce(sum) { try $0 + delete(in: selection, $1, where: fits) }
        }
    }

    private func delete(
        in selection: ConnectionSelection?, _ family: AddressFamily, where fits: (TrackedConnection) -> Bool
    ) throws -> Int {
        var deleted = 0
        while true {
            let doomed = try connections(selection, family, most: Self.mostAtOnce, where: fits)
            var rest = doomed.rows[...]
            var some = 0
            while !rest.isEmpty {
                let batch = rest.prefix(NetlinkSocket.batchMessages)
                rest = rest.dropFirst(batch.count)
                some += try delete(Array(batch))
            }
            deleted += some
            if doomed.passedOver == 0 || some == 0 { return deleted }
        }
    }

    /// Forgets the connections whose packets are sent to this address, after translation.
    @discardableResult
    package func deleteConnections(to endpoint: IPAddress) throws -> Int {
        try delete { $0.endpoint == endpoint }
    }

    private func delete(_ batch: [TrackedConnection]) throws -> Int {
        try shared.socket.withLock { socket in
            let requests = batch.map { connection -> (sequence: UInt32, bytes: [UInt8]) in
                var writer = MessageWriter(
                    type: ConntrackMessage.delete, flags: MessageFlags.request | MessageFlags.acknowledge)
                ConntrackMessage.header(AddressFamily(connection.family), into: &writer)
                let nested: UInt16 = 0x8000
                writer.bytes(UInt16(CTA_TUPLE_ORIG.rawValue) | nested, connection.tuple)
                if let zone = connection.zone { writer.bytes(UInt16(CTA_ZONE.rawValue), zone) }
                if let id = connection.id { writer.bytes(UInt16(CTA_ID.rawValue), id) }
                let sequence = socket.nextSequence()
                return (sequence, writer.finished(sequence: sequence))
            }
            var deleted = 0
            for answer in try socket.exchange(requests, attempting: "delete connections").values {
                switch answer.errno {
                case 0: deleted += 1
                case ENOENT: break  // It has ended on its own.
                default:
                    throw NetlinkError(
                        refused: answer.errno, attempting: "delete a connection", message: answer.message)
                }
            }
            return deleted
        }
    }
}
