import Glibc
import LinuxSystem
import TestKit

/// Answers each connection's first request, whatever it is, and keeps what was asked. Ends with the process.
final class RecordingServer: Sendable {
    /// How a client begins that speaks TLS: there is none to be had here.
    private static let handshake: UInt8 = 0x16

    let port: UInt16
    private let kept = Kept<[String]>([])

    /// What has been asked so far: heads of requests, with what of their bodies came along.
    var heads: [String] { kept.withLock { $0 } }

    init(address: String, answer: @escaping @Sendable (String) -> String) throws {
        let listener = try check(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), "make a socket")
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = inet_addr(address)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = try withUnsafeMutablePointer(to: &place) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                try check(bind(listener, generic, length), "bind")
                try check(getsockname(listener, generic, &length), "getsockname")
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        try check(listen(listener, 16), "listen")
        let kept = kept
        let thread = try startThread {
            while case let raw = accept(listener, nil, nil), raw >= 0 {
                let connection = Descriptor(owning: raw)
                var head = ""
                // One that breaks off has asked what came.
                while !head.contains("\r\n\r\n"), let piece = try? connection.readSome(4096), !piece.isEmpty,
                    piece[0] != Self.handshake
                {
                    head += String(decoding: piece, as: UTF8.self)
                }
                if head.isEmpty { continue }
                kept.withLock { $0.append(head) }
                // The client may have gone.
                try? connection.writeAll(Array(answer(head).utf8))
            }
        }
        pthread_detach(thread)
    }
}
