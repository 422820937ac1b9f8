package import Glibc

/// Where a stream socket of somebody else listens.
package enum StreamPlace: Sendable, Equatable, CustomStringConvertible {
    /// A path in the file system (unix(7)).
    case unix(String)
    case internet(InternetSocketAddress)

    /// For socket(2).
    package var family: CInt {
        switch self {
        case .unix: AF_UNIX
        case .internet(let address): address.family
        }
    }

    package var description: String {
        switch self {
        case .unix(let path): path
        case .internet(let address): address.description
        }
    }

    /// Hands a `sockaddr` and its length to a system call; returns what the call returns, with `errno` as the call left it.
    /// - Throws: `ENAMETOOLONG` for a path that no socket can have.
    package func withPointer(_ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt) throws(SystemError) -> CInt {
        switch self {
        case .internet(let address): return address.withPointer(call)
        case .unix(let path): return try UnixSocketAddress(path).withPointer(call)
        }
    }
}

/// One request and its answer over a connection of their own, which the answer ends with: HTTP/1.0, or HTTP/1.1 with `Connection: close`.
package enum StreamExchange {
    private static let calls = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)

    /// Blocking.
    /// - Parameters:
    ///   - limit: For all of it, however often a little of the answer comes.
    ///   - most: Bytes of an answer.
    /// - Throws: `ETIMEDOUT` when the time is up, `EFBIG` for a longer answer; or what a call of the kernel has said.
    package static func run(
        _ request: [UInt8], at place: StreamPlace, within limit: Duration, most: Int
    ) throws(SystemError) -> [UInt8] {
        let end = ContinuousClock.now + limit
        let socket = try connect(to: place, until: end)
        try send(request, over: socket, to: place, until: end)
        return try receive(most, over: socket, from: place, until: end)
    }

    private static func connect(to place: StreamPlace, until end: ContinuousClock.Instant) throws(SystemError)
        -> Descriptor
    {
        let attempting = "connect to \(place)"
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try check(Glibc.socket(place.family, type, 0), "open a socket"))
        while true {
            // One that does not block would have nothing to wait for where a Unix socket's queue is full.
            let left = try remaining(until: end, attempting).components
            var time = timeval(
                tv_sec: Int(clamping: left.seconds),
                tv_usec: Int(clamping: max(1, left.attoseconds / 1_000_000_000_000)))
            try check(
                setsockopt(socket.raw, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size)),
                "set a time limit")
            let raw = socket.raw
            let result = try place.withPointer { Glibc.connect(raw, $0, $1) }
            let number = errno
            if result == 0 || number == EISCONN { return socket }
            switch number {
            // Called again, it goes on waiting.
            case EINTR: continue
            case EAGAIN, EINPROGRESS, EALREADY: throw SystemError(errno: ETIMEDOUT, attempting: attempting)
            default: throw SystemError(errno: number, attempting: attempting)
            }
        }
    }

    private static func send(
        _ request: [UInt8], over socket: borrowing Descriptor, to place: StreamPlace, until end: ContinuousClock.Instant
    ) throws(SystemError) {
        let raw = socket.raw
        var rest = request[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(raw, $0.baseAddress, $0.count, calls) }
            let number = errno
            if count < 0 {
                try waitUnlessFailed(number, raw, Int16(POLLOUT), until: end, "send to \(place)")
            } else {
                rest = rest.dropFirst(count)
            }
        }
    }

    private static func receive(
        _ most: Int, over socket: borrowing Descriptor, from place: StreamPlace, until end: ContinuousClock.Instant
    ) throws(SystemError) -> [UInt8] {
        let raw = socket.raw
        let attempting = "receive from \(place)"
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // Also where there is always something to read.
            _ = try remaining(until: end, attempting)
            let count = chunk.withUnsafeMutableBytes { recv(raw, $0.baseAddress, $0.count, calls) }
            let number = errno
            if count < 0 {
                try waitUnlessFailed(number, raw, Int16(POLLIN), until: end, attempting)
                continue
            }
            if count == 0 { return answer }
            answer += chunk.prefix(count)
            if answer.count > most { throw SystemError(errno: EFBIG, attempting: attempting) }
        }
    }

    /// After a call that has failed with an `errno`: waits until it may be made again.
    private static func waitUnlessFailed(
        _ number: CInt, _ socket: CInt, _ events: Int16, until end: ContinuousClock.Instant, _ attempting: String
    ) throws(SystemError) {
        if number == EINTR { return }
        guard number == EAGAIN else { throw SystemError(errno: number, attempting: attempting) }
        while true {
            let left = try remaining(until: end, attempting)
            let milliseconds = CInt(exactly: (left / .milliseconds(1)).rounded(.up)) ?? .max
            var entry = pollfd(fd: socket, events: events, revents: 0)
            let count = poll(&entry, 1, milliseconds)
            let number = errno
            if count > 0 { return }
            if count < 0, number != EINTR { throw SystemError(errno: number, attempting: attempting) }
        }
    }

    private static func remaining(until end: ContinuousClock.Instant, _ attempting: String) throws(SystemError)
        -> Duration
    {
        let left = end - ContinuousClock.now
        guard left > .zero else { throw SystemError(errno: ETIMEDOUT, attempting: attempting) }
        return left
    }
}
