import Addressing
import Glibc
import LinuxSystem
import Synchronization

/// Datagrams with numbers from one task to another, some two thousand a second, and which of them have come.
final class NumberedDatagrams: Sendable {
    private struct State {
        var sent = 0
        var isSenderDone = false
        /// Different ones.
        var came = 0
        var repeated = 0
        var failure: String?
    }

    private let state = Mutex(State())
    private let stopped = Atomic<Bool>(false)
    private let closed = Atomic<Bool>(false)
    private static let port: UInt16 = 5002
    private static let bytes = 200
    /// Between two of them.
    private static let microseconds: UInt32 = 400
    /// Room for those that wait while the test's machine does something else.
    private static let room: CInt = 8 << 20

    var sent: Int { state.withLock { $0.sent } }
    var came: Int { state.withLock { $0.came } }
    var repeated: Int { state.withLock { $0.repeated } }
    var failure: String? { state.withLock { $0.failure } }
    /// Whether the last one has been sent, after ``stop()``.
    var isSenderDone: Bool { state.withLock { $0.isSenderDone } }

    /// Sends until ``stop()``, and listens until ``close()``.
    static func start(from: NetworkNamespace, to: NetworkNamespace, at address: IPAddress) async throws
        -> NumberedDatagrams
    {
        let datagrams = NumberedDatagrams()
        let receiver = try await to.run { () throws -> CInt in
            let socket = try check(Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0), "socket")
            var room = Self.room
            setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, socklen_t(MemoryLayout<CInt>.size))
            var limit = timeval(tv_sec: 0, tv_usec: 50_000)
            setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            try check(
                InternetSocketAddress(IPAddress(0, 0, 0, 0), port: Self.port).withPointer { bind(socket, $0, $1) },
                "bind")
            return socket
        }
        pthread_detach(
            try startThread {
                datagrams.receive(receiver)
                Glibc.close(receiver)
            })
        let sender = try await from.run { () throws -> CInt in
            let socket = try check(Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0), "socket")
            let place = InternetSocketAddress(address, port: Self.port)
            try check(place.withPointer { connect(socket, $0, $1) }, "connect")
            return socket
        }
        pthread_detach(
            try startThread {
                datagrams.send(sender)
                Glibc.close(sender)
            })
        return datagrams
    }

    func stop() { stopped.store(true, ordering: .relaxed) }
    func close() { closed.store(true, ordering: .relaxed) }

    private func send(_ socket: CInt) {
        defer { state.withLock { $0.isSenderDone = true } }
        var bytes = [UInt8](repeating: 0, count: Self.bytes)
        var number: UInt64 = 0
        while !stopped.load(ordering: .relaxed) {
            withUnsafeBytes(of: number.bigEndian) { bytes.replaceSubrange(0..<8, with: $0) }
            guard Glibc.send(socket, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else {
                let failed = errno
                state.withLock { $0.failure = "send: \(failed)" }
                return
            }
            number += 1
            state.withLock { $0.sent += 1 }
            usleep(Self.microseconds)
        }
    }

    private func receive(_ socket: CInt) {
        var bytes = [UInt8](repeating: 0, count: 2048)
        var seen: Set<UInt64> = []
        while !closed.load(ordering: .relaxed) {
            guard recv(socket, &bytes, bytes.count, 0) == Self.bytes else { continue }
            let number = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let isNew = seen.insert(number).inserted
            state.withLock { if isNew { $0.came += 1 } else { $0.repeated += 1 } }
        }
    }
}
