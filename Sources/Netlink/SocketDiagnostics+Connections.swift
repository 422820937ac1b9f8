package import Addressing
import CLinux
import Glibc

/// A TCP connection of the namespace to somebody else, as the kernel knows it.
package struct OpenConnection: Sendable, Hashable {
    package var remote: IPAddress
    /// At which the other end listens.
    package var remotePort: UInt16
    /// There and back, smoothed; 0 before anything was acknowledged.
    package var roundTripMicroseconds: UInt32
    /// How often what was sent last was sent again without an answer.
    package var retransmits: UInt8

    package init(remote: IPAddress, remotePort: UInt16, roundTripMicroseconds: UInt32, retransmits: UInt8 = 0) {
        self.remote = remote
        self.remotePort = remotePort
        self.retransmits = retransmits
        self.roundTripMicroseconds = roundTripMicroseconds
    }
}

extension SocketDiagnostics {
    /// Numbers of linux/inet_diag.h: `INET_DIAG_REQ_BYTECODE`, `INET_DIAG_INFO`, `INET_DIAG_BC_D_GE` and `_LE`; TCP_ESTABLISHED.
    private enum Number {
        static let program: UInt16 = 1
        static let info: UInt16 = 2
        static let atLeast: UInt8 = 4
        static let atMost: UInt8 = 5
        static let established: UInt32 = 1
    }

    /// Connections that are established to a port of others. The kernel leaves out the rest, however many there are. Blocks.
    package func connections(toPort port: UInt16) throws -> [OpenConnection] {
        var found: [OpenConnection] = []
        for family in [AddressFamily.ipv4, .ipv6] {
            var writer = MessageWriter(type: Self.byFamily, flags: MessageFlags.request | MessageFlags.dump)
            writer.put(family.rawValue)
            writer.put(UInt8(clamping: IPPROTO_TCP))
            writer.put(UInt8(1) << (Number.info - 1))
            writer.put(UInt8(0))
            writer.put(UInt32(1) << Number.established)
            writer.put(zeros: Self.identityLength)
            writer.bytes(Number.program, Self.program(port))
            let request = writer
            found += try withSocket { socket in
                try socket.dump(attempting: "list connections", request.finished) { try Self.connection($0, family) }
            }.rows
        }
        return found
    }

    /// Port at least and port at most; each is an operation with the number in a second one. A jump behind the end refuses (`inet_diag_bc_run`).
    static func program(_ port: UInt16) -> [UInt8] {
        func operation(_ code: UInt8, _ yes: UInt8, _ no: UInt16) -> [UInt8] {
            [code, yes] + withUnsafeBytes(of: no) { Array($0) }
        }
        return operation(Number.atLeast, 8, 20) + operation(0, 0, port) + operation(Number.atMost, 8, 12)
            + operation(0, 0, port)
    }

    /// `struct inet_diag_msg`, and of `struct tcp_info` two fields.
    static func connection(_ message: NetlinkMessage, _ family: AddressFamily) throws(NetlinkError) -> OpenConnection? {
        guard message.type == byFamily else { return nil }
        let (row, attributes) = try message.parts(fixed: rowLength)
        guard try row.number(at: 0) == family.rawValue else { return nil }
        let octets = Array(row.bytes.dropFirst(24).prefix(16))
        let isMapped = octets.prefix(12).elementsEqual(repeatElement(UInt8(0), count: 10) + [0xff, 0xff])
        let remote: IPAddress? =
            family == .ipv4
            ? IPAddress(octets: Array(octets.prefix(4)))
            : isMapped ? IPAddress(octets: Array(octets.suffix(4))) : IPAddress(octets: octets)
        guard let remote else { return nil }
        let info = attributes.bytes(Number.info).map { Array($0) } ?? []
        // In the machine's own order, which is little-endian wherever this is built.
        let time = info.dropFirst(68).prefix(4).reversed().reduce(UInt32(0)) {
            $0 << 8 | UInt32(truncatingIfNeeded: $1)
        }
        return OpenConnection(
            remote: remote, remotePort: UInt16(bigEndian: try row.number(at: 6)),
            roundTripMicroseconds: time, retransmits: info.dropFirst(2).first ?? 0)
    }
}
