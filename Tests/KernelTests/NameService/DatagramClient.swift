import Addressing
import CLinux
import Glibc
import LinuxSystem
import NameService

/// Raises `lo` of the calling thread's namespace with one RTM_NEWLINK, rtnetlink(7): interface 1, IFF_UP set and changed.
func raiseLoopback() throws {
    let socket = Descriptor(owning: try check(clinux_netlink_socket(0), "open a netlink socket"))
    let words: [UInt32] = [32, 16 | 5 << 16, 1, 0, 0, 1, 1, 1]
    try check(words.withUnsafeBytes { clinux_netlink_send(socket.raw, $0.baseAddress, $0.count) }, "raise lo")
    let reply = try socket.readSome(4096)
    guard reply.count >= 20, reply[16..<20].allSatisfy({ $0 == 0 }) else {
        throw SystemError(errno: EIO, attempting: "raise lo")
    }
}

func boundDatagramSocket(_ address: IPAddress, _ port: UInt16) throws -> CInt {
    let place = InternetSocketAddress(address, port: port)
    let socket = Descriptor(owning: Glibc.socket(place.family, CInt(SOCK_DGRAM.rawValue), 0))
    try check(place.withPointer { bind(socket.raw, $0, $1) }, "bind")
    return socket.release()
}

/// Takes what has arrived at a socket and says how many datagrams it was.
func waitingDatagrams(_ socket: CInt) -> Int {
    var buffer = [UInt8](repeating: 0, count: 2048)
    var count = 0
    while recv(socket, &buffer, buffer.count, CInt(MSG_DONTWAIT)) >= 0 { count += 1 }
    return count
}

func sendDatagram(_ octets: [UInt8], _ address: IPAddress, _ port: UInt16) throws {
    let place = InternetSocketAddress(address, port: port)
    let socket = Descriptor(owning: Glibc.socket(place.family, CInt(SOCK_DGRAM.rawValue), 0))
    let sent = octets.withUnsafeBytes { octets in
        place.withPointer { name, length in
            CInt(clamping: sendto(socket.raw, octets.baseAddress, octets.count, 0, name, length))
        }
    }
    try check(sent, "send")
}

/// A blocking socket with so many seconds for each step.
func connectedSocket(
    _ address: IPAddress, _ port: UInt16, _ kind: __socket_type = SOCK_STREAM, seconds: Int = 5
) throws -> Descriptor {
    let place = InternetSocketAddress(address, port: port)
    let socket = Descriptor(owning: Glibc.socket(place.family, CInt(kind.rawValue), 0))
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
        try check(
            setsockopt(socket.raw, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size)), "set time limit")
    }
    try check(place.withPointer { connect(socket.raw, $0, $1) }, "connect")
    return socket
}

/// One query and its reply, as a blocking client does it.
func exchange(_ octets: [UInt8], _ address: IPAddress, _ port: UInt16, _ transport: Transport) throws -> [UInt8] {
    let socket = try connectedSocket(address, port, transport == .udp ? SOCK_DGRAM : SOCK_STREAM)
    let length = transport == .tcp ? [UInt8(octets.count >> 8), UInt8(octets.count & 0xff)] : []
    try socket.writeAll(length + octets)
    if transport == .udp { return try socket.readSome(65_535) }
    var read: [UInt8] = []
    while read.count < 2 || read.count < 2 + Int(read[0]) << 8 + Int(read[1]) {
        let more = try socket.readSome(65_535)
        guard !more.isEmpty else { throw SystemError(errno: ECONNRESET, attempting: "read a reply") }
        read += more
    }
    return Array(read[2...])
}

/// Sends the same octets again and again until the other side has taken none for half a second. Returns how often they went out whole.
func fill(_ socket: CInt, with octets: [UInt8], atMost most: Int) -> Int {
    let all = Array(repeatElement(octets, count: 256).joined())
    var sent = 0
    while sent < most * octets.count {
        var entry = pollfd(fd: socket, events: CShort(POLLOUT), revents: 0)
        guard poll(&entry, 1, 500) > 0 else { break }
        let begun = sent % octets.count
        let count = all.withUnsafeBytes {
            send(socket, $0.baseAddress?.advanced(by: begun), $0.count - begun, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
        if count > 0 { sent += count }
    }
    return sent / octets.count
}

extension Descriptor {
    /// Reads messages with two octets of length before each, until there were so many.
    func countFramed(until wanted: Int) throws -> Int {
        var count = 0
        var rest: [UInt8] = []
        while count < wanted {
            let more = try readSome(65_535)
            if more.isEmpty { break }
            rest += more
            var start = 0
            while rest.count - start >= 2 {
                let end = start + 2 + Int(rest[start]) << 8 + Int(rest[start + 1])
                if end > rest.count { break }
                start = end
                count += 1
            }
            rest.removeFirst(start)
        }
        return count
    }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
