import CLinux
import Glibc
package import LinuxSystem

/// One end of the control socket: a non-blocking Unix stream on which framed messages go both ways. For one thread.
package struct ControlStream: ~Copyable {
    /// What may wait to be sent, in bytes: another end that does not read is left.
    private static let mostWaiting = 2 * ControlFrame.longest
    private static let readBytes = 256 << 10

    private let descriptor: Descriptor
    private var input = ControlFrame()
    private var output: [UInt8] = []
    private var sent = 0

    /// Takes a connected socket, when root is at the other end.
    /// - Throws: `SystemError`: EPERM for anybody else.
    package init(_ descriptor: consuming Descriptor) throws(SystemError) {
        var (pid, uid, gid) = (CInt(0), UInt32.max, UInt32.max)
        try check(clinux_peer_credentials(descriptor.raw, &pid, &uid, &gid), "ask who is at the control socket")
        guard uid == 0 else { throw SystemError(errno: EPERM, attempting: "talk to user \(uid)") }
        try descriptor.setNonBlocking()
        self.descriptor = descriptor
    }

    /// Connects to the socket at a path.
    package init(connecting path: String) throws(SystemError) {
        let socket = Descriptor(
            owning: try check(
                Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0), "make a socket"))
        let raw = socket.raw
        try check(try UnixSocketAddress(path).withPointer { Glibc.connect(raw, $0, $1) }, "connect to \(path)")
        try self.init(socket)
    }

    /// A socket at a path that listens, for root alone (0600). Whatever was at the path is removed: who calls this holds the process's lock.
    package static func listening(at path: String) throws(SystemError) -> Descriptor {
        let socket = Descriptor(
            owning: try check(
                Glibc.socket(
                    AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0),
                "make a socket"))
        unlink(path)
        // The mode holds from the moment that the name is there.
        try check(fchmod(socket.raw, 0o600), "set the mode of \(path)")
        let raw = socket.raw
        try check(try UnixSocketAddress(path).withPointer { Glibc.bind(raw, $0, $1) }, "bind \(path)")
        try check(chmod(path, 0o600), "set the mode of \(path)")
        try check(listen(socket.raw, 8), "listen at \(path)")
        return socket
    }

    /// For poll(2).
    package var raw: CInt { descriptor.raw }
    /// Whether something waits to be sent: for POLLOUT.
    package var hasOutput: Bool { sent < output.count }

    /// Sends a message, or keeps of it what does not go at once: ``flush()``.
    package mutating func send(_ message: [UInt8]) throws(SystemError) {
        guard message.count <= ControlFrame.longest, output.count - sent <= Self.mostWaiting else {
            throw SystemError(errno: EMSGSIZE, attempting: "send over the control socket")
        }
        output += ControlFrame.around(message)
        try flush()
    }

    /// Sends what waits, as far as it goes without waiting.
    package mutating func flush() throws(SystemError) {
        while sent < output.count {
            let count = output.withUnsafeBytes { whole in
                let rest = UnsafeRawBufferPointer(rebasing: whole.dropFirst(sent))
                return Glibc.send(descriptor.raw, rest.baseAddress, rest.count, CInt(MSG_NOSIGNAL))
            }
            let number = errno
            if count < 0, number == EINTR { continue }
            if count < 0, number == EAGAIN { return }
            if count < 0 { throw SystemError(errno: number, attempting: "send over the control socket") }
            sent += count
        }
        // Keys may have been in it.
        _ = output.withUnsafeMutableBytes { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        output.removeAll()
        sent = 0
    }

    /// Reads what is there. False at the end of the stream.
    package mutating func receive() throws(SystemError) -> Bool {
        var chunk = [UInt8](repeating: 0, count: Self.readBytes)
        while true {
            let count = read(descriptor.raw, &chunk, chunk.count)
            let number = errno
            if count < 0, number == EINTR { continue }
            if count < 0, number == EAGAIN { return true }
            if count < 0 { throw SystemError(errno: number, attempting: "read from the control socket") }
            if count == 0 { return false }
            input.append(chunk.prefix(count))
            if count < chunk.count { return true }
        }
    }

    /// The next whole message of what was read.
    package mutating func next() throws(ControlError) -> ArraySlice<UInt8>? { try input.next() }
}
