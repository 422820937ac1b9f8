import Glibc
import LinuxSystem
package import Model

/// What this module must know of a container to take it over after a restart; beside it in its bundle.
struct RuntimeRecord: VersionedRecord, Equatable {
    static let recordKind = "runtime-process"
    static let recordVersion = 1

    var id: String
    var pid: Int32
    /// Field 22 of /proc/PID/stat: pids are reused.
    var startTime: UInt64
    var conmon: Int32
    var conmonStartTime: UInt64
    var terminal: Bool
    /// Who made it, and whose it stays; what was made before there was a choice is runc's.
    var runtime: RuntimeName?

    var maker: RuntimeName { runtime ?? .runc }
    var isRunning: Bool { Processes.isRunning(pid, startTime: startTime) }
    var isMonitored: Bool { Processes.isRunning(conmon, startTime: conmonStartTime) }
}

/// How a container ended.
package struct ContainerExit: Sendable, Equatable {
    /// The process' exit code, or 128 + the signal that killed it; 255 when nobody knows.
    package var code: Int
    package var finishedAt: Timestamp
    /// The kernel has killed a process of the container's for lack of memory, not necessarily the first.
    package var outOfMemory: Bool
    /// How many, by its group's count; `nil` where that is not known, and where it has ended with code 0.
    package var outOfMemoryKills: Int64?
    /// conmon was gone, so the container was stopped: it has lost its output and its log.
    package var monitorWasLost: Bool

    package init(code: Int, finishedAt: Timestamp, outOfMemory: Bool = false, monitorWasLost: Bool = false) {
        self.code = code
        self.finishedAt = finishedAt
        self.monitorWasLost = monitorWasLost
        self.outOfMemory = outOfMemory
    }
}

/// The files with which conmon, or in its stead this program, says how a process ended. Blocks.
enum ExitFile {
    private static let lostMark = "lost"

    /// `nil` while there is none.
    static func read(in directory: String) throws -> ContainerExit? {
        let path = directory + "/exit"
        guard let text = try Files.text(path, limit: 4096), let code = Int(text.trimmed) else { return nil }
        let status = try Files.status(path)
        let time = status.map {
            Timestamp(seconds: Int64(clamping: $0.st_mtim.tv_sec), nanoseconds: Int64(clamping: $0.st_mtim.tv_nsec))
        }
        return ContainerExit(
            code: code, finishedAt: time ?? .now, outOfMemory: Files.exists(directory + "/oom"),
            monitorWasLost: Files.exists("\(directory)/\(lostMark)"))
    }

    /// The same for a container. With version 1 of cgroups some kernels do not tell conmon that a process was killed for lack of memory: the group,
    /// which is there until the container is deleted, has counted it. What it says is written down for later readers.
    static func read(in directory: String, of container: String, _ layout: CgroupLayout) throws -> ContainerExit? {
        guard var exit = try read(in: directory) else { return nil }
        guard exit.code != 0 || exit.outOfMemory else { return exit }
        let group = ContainerSpecification.cgroup(of: container)
        do {
            guard let kills = try Cgroups.statistics(of: group, in: layout).outOfMemoryKills, kills > 0 else {
                return exit
            }
            exit.outOfMemoryKills = Int64(clamping: kills)
            guard !exit.outOfMemory else { return exit }
            exit.outOfMemory = true
            try PlainFile.write([], to: directory + "/oom")
        } catch {
            // That it has ended is told all the same.
            return exit
        }
        return exit
    }

    /// Writes what conmon cannot write any more; the first one wins, everybody reads the same.
    static func writeInstead(_ code: Int, in directory: String) throws {
        let temporary = "\(directory)/exit.\(RandomID.hex(bytes: 6))"
        try PlainFile.write(Array("\(code)".utf8), to: temporary)
        defer { unlink(temporary) }
        try PlainFile.write([], to: "\(directory)/\(lostMark)")
        if link(temporary, directory + "/exit") != 0, errno != EEXIST {
            throw SystemError(errno: errno, attempting: "write \(directory)/exit")
        }
    }
}

/// Files that need not survive a crash of the machine.
enum PlainFile {
    static func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
        try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC).writeAll(bytes)
    }

    /// The same, but a reader sees all or nothing.
    static func replace(_ bytes: [UInt8], at path: String) throws(SystemError) {
        try write(bytes, to: path + ".new")
        try Files.rename(path + ".new", to: path)
    }
}
