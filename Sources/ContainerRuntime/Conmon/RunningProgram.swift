import Glibc
import LinuxSystem

/// What a process runs, to see whether it has become another program. Blocks for a moment.
struct RunningProgram: Equatable {
    private let path: String
    private let commandLine: String

    /// `nil` for a process that has ended.
    init?(of pid: pid_t) {
        // What cannot be read has gone.
        guard let commandLine = try? Files.text("/proc/\(pid)/cmdline"), !commandLine.isEmpty,
            let path = try? Files.link("/proc/\(pid)/exe")
        else { return nil }
        self.path = path
        self.commandLine = commandLine
    }
}
