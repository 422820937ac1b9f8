import LinuxSystem
import Model

extension SystemInfo {
    /// Says which limits the node's control groups know, and warns of those that they lack and that somebody could give them. Sources of rules and
    /// words: moby, `daemon/info_unix.go`, `fillPlatformInfo`; whom to warn of what: version 2 has no killer to disable, and version 1 no weights of
    /// devices since Linux 5.0.
    /// - Parameter version: Of the control groups, 1 or 2.
    mutating func take(_ known: CgroupLimits, version: Int) {
        cgroupVersion = String(version)
        memoryLimit = known.memory
        swapLimit = known.swap
        oomKillDisable = known.memoryKiller
        cpuCfsQuota = known.processorQuota
        cpuCfsPeriod = known.processorQuota
        cpuShareLimits = known.processorShares
        cpuSets = known.processorSets
        pidsLimit = known.processes
        let lacking: [(isKnown: Bool, what: String)] = [
            (known.memory, "memory limit"), (known.swap, "swap limit"),
            (known.memoryKiller || version == 2, "oom kill disable"), (known.processorQuota, "cpu cfs quota"),
            (known.processorQuota, "cpu cfs period"), (known.processorShares, "cpu shares"),
            (known.processorSets, "cpuset"), (known.blockIOWeight || version == 1, "io.weight"),
        ]
        warn(lacking.filter { !$0.isKnown }.map { "WARNING: No \($0.what) support" })
    }

    /// Adds what the user is warned of, behind what is there.
    mutating func warn(_ more: [String]) {
        if !more.isEmpty { warnings = (warnings ?? []) + more }
    }
}
