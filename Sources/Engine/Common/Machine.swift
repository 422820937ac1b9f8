import CLinux
import Glibc
import LinuxSystem

/// The machine as its files and calls describe it.
struct Machine: Sendable {
    var hostname = ""
    var kernel = ""
    var architecture = ""
    var processors = 0
    var memory: Int64 = 0
    var distribution = "Linux"
    var distributionVersion = ""
    var fileSystem = "extfs"
    var openDescriptors = 0
    var hasSeccomp = false

    static func read() async throws -> Machine {
        try await onThread {
            var machine = Machine()
            var names = utsname()
            uname(&names)
            machine.kernel = text(names.release)
            machine.architecture = text(names.machine)
            machine.hostname = text(names.nodename)
            machine.processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
            for line in (try Files.text("/proc/meminfo") ?? "").split(separator: "\n") where line.hasPrefix("MemTotal:")
            {
                machine.memory = (line.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0) * 1024
            }
            for line in (try Files.text("/etc/os-release") ?? "").split(separator: "\n") {
                let pair = line.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != "\"" } }
                guard pair.count == 2 else { continue }
                if pair[0] == "PRETTY_NAME" { machine.distribution = pair[1] }
                if pair[0] == "VERSION_ID" { machine.distributionVersion = pair[1] }
            }
            machine.hasSeccomp = Files.exists("/proc/sys/kernel/seccomp")
            machine.openDescriptors = try Files.list("/proc/self/fd").count
            return machine
        }
    }

    /// Its name of this moment.
    static func nodeName() -> String {
        var names = utsname()
        uname(&names)
        return text(names.nodename)
    }

    /// A field of `utsname(2)`: bytes up to the first zero.
    private static func text<Field>(_ field: Field) -> String {
        withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
