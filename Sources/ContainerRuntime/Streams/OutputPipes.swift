import CLinux
import Glibc
import LinuxSystem

/// The pipes that a container writes its output into, which conmon has made.
///
/// A container waits once its pipe is full, and conmon empties it as fast as it gets a processor. 64 KB, what the kernel gives, are a millisecond of
/// 50 MB/s; a megabyte is twenty.
enum OutputPipes {
    static let bytes: CInt = 1 << 20
    /// Of so many containers at a time. The kernel counts a user's pipes together, and once they have 64 MB gives root's processes in containers
    /// smaller ones (pipe(7), pipe-user-pages-soft).
    static let mostContainers = 16
    /// F_SETPIPE_SZ of <linux/fcntl.h>.
    private static let setSize: CInt = 1031
    private static let getSize: CInt = 1032

    /// Makes those of a container's first process larger, as far as they are pipes. Blocks for a moment.
    static func enlarge(of pid: pid_t) {
        for number in 1...2 {
            do {
                // It may be anything by now: it is looked at before it is opened.
                let named = try Descriptor.naming("/proc/\(pid)/fd/\(number)")
                var status = stat()
                guard fstat(named.raw, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { continue }
                let pipe = try Descriptor.open("/proc/self/fd/\(named.raw)", O_WRONLY | O_NONBLOCK)
                if fcntl(pipe.raw, getSize) < bytes { _ = fcntl(pipe.raw, setSize, bytes) }
            } catch { continue }  // It has ended, or has closed it.
        }
    }
}
