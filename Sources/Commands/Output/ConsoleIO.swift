import Glibc
import LinuxSystem

/// What commands have of the process they run in: its standard streams, whether they are a terminal, and its signals.
///
/// A task that runs a command for somebody else than this process's user gives it streams of its own by ``current``.
package struct ConsoleIO: Sendable {
    /// Writes all of the bytes to 1 or 2; blocks until they are written.
    package var write: @Sendable (CInt, [UInt8]) -> Void
    /// Some bytes of a descriptor, at most so many; `nil` at its end. Blocks until there are some.
    package var read: @Sendable (CInt, Int) throws -> [UInt8]?
    package var isTerminal: @Sendable (CInt) -> Bool
    /// The signals that come from now on, instead of what they would do.
    package var signals: @Sendable ([CInt]) throws -> AsyncStream<CInt>

    package init(
        write: @escaping @Sendable (CInt, [UInt8]) -> Void,
        read: @escaping @Sendable (CInt, Int) throws -> [UInt8]?,
        isTerminal: @escaping @Sendable (CInt) -> Bool,
        signals: @escaping @Sendable ([CInt]) throws -> AsyncStream<CInt>
    ) {
        self.write = write
        self.read = read
        self.isTerminal = isTerminal
        self.signals = signals
    }

    @TaskLocal package static var current = ConsoleIO.process

    /// This process's own.
    package static let process = ConsoleIO(
        write: { write(to: $0, $1) }, read: { try read(from: $0, atMost: $1) }, isTerminal: { isatty($0) == 1 },
        signals: { try Signals.stream(of: $0) })

    private static func write(to descriptor: CInt, _ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                let number = errno
                if number == EINTR { continue }
                if number == EAGAIN {
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&ready, 1, -1)
                    continue
                }
                // Nobody reads any more: the program ends as one does that SIGPIPE has killed.
                exit(number == EPIPE ? 141 : 1)
            }
            start += count
        }
    }

    private static func read(from descriptor: CInt, atMost count: Int) throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        while true {
            let got = Glibc.read(descriptor, &buffer, count)
            if got > 0 { return Array(buffer[..<got]) }
            if got == 0 { return nil }
            let number = errno
            if number == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                poll(&ready, 1, -1)
            } else if number != EINTR {
                // EIO is what a terminal gives whose other side is gone.
                if number == EIO { return nil }
                throw SystemError(errno: number, attempting: "read standard input")
            }
        }
    }
}
