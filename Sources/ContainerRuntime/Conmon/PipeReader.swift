import CLinux
import Glibc
import LinuxSystem

/// Reads lines from a pipe without blocking a thread. One reader at a time.
actor PipeReader {
    /// A longer line is not conmon's.
    private static let maximumLine = 1 << 20

    private let descriptor: Descriptor
    private var bytes: [UInt8] = []

    /// Takes over the reading end of a pipe, which must not block.
    private init(taking raw: CInt) { descriptor = Descriptor(owning: raw) }

    /// A pipe whose other end is for a child; the caller closes it when the child has it.
    static func pipe() throws -> (reader: PipeReader, writing: CInt) {
        let (reading, writing) = try pipeEnds()
        let reader = PipeReader(taking: reading)
        // Only our end: conmon and runc expect theirs to block.
        guard fcntl(reading, F_SETFL, O_NONBLOCK) == 0 else {
            let number = errno
            close(writing)
            throw SystemError(errno: number, attempting: "set up a pipe")
        }
        return (reader, writing)
    }

    /// The next line without its end; `nil` when the pipe is closed and nothing is left.
    func line() async throws -> [UInt8]? {
        while true {
            if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                defer { bytes = Array(bytes.dropFirst(end + 1)) }
                return Array(bytes.prefix(upTo: end))
            }
            guard try await fill() else {
                defer { bytes = [] }
                return bytes.isEmpty ? nil : bytes
            }
        }
    }

    /// Everything up to the end.
    func rest() async throws -> [UInt8] {
        while try await fill() {}
        return bytes
    }

    /// False at the end.
    private func fill() async throws -> Bool {
        guard bytes.count < Self.maximumLine else {
            throw RuntimeError(.runtimeFailed, "a line of conmon's is too long")
        }
        while true {
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = read(descriptor.raw, &chunk, chunk.count)
            if count > 0 {
                bytes += chunk.prefix(count)
                return true
            }
            if count == 0 { return false }
            let number = errno
            if number == EINTR { continue }
            guard number == EAGAIN else { throw SystemError(errno: number, attempting: "read a pipe") }
            try await Poller.shared.waitUntilReadable(descriptor.raw)
        }
    }
}

/// pipe2(2), both ends close-on-exec and the caller's to close.
func pipeEnds() throws -> (reading: CInt, writing: CInt) {
    var ends: [CInt] = [-1, -1]
    try check(clinux_pipe2(&ends, O_CLOEXEC), "make a pipe")
    return (ends[0], ends[1])
}
