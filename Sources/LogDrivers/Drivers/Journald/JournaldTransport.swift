import CLinux
import Glibc
import LinuxSystem

/// The journal of this node: datagrams to its socket, and where one is too long for a datagram, a sealed file in memory in its place.
struct JournaldTransport: LogTransport {
    static let usualPath = "/run/systemd/journal/socket"
    /// As systemd's own library asks for: a datagram may be half as long.
    private static let sendBuffer: CInt = 8 << 20

    let path: String

    func connect() async throws -> any LogConnection {
        let number = try check(
            Glibc.socket(AF_UNIX, CInt(clamping: SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0), "make a socket")
        let socket = Descriptor(owning: number)
        // A datagram socket's connect(2) only looks the name up: it does not wait.
        try check(try UnixSocketAddress(path).withPointer { Glibc.connect(number, $0, $1) }, "connect to \(path)")
        try check(clinux_socket_buffers(number, 4096, Self.sendBuffer), "enlarge a socket's buffer")
        try check(clinux_send_timeout(number, JournaldConnection.wait), "limit how long sending waits")
        return JournaldConnection(socket)
    }
}

/// Sending waits while journald does not take what is there, so a thread does it.
private final class JournaldConnection: LogConnection {
    /// In milliseconds; for one datagram, and for what is sent behind one that had to wait.
    static let wait: CInt = 5000

    private let socket: Descriptor
    private let thread = WorkerThread()

    init(_ socket: consuming Descriptor) { self.socket = socket }

    func send(_ batch: LogBatch) async throws -> BatchOutcome {
        let socket = socket.raw
        // `self` keeps the socket open meanwhile.
        return try await thread.run { [self] in
            defer { withExtendedLifetime(self) {} }
            for (index, item) in batch.items.enumerated() where try !Self.sends(item.line.bytes, to: socket) {
                // What has been taken is not sent again; the rest is, once there is room.
                let rest = Array(repeating: LineOutcome.again, count: batch.items.count - index)
                return index == 0
                    ? .later(.seconds(1), reason: "journald takes nothing")
                    : .mixed(Array(repeating: .accepted, count: index) + rest, retryAfter: .seconds(1))
            }
            return .handedOver
        }
    }

    /// - Returns: `false` when journald has no room for it.
    private static func sends(_ entry: [UInt8], to socket: CInt) throws -> Bool {
        do {
            try retrying("send to journald") { Glibc.send(socket, entry, entry.count, CInt(MSG_NOSIGNAL)) }
            return true
        } catch {
            switch error.errno {
            case EAGAIN: return false
            // Too long for the buffer, or for what a datagram may consist of.
            case EMSGSIZE, ENOBUFS: return try sendsFile(entry, to: socket)
            default: throw error
            }
        }
    }

    private static func sendsFile(_ entry: [UInt8], to socket: CInt) throws -> Bool {
        let file = try check(clinux_sealed_bytes("journal-entry", entry, entry.count), "make a file in memory")
        defer { Glibc.close(file) }
        do {
            try retrying("send to journald") { clinux_send_descriptor(socket, file) }
            return true
        } catch {
            guard error.errno == EAGAIN else { throw error }
            return false
        }
    }

    func close() async {}
}
