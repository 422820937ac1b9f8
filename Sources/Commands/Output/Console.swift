import Glibc
import LinuxSystem

/// Standard output and standard error.
enum Console {
    static func text(_ text: String) { write(1, Array(text.utf8)) }
    static func line(_ text: String = "") { write(1, Array((text + "\n").utf8)) }
    static func error(_ text: String) { write(2, Array((text + "\n").utf8)) }

    /// Waits for the reader, as every program does that prints; streams that may be long use `pass`.
    static func write(_ descriptor: CInt, _ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                let number = errno
                if number == EINTR { continue }
                if number == EAGAIN {
                    var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&wanted, 1, -1)
                    continue
                }
                // Nobody reads any more: the program ends as one does that SIGPIPE has killed.
                exit(number == EPIPE ? 141 : 1)
            }
            start += count
        }
    }

    /// The same for streams: on a thread of its own, so that a slow reader holds nobody up but the stream.
    static func pass(_ bytes: [UInt8], to descriptor: CInt) async throws {
        guard !bytes.isEmpty else { return }
        try await onThread { write(descriptor, bytes) }
    }

    static func isTerminal(_ descriptor: CInt) -> Bool { isatty(descriptor) == 1 }

    /// Standard input, piece by piece, until it ends.
    static func readInput(_ descriptor: CInt = 0, atMost count: Int = 64 << 10) async throws -> [UInt8]? {
        try await onThread {
            var buffer = [UInt8](repeating: 0, count: count)
            while true {
                let got = read(descriptor, &buffer, count)
                if got > 0 { return Array(buffer[..<got]) }
                if got == 0 { return nil }
                let number = errno
                if number == EAGAIN {
                    var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                    poll(&wanted, 1, -1)
                } else if number != EINTR {
                    // EIO is what a terminal gives whose other side is gone.
                    if number == EIO { return nil }
                    throw SystemError(errno: number, attempting: "read standard input")
                }
            }
        }
    }

    /// A question that only `y` answers with yes.
    static func confirms(_ question: String) async throws -> Bool {
        text(question + " [y/N] ")
        var answer: [UInt8] = []
        while let bytes = try await readInput(atMost: 1), bytes != [0x0a] { answer += bytes }
        let word = String(decoding: answer, as: UTF8.self)
        return word.lowercased().filter { !$0.isWhitespace } == "y"
    }
}
