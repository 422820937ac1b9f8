import CLinux
package import Glibc

/// An open file descriptor with one owner, who closes it by letting go of it. Close-on-exec is the maker's duty.
package struct Descriptor: ~Copyable, Sendable {
    /// The number, good as long as this value is.
    package let raw: CInt

    package init(owning raw: CInt) { self.raw = raw }

    /// Gives the descriptor away; the taker closes it.
    package consuming func release() -> CInt {
        let raw = raw
        discard self
        return raw
    }

    deinit { close(raw) }
}

extension Descriptor {
    /// open(2) with O_CLOEXEC added.
    package static func open(_ path: String, _ flags: CInt, mode: mode_t = 0o600) throws(SystemError) -> Descriptor {
        KernelCounters.note(.file)
        return Descriptor(owning: try retrying("open \(path)") { Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// The same; `nil` when there is no such file.
    package static func openIfThere(_ path: String, _ flags: CInt) throws(SystemError) -> Descriptor? {
        KernelCounters.note(.file)
        while true {
            let raw = Glibc.open(path, flags | O_CLOEXEC, 0)
            if raw >= 0 { return Descriptor(owning: raw) }
            let number = errno
            if number == ENOENT { return nil }
            if number != EINTR { throw SystemError(errno: number, attempting: "open \(path)") }
        }
    }

    /// A descriptor that only names the file or directory (O_PATH); `followingLinks: false` names a symbolic link.
    package static func naming(_ path: String, followingLinks: Bool = true) throws(SystemError) -> Descriptor {
        try open(path, clinux_o_path | (followingLinks ? 0 : O_NOFOLLOW))
    }

    /// pipe2(2), both ends close-on-exec.
    package static func pipe(nonBlocking: Bool = false) throws(SystemError) -> Pipe {
        var ends: [CInt] = [-1, -1]
        try check(clinux_pipe2(&ends, O_CLOEXEC | (nonBlocking ? O_NONBLOCK : 0)), "pipe2")
        return Pipe(reading: Descriptor(owning: ends[0]), writing: Descriptor(owning: ends[1]))
    }

    /// A second descriptor of the same open file.
    package func duplicate() throws(SystemError) -> Descriptor {
        Descriptor(owning: try check(fcntl(raw, F_DUPFD_CLOEXEC, 3), "duplicate descriptor"))
    }

    /// O_NONBLOCK, which holds for every descriptor of the same open file.
    package func setNonBlocking() throws(SystemError) {
        let flags = try check(fcntl(raw, F_GETFL), "fcntl")
        try check(fcntl(raw, F_SETFL, flags | O_NONBLOCK), "fcntl")
    }

    /// Everything from the present position to the end, at most `limit` bytes; EFBIG beyond it.
    package func readToEnd(limit: Int = 64 << 20) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try retrying("read") { read(raw, &chunk, chunk.count) }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
            if bytes.count > limit { throw SystemError(errno: EFBIG, attempting: "read") }
        }
    }

    /// One read(2) of at most `count` bytes; empty at the end.
    package func readSome(_ count: Int) throws(SystemError) -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: count)
        let length = try retrying("read") { read(raw, &chunk, count) }
        return Array(chunk.prefix(length))
    }

    /// Writes everything, waiting while there is no room. On a non-blocking descriptor it fails with EAGAIN.
    package func writeAll(_ bytes: some Collection<UInt8>) throws(SystemError) {
        let bytes = Array(bytes)
        var written = 0
        while written < bytes.count {
            written += try retrying("write") {
                bytes.withUnsafeBytes { whole in
                    let rest = UnsafeRawBufferPointer(rebasing: whole.dropFirst(written))
                    return write(raw, rest.baseAddress, rest.count)
                }
            }
        }
    }
}

/// Both ends of a pipe.
package struct Pipe: ~Copyable, Sendable {
    package let reading: Descriptor
    package let writing: Descriptor

    package init(reading: consuming Descriptor, writing: consuming Descriptor) {
        self.reading = reading
        self.writing = writing
    }

    /// Takes the pipe apart.
    package consuming func split<Result: ~Copyable>(
        _ body: (consuming Descriptor, consuming Descriptor) throws -> Result
    ) rethrows -> Result {
        try body(reading, writing)
    }
}
