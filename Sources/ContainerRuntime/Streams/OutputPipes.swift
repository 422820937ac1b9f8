import CLinux
import Glibc
import LinuxSystem

/// The pipes that a container writes its output into, which conmon has made.
///
/// A container waits once its pipe is full, and conmon empties it as fast as it gets a processor and the disk takes what it writes. 64 KB, what the
/// kernel gives, are a millisecond of 50 MB/s; a megabyte is twenty, and what a file system may let conmon wait for is more than a hundred.
enum OutputPipes {
    static let largest: CInt = 8 << 20
    static let large: CInt = 1 << 20
    /// The kernel's.
    private static let usual: CInt = 64 << 10
    /// Of so many containers at a time (``PipePlaces``), and of so many of them the largest. The kernel counts a user's pipes together, and once they have 64 MB
    /// gives root's processes in containers smaller ones (pipe(7), pipe-user-pages-soft).
    static let mostContainers = 16
    static let mostLargest = 4
    /// What is in a pipe counts as the container's memory: no more of what it may have.
    private static let share: UInt64 = 64
    /// F_SETPIPE_SZ of <linux/fcntl.h>.
    private static let setSize: CInt = 1031
    private static let getSize: CInt = 1032

    /// How large a pipe may be; `nil` for one that stays as it is.
    /// - Parameters:
    ///   - place: Its container's, from 0 on.
    ///   - limit: Of the container's memory.
    static func bytes(at place: Int, limit: UInt64?) -> CInt? {
        guard place < mostContainers else { return nil }
        var bytes = place < mostLargest ? largest : large
        if let limit { while bytes > usual, UInt64(clamping: bytes) > limit / share { bytes /= 2 } }
        return bytes > usual ? bytes : nil
    }

    /// Makes the one of a container's first process larger, if it is a pipe. Blocks for a moment.
    static func enlarge(_ stream: OutputPiece.Stream, of pid: pid_t, to bytes: CInt) {
        guard let pipe = pipe(stream, of: pid) else { return }
        // More than the system's bound (pipe-max-size) takes CAP_SYS_RESOURCE.
        for bytes in [bytes, large] where bytes > fcntl(pipe.raw, getSize) {
            if fcntl(pipe.raw, setSize, bytes) >= 0 { return }
        }
    }

    /// Gives the one of a container's first process its usual size again. One that has more in it just now stays as it is. Blocks for a moment.
    static func narrow(_ stream: OutputPiece.Stream, of pid: pid_t) {
        guard let pipe = pipe(stream, of: pid), fcntl(pipe.raw, getSize) > usual else { return }
        _ = fcntl(pipe.raw, setSize, usual)
    }

    /// How large the one of a container's first process is; `nil` where it is no pipe.
    static func size(_ stream: OutputPiece.Stream, of pid: pid_t) -> CInt? {
        guard let pipe = pipe(stream, of: pid) else { return nil }
        return fcntl(pipe.raw, getSize)
    }

    /// `nil` for what is no pipe, or has ended, or has closed it.
    private static func pipe(_ stream: OutputPiece.Stream, of pid: pid_t) -> Descriptor? {
        do {
            // It may be anything by now: it is looked at before it is opened.
            let named = try Descriptor.naming("/proc/\(pid)/fd/\(stream.rawValue)")
            var status = stat()
            guard fstat(named.raw, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return nil }
            return try Descriptor.open("/proc/self/fd/\(named.raw)", O_WRONLY | O_NONBLOCK)
        } catch { return nil }  // It has ended, or has closed it.
    }
}
