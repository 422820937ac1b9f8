import Addressing
import Glibc
import LinuxSystem
import Synchronization
import TestKit

/// A TCP stream of known bytes from one task to another, and what has come of it.
final class CheckedStream: Sendable {
    private struct State {
        var received = 0
        var isWrong = false
        var failure: String?
        var isDone = false
    }

    private let state = Mutex(State())
    private let stopped = Atomic<Bool>(false)
    private static let port: UInt16 = 5001

    var received: Int { state.withLock { $0.received } }
    var isWrong: Bool { state.withLock { $0.isWrong } }
    var failure: String? { state.withLock { $0.failure } }
    var isDone: Bool { state.withLock { $0.isDone } }

    /// Sends until ``stop()``, or so many bytes.
    static func start(from: NetworkNamespace, to: NetworkNamespace, at address: IPAddress, most: Int = .max)
        async throws
        -> CheckedStream
    {
        let stream = CheckedStream()
        let listener = try await to.run { () throws -> CInt in
            let socket = try check(Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0), "socket")
            var one: CInt = 1
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
            try check(
                InternetSocketAddress(IPAddress(0, 0, 0, 0), port: port).withPointer { bind(socket, $0, $1) }, "bind")
            try check(listen(socket, 4), "listen")
            return socket
        }
        pthread_detach(
            try startThread {
                stream.receive(listener)
                close(listener)
            })
        let sender = try await from.run { () throws -> CInt in
            let socket = try check(Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0), "socket")
            try check(InternetSocketAddress(address, port: port).withPointer { connect(socket, $0, $1) }, "connect")
            return socket
        }
        pthread_detach(
            try startThread {
                stream.send(sender, most)
                close(sender)
            })
        return stream
    }

    func stop() { stopped.store(true, ordering: .relaxed) }

    /// Byte n of the stream.
    private static func pattern(_ offset: Int, _ bytes: inout [UInt8]) {
        for index in bytes.indices {
            let at = offset + index
            bytes[index] = UInt8(truncatingIfNeeded: at &* 31 ^ at >> 8 ^ at >> 16)
        }
    }

    private func send(_ socket: CInt, _ most: Int) {
        // A power of two, so the pattern of a chunk is that of its place.
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var sent = 0
        while sent < most, !stopped.load(ordering: .relaxed) {
            Self.pattern(sent, &chunk)
            var done = 0
            while done < chunk.count {
                let count = chunk.withUnsafeBytes {
                    { rest in Glibc.send(socket, rest.baseAddress, rest.count, CInt(MSG_NOSIGNAL)) }(
                        UnsafeRawBufferPointer(rebasing: $0[done...]))
                }
                if count <= 0 {
                    let number = errno
                    state.withLock { $0.failure = "send: \(number)" }
                    return
                }
                done += count
            }
            sent += done
        }
    }

    private func receive(_ listener: CInt) {
        let socket = accept(listener, nil, nil)
        defer { state.withLock { $0.isDone = true } }
        guard socket >= 0 else { return }
        defer { close(socket) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var wanted: [UInt8] = []
        var received = 0
        while true {
            let count = recv(socket, &bytes, bytes.count, 0)
            if count < 0 {
                let number = errno
                state.withLock { $0.failure = "receive: \(number)" }
            }
            if count <= 0 { return }
            wanted = [UInt8](repeating: 0, count: count)
            Self.pattern(received, &wanted)
            let isWrong = wanted != Array(bytes.prefix(count))
            received += count
            state.withLock {
                $0.received = received
                if isWrong { $0.isWrong = true }
            }
        }
    }
}

/// Frames that pass a namespace's links.
final class Sniffer: Sendable {
    private let socket: CInt
    private let frames = Mutex<[[UInt8]]>([])
    private let stopped = Atomic<Bool>(false)

    init(in namespace: NetworkNamespace) async throws {
        socket = try await namespace.run {
            // ETH_P_ALL in network order.
            try check(Glibc.socket(AF_PACKET, CInt(SOCK_RAW.rawValue), CInt(UInt16(3).bigEndian)), "packet socket")
        }
        var limit = timeval(tv_sec: 0, tv_usec: 50_000)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        pthread_detach(
            try startThread { [self] in
                var bytes = [UInt8](repeating: 0, count: 1 << 16)
                while !stopped.load(ordering: .relaxed) {
                    let count = recv(socket, &bytes, bytes.count, 0)
                    if count > 0 { frames.withLock { if $0.count < 20_000 { $0.append(Array(bytes.prefix(count))) } } }
                }
                close(socket)
            })
    }

    func stop() { stopped.store(true, ordering: .relaxed) }

    var seen: [[UInt8]] { frames.withLock { $0 } }

    /// Of UDP over IPv4: destination port and payload.
    var datagrams: [(port: Int, payload: [UInt8])] {
        seen.compactMap { frame in
            guard frame.count > 42, frame[12] == 8, frame[13] == 0, frame[23] == 17 else { return nil }
            return (Int(frame[36]) << 8 | Int(frame[37]), Array(frame.dropFirst(42)))
        }
    }

    /// Other than UDP, by EtherType and IP's protocol: what is neither ARP of the underlay nor its IPv6 housekeeping.
    var others: [[UInt8]] {
        seen.filter { frame in
            guard frame.count > 24 else { return true }
            let type = Int(frame[12]) << 8 | Int(frame[13])
            return !(type == 0x0806 || type == 0x86dd || type == 0x0800 && frame[23] == 17)
        }
    }
}

/// Sends datagrams from a namespace, as an unknown sender would.
func sendDatagram(_ payload: [UInt8], from namespace: NetworkNamespace, to address: IPAddress, port: UInt16)
    async throws
{
    try await namespace.run {
        let socket = Descriptor(owning: try check(Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0), "socket"))
        try check(
            InternetSocketAddress(address, port: port).withPointer { name, length in
                CInt(truncatingIfNeeded: sendto(socket.raw, payload, payload.count, 0, name, length))
            }, "send")
    }
}
