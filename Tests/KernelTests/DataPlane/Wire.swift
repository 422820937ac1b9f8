import Addressing
import CLinux
import Glibc
import LinuxSystem

/// A link's raw side (packet(7)).
final class Wire: Sendable {
    private static let family: CInt = 17  // AF_PACKET
    private static let everything: UInt16 = 0x0003
    static let ip: UInt16 = 0x0800
    /// What this side sends is heard as well, marked so.
    private static let outgoing: UInt8 = 4
    private static let quiet = 250

    private let descriptor: Descriptor

    /// - Parameter type: `Wire.ip`: only IPv4 that the stack itself gets from the link, after a bridge had its turn.
    static func open(_ link: String, in namespace: NetworkNamespace, type: UInt16? = nil) async throws -> Wire {
        try await namespace.run { try Wire(link, type ?? everything) }
    }

    private init(_ link: String, _ type: UInt16) throws {
        let number = if_nametoindex(link)
        if number == 0 { throw SystemError(errno: errno, attempting: "find \(link)") }
        descriptor = Descriptor(
            owning: try check(
                socket(Self.family, CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue), CInt(type.bigEndian)),
                "open \(link)"))
        // struct sockaddr_ll.
        var name = [UInt8](repeating: 0, count: 20)
        withUnsafeBytes(of: UInt16(Self.family)) { name.replaceSubrange(0..<2, with: $0) }
        name.replaceSubrange(2..<4, with: type.bytes)
        withUnsafeBytes(of: number) { name.replaceSubrange(4..<8, with: $0) }
        let raw = descriptor.raw
        let result = name.withUnsafeBytes { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return CInt(-1) }
            return bind(raw, address, socklen_t(bytes.count))
        }
        try check(result, "bind to \(link)")
        var limit = timeval(tv_sec: 0, tv_usec: Self.quiet * 1000)
        setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    func send(_ frame: [UInt8]) throws { try check(Glibc.send(descriptor.raw, frame, frame.count, 0), "send a frame") }

    /// The names in brackets in what has come, until nothing comes for a quarter of a second. Blocking.
    func names() -> Set<String> {
        var found: Set<String> = []
        var buffer = [UInt8](repeating: 0, count: 2048)
        // Something always comes somewhere; a second is enough for what was sent.
        let end = ContinuousClock.now + .seconds(2)
        while ContinuousClock.now < end {
            var name = [UInt8](repeating: 0, count: 20)
            var length = socklen_t(name.count)
            let count = name.withUnsafeMutableBytes { bytes -> Int in
                guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
                return recvfrom(descriptor.raw, &buffer, buffer.count, 0, address, &length)
            }
            if count <= 0 { break }
            if name[10] == Self.outgoing { continue }
            found.formUnion(Self.names(in: buffer[..<count]))
        }
        return found
    }

    private static func names(in bytes: ArraySlice<UInt8>) -> [String] {
        var found: [String] = []
        var start: Int?
        for (index, byte) in zip(bytes.indices, bytes) {
            switch byte {
            case UInt8(ascii: "["): start = index + 1
            case UInt8(ascii: "]"):
                if let first = start { found.append(String(decoding: bytes[first..<index], as: UTF8.self)) }
                start = nil
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
            default: start = nil
            }
        }
        return found.filter { !$0.isEmpty }
    }
}

/// Somewhere to listen at.
struct Ear: Sendable {
    let link: String
    let namespace: NetworkNamespace
    var type: UInt16?
}

/// Sends frames by a link while others listen, and says which were sent and which of them were heard by any.
func exchange(
    _ frames: [(name: String, frame: [UInt8])], by link: String, of namespace: NetworkNamespace, to ears: [Ear]
) async throws -> (sent: Set<String>, heard: Set<String>) {
    var open: [Wire] = []
    for ear in ears { open.append(try await Wire.open(ear.link, in: ear.namespace, type: ear.type)) }
    let wire = try await Wire.open(link, in: namespace)
    for frame in frames { try wire.send(frame.frame) }
    let sent = Set(frames.map(\.name))
    let heard = try await withThrowingTaskGroup(of: Set<String>.self) { group in
        for ear in open { group.addTask { try await onThread { ear.names() } } }
        return try await group.reduce(into: Set<String>()) { $0.formUnion($1) }
    }
    return (sent, heard.intersection(sent))
}
