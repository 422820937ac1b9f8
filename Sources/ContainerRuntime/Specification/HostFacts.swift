import Glibc
package import LinuxSystem

/// What this machine and this process can give to containers, read once.
package struct HostFacts: Sendable {
    /// The capability bounding set.
    package var capabilities: [String]
    /// Hard limits of this process by name, as in `nofile`; absent is unlimited.
    package var hardLimits: [String: UInt64]
    /// `oom_score_adj` of this process.
    package var outOfMemoryScore: Int
    /// What can be limited.
    package var limits: CgroupLimits
    /// As in `6.1.0-18-amd64`.
    package var kernelRelease: String
    /// What containers get unless they ask for another profile.
    package var seccomp: SeccompProfile

    package init(
        capabilities: [String], hardLimits: [String: UInt64] = [:], outOfMemoryScore: Int = 0,
        limits: CgroupLimits = CgroupLimits(), kernelRelease: String = "", seccomp: SeccompProfile
    ) {
        self.capabilities = capabilities
        self.hardLimits = hardLimits
        self.kernelRelease = kernelRelease
        self.limits = limits
        self.outOfMemoryScore = outOfMemoryScore
        self.seccomp = seccomp
    }

    /// Raising a hard limit or lowering the OOM score takes this.
    var hasSysResource: Bool { capabilities.contains("CAP_SYS_RESOURCE") }

    /// mount_setattr(2) can make a mount read-only with all below it: since Linux 5.12.
    var hasRecursiveReadOnly: Bool {
        let numbers = kernelRelease.split(whereSeparator: { !$0.isNumber }).prefix(2).map { Int($0) ?? 0 }
        return numbers.count == 2 && (numbers[0], numbers[1]) >= (5, 12)
    }

    /// Reads them; blocks.
    package static func read() throws -> HostFacts {
        let layout = try Cgroups.layout()
        let score = try Files.text("/proc/self/oom_score_adj").flatMap { text in
            Int(text.prefix { !$0.isWhitespace }, radix: 10)
        }
        let release = try Files.text("/proc/sys/kernel/osrelease") ?? ""
        return HostFacts(
            capabilities: try LinuxCapabilities.bounding(), hardLimits: hardLimits(), outOfMemoryScore: score ?? 0,
            limits: try CgroupLimits(layout), kernelRelease: String(release.prefix { !$0.isWhitespace }),
            seccomp: try SeccompProfile.builtIn())
    }

    /// getrlimit(2), by Docker's names (`docker/go-units`).
    static let limitNumbers: [String: CInt] = [
        "cpu": 0, "fsize": 1, "data": 2, "stack": 3, "core": 4, "rss": 5, "nproc": 6, "nofile": 7, "memlock": 8,
        "as": 9, "locks": 10, "sigpending": 11, "msgqueue": 12, "nice": 13, "rtprio": 14, "rttime": 15,
    ]

    private static func hardLimits() -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for (name, number) in limitNumbers {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(UInt32(clamping: number)), &limit) == 0 else { continue }
            if UInt64(clamping: limit.rlim_max) != .max { found[name] = UInt64(clamping: limit.rlim_max) }
        }
        return found
    }
}
