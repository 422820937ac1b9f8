import LinuxSystem
import Model
import Testing

@testable import Engine

/// What a node says of its control groups by `docker info`.
@Suite struct SystemInfoTests {
    private func info(version: Int, _ change: (inout CgroupLimits) -> Void = { _ in }) -> SystemInfo {
        var known = CgroupLimits()
        change(&known)
        var info = SystemInfo()
        info.take(known, version: version)
        return info
    }

    @Test func `what the control groups know is told without a warning`() {
        let all = info(version: 1)
        #expect(all.cgroupVersion == "1" && all.warnings == nil)
        #expect(all.memoryLimit && all.swapLimit && all.oomKillDisable && all.cpuCfsQuota && all.cpuCfsPeriod)
        #expect(all.cpuShareLimits && all.cpuSets && all.pidsLimit)
    }

    @Test func `what they lack is told, and warned of in docker's words and order`() {
        let none = info(version: 1) { known in
            let all: [WritableKeyPath<CgroupLimits, Bool>] = [
                \.memory, \.swap, \.memoryKiller, \.processorShares, \.processorQuota, \.processorSets, \.processes,
                \.blockIOWeight,
            ]
            for path in all { known[keyPath: path] = false }
        }
        #expect(!none.memoryLimit && !none.swapLimit && !none.oomKillDisable && !none.cpuCfsQuota)
        #expect(!none.cpuCfsPeriod && !none.cpuShareLimits && !none.cpuSets && !none.pidsLimit)
        // Nobody could give version 1 its weights of devices back.
        #expect(
            none.warnings == [
                "WARNING: No memory limit support", "WARNING: No swap limit support",
                "WARNING: No oom kill disable support", "WARNING: No cpu cfs quota support",
                "WARNING: No cpu cfs period support", "WARNING: No cpu shares support", "WARNING: No cpuset support",
            ])
        #expect(info(version: 1) { $0.swap = false }.warnings == ["WARNING: No swap limit support"])
    }

    @Test func `of version 2 nobody is warned that it has no killer to disable`() {
        let unified = info(version: 2) { $0.memoryKiller = false }
        #expect(unified.cgroupVersion == "2" && !unified.oomKillDisable && unified.warnings == nil)
        #expect(info(version: 2) { $0.blockIOWeight = false }.warnings == ["WARNING: No io.weight support"])
    }

    @Test func `more warnings go behind those`() {
        var lacking = info(version: 1) { $0.swap = false }
        lacking.warn(["WARNING: more"])
        #expect(lacking.warnings == ["WARNING: No swap limit support", "WARNING: more"])
        var plain = SystemInfo()
        plain.warn([])
        #expect(plain.warnings == nil)
    }
}
