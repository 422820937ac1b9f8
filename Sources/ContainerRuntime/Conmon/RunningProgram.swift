import Glibc
import LinuxSystem

/// What a process runs, to see whether it has become another program. Blocks for a moment.
struct RunningProgram: Equatable {
    private let path: String
    private let commandLine: String

    /// `nil` for a process that has ended.
    init?(of pid: pid_t) {
        // The path first: execve(2) sets it before the command line, so that the two of a program that begins are never the old line
        // with the new path. What cannot be read has gone.
        guard let path = try? Files.link("/proc/\(pid)/exe"), let commandLine = try? Files.text("/proc/\(pid)/cmdline")
        else { return nil }
        self.path = path
        self.commandLine = commandLine
    }

    /// The kernel has taken the old program away and is still loading the new one: no program is without a word of its own (since
    /// Linux 5.18 an empty argument list is given an empty word).
    var isBeingLoaded: Bool { commandLine.isEmpty }
}
