import Addressing
import Glibc
import LinuxSystem
import Model
import Netlink
import Synchronization

/// A program of a container: answers every TCP connection and UDP datagram with its name and the caller's address.
/// TCP connections stay open: every byte is answered with the name again.
final class Greeter: Sendable {
    private let stopped = Atomic<Bool>(false)
    private let listener: CInt
    private let datagrams: CInt

    /// - Parameter address: what it is bound to; the wildcard unless given.
    static func start(
        _ name: String, in namespace: NetworkNamespace, port: UInt16, at address: IPAddress = IPAddress(0, 0, 0, 0)
    ) async throws -> Greeter {
        try await namespace.run { try Greeter(name, address, port) }
    }

    private init(_ name: String, _ address: IPAddress, _ port: UInt16) throws {
        listener = try bound(SOCK_STREAM, address, port)
        datagrams = try bound(SOCK_DGRAM, address, port)
        try check(listen(listener, 256), "listen")
        let (listener, datagrams) = (listener, datagrams)
        let isStopped: @Sendable () -> Bool = { [weak self] in self?.stopped.load(ordering: .relaxed) ?? true }
        pthread_detach(try startThread { Self.acceptAll(name, listener, isStopped) })
        pthread_detach(try startThread { Self.answerAll(name, datagrams, isStopped) })
    }

    deinit {
        stopped.store(true, ordering: .relaxed)
        shutdown(listener, Int32(SHUT_RDWR))
        shutdown(datagrams, Int32(SHUT_RDWR))
    }

    private static func acceptAll(_ name: String, _ listener: CInt, _ isStopped: @escaping @Sendable () -> Bool) {
        while !isStopped() {
            var peer = PeerName()
            let connection = peer.fill { accept(listener, $0, $1) }
            if connection < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                break
            }
            let line = "\(name) \(peer.address)\n"
            do {
                pthread_detach(
                    try startThread {
                        var byte: UInt8 = 0
                        repeat {
                            _ = send(connection, line, line.utf8.count, CInt(MSG_NOSIGNAL))
                        } while recv(
                            connection, &byte, 1, 0) == 1
                        close(connection)
                    })
            } catch {
                close(connection)
            }
        }
        close(listener)
    }

    private static func answerAll(_ name: String, _ socket: CInt, _ isStopped: @escaping @Sendable () -> Bool) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !isStopped() {
            var peer = PeerName()
            let count = peer.fill { CInt(clamping: recvfrom(socket, &buffer, buffer.count, 0, $0, $1)) }
            if count <= 0 { continue }
            let line = "\(name) \(peer.address)\n"
            _ = peer.fill { CInt(clamping: sendto(socket, line, line.utf8.count, 0, $0, $1.pointee)) }
        }
        close(socket)
    }
}

/// A socket with a place of its own, in the calling thread's namespace.
func bound(_ type: __socket_type, _ address: IPAddress, _ port: UInt16) throws -> CInt {
    let place = InternetSocketAddress(address, port: port)
    let socket = try check(
        Glibc.socket(place.family, CInt(type.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0), "socket")
    var one: CInt = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, 4)
    if address.family == .v6 { setsockopt(socket, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &one, 4) }
    try check(place.withPointer { bind(socket, $0, $1) }, "bind \(place)")
    return socket
}

/// Of the other side, of either family.
private struct PeerName {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    mutating func fill(_ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt) -> CInt {
        withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
        }
    }

    var address: IPAddress {
        withUnsafeBytes(of: storage) { bytes in
            if CInt(storage.ss_family) == AF_INET { return IPAddress(bytes.load(as: sockaddr_in.self)) }
            let octets = withUnsafeBytes(of: bytes.load(as: sockaddr_in6.self).sin6_addr) { Array($0) }
            return IPAddress(octets: octets) ?? .unspecified(.v6)
        }
    }
}

/// One caller in a namespace, with an open connection or socket.
final class Caller: Sendable {
    private let socket: CInt

    /// Opens a connection, or a socket that is connected for sending.
    static func open(
        _ type: Kind, to address: IPAddress, _ port: UInt16, from namespace: NetworkNamespace,
        source: IPAddress = IPAddress(0, 0, 0, 0), sourcePort: UInt16 = 0, milliseconds: Int = 5000
    )
        async throws -> Caller
    {
        try await namespace.run { try Caller(type, address, port, source, sourcePort, milliseconds) }
    }

    enum Kind { case tcp, udp }

    private init(
        _ kind: Kind, _ address: IPAddress, _ port: UInt16, _ source: IPAddress, _ sourcePort: UInt16,
        _ milliseconds: Int
    ) throws {
        let socket = try bound(
            kind == .tcp ? SOCK_STREAM : SOCK_DGRAM,
            source.family == address.family ? source : .unspecified(address.family),
            sourcePort)
        self.socket = socket
        var limit = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let place = InternetSocketAddress(address, port: port)
        try check(place.withPointer { connect(socket, $0, $1) }, "connect to \(place)")
    }

    deinit { close(socket) }

    /// Sends one byte and waits for the answer.
    func ask() async throws -> String {
        let socket = socket
        return try await onThread {
            try check(send(socket, "x", 1, CInt(MSG_NOSIGNAL)), "send")
            return try Self.read(socket)
        }
    }

    /// What the other side says on its own.
    func listen() async throws -> String {
        let socket = socket
        return try await onThread { try Self.read(socket) }
    }

    private static func read(_ socket: CInt) throws -> String {
        var buffer = [UInt8](repeating: 0, count: 2048)
        let count = try check(recv(socket, &buffer, buffer.count, 0), "receive")
        if count == 0 { throw SystemError(errno: ECONNRESET, attempting: "receive") }
        return String(decoding: buffer[..<count].split(separator: 10)[0], as: UTF8.self)
    }
}

/// One question over TCP: who answers, and whom it sees. Errors in words. Where no answer is expected it need not be
/// waited for that long.
func tcp(
    _ address: IPAddress, _ port: UInt16, from namespace: NetworkNamespace, source: IPAddress = IPAddress(0, 0, 0, 0),
    milliseconds: Int = 10_000
) async -> String {
    do {
        return try await Caller.open(
            .tcp, to: address, port, from: namespace, source: source, milliseconds: milliseconds
        ).listen()
    } catch let error as SystemError {
        return String(cString: strerror(error.errno))
    } catch {
        return "\(error)"
    }
}

/// The same over UDP.
func udp(
    _ address: IPAddress, _ port: UInt16, from namespace: NetworkNamespace, milliseconds: Int = 10_000
) async -> String {
    do {
        return try await Caller.open(.udp, to: address, port, from: namespace, milliseconds: milliseconds).ask()
    } catch let error as SystemError {
        return String(cString: strerror(error.errno))
    } catch {
        return "\(error)"
    }
}

extension sockaddr_in {
    init(_ address: IPAddress, _ port: UInt16) {
        self.init()
        sin_family = sa_family_t(AF_INET)
        sin_port = port.bigEndian
        sin_addr.s_addr = address.v4?.inMemory ?? 0
    }
}

extension IPAddress {
    init(_ name: sockaddr_in) { self = .v4(IPv4Address(number: UInt32(bigEndian: name.sin_addr.s_addr))) }
}
