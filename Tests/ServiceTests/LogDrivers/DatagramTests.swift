import Glibc
import LinuxSystem
import Synchronization
import TestKit
import Testing

@testable import LogDrivers

/// Receivers that datagrams go to.
@Suite(.timeLimit(.minutes(2)), .serialized) struct DatagramTests {
    @Test func `datagrams that come back are sent again`() async throws {
        // A port that nobody has: the kernel says so with the next datagram.
        let receiver = DatagramReceiver()
        let port = try receiver.listen(port: 0)
        receiver.stop()
        try await withShipper { bench in
            let log = try bench.container("a", "syslog", ["syslog-address": "udp://127.0.0.1:\(port)"])
            try bench.write(log, 0..<20)
            bench.shipper.begin(log, isRunning: true)
            try await eventually(within: .seconds(30), "the kernel's refusal is noticed") {
                bench.news.contains { if case .down = $0 { true } else { false } }
            }
            _ = try receiver.listen(port: port)
            try await eventually(within: .seconds(60), "every line arrives") {
                receiver.receive()
                return Set(receiver.numbers) == Set(0..<20)
            }
        }
        receiver.stop()
    }
}

/// A socket of the test that datagrams come to.
final class DatagramReceiver: Sendable {
    private let state = Mutex<(socket: CInt, lines: [String])>((-1, []))

    func listen(port: Int) throws -> Int {
        let socket = try check(socket(AF_INET, CInt(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0), "socket")
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                try check(bind(socket, pointer, size), "bind")
                try check(getsockname(socket, pointer, &size), "getsockname")
            }
        }
        state.withLock { $0.socket = socket }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    func stop() {
        let socket = state.withLock { $0.socket }
        close(socket)
    }

    func receive() {
        state.withLock { state in
            var buffer = [UInt8](repeating: 0, count: 70_000)
            while true {
                let count = recv(state.socket, &buffer, buffer.count, 0)
                guard count > 0 else { return }
                state.lines.append(String(decoding: buffer.prefix(count), as: UTF8.self))
            }
        }
    }

    var numbers: [Int] {
        state.withLock { $0.lines.compactMap { $0.split(separator: "#").last.flatMap { Int($0.dropLast()) } } }
    }
}
