/// Which limits the control groups of this machine know. What is missing is so because of how the kernel was built or started, or because the
/// hierarchy is not mounted. Source of what is looked for: moby, `pkg/sysinfo`.
package struct CgroupLimits: Sendable, Equatable {
    package var memory = true
    /// Of memory and swap together; it is counted only where the kernel was told so.
    package var swap = true
    package var memoryReservation = true
    /// Version 1 alone.
    package var swappiness = true
    /// Whether a group may be without the killer of processes that want too much: version 1 alone.
    package var memoryKiller = true
    package var processorShares = true
    package var processorQuota = true
    package var processorSets = true
    package var processes = true
    /// Of devices whose scheduler weighs.
    package var blockIOWeight = true

    /// Everything there is.
    package init() {}

    /// Looks; blocks.
    package init(_ layout: CgroupLayout) throws {
        if layout.version == 2, let unified = layout.unified {
            try self.init(unified: unified)
        } else {
            self.init(version1: layout.controllers)
        }
    }

    private init(version1 controllers: [String: String]) {
        func has(_ controller: String, _ file: String) -> Bool {
            controllers[controller].map { Files.exists("\($0)/\(file)") } ?? false
        }
        memory = controllers["memory"] != nil
        swap = has("memory", "memory.memsw.limit_in_bytes")
        memoryReservation = has("memory", "memory.soft_limit_in_bytes")
        swappiness = has("memory", "memory.swappiness")
        memoryKiller = has("memory", "memory.oom_control")
        processorShares = has("cpu", "cpu.shares")
        processorQuota = has("cpu", "cpu.cfs_quota_us")
        processorSets = controllers["cpuset"] != nil
        processes = controllers["pids"] != nil
        blockIOWeight = has("blkio", "blkio.weight")
    }

    private init(unified root: String) throws {
        let text = try Files.text(root + "/cgroup.controllers") ?? ""
        let controllers = Set(text.split(whereSeparator: \.isWhitespace))
        let groups = try Files.list(root).map { "\(root)/\($0)" }.filter(Files.isDirectory)
        /// The root has no limits. As long as no other group has the controller, it is as usual.
        func has(_ controller: Substring, _ files: [String], beside sign: String) -> Bool {
            guard controllers.contains(controller) else { return false }
            let having = groups.filter { Files.exists("\($0)/\(sign)") }
            return having.isEmpty || having.contains { group in files.contains { Files.exists("\(group)/\($0)") } }
        }
        memory = controllers.contains("memory")
        swap = has("memory", ["memory.swap.max"], beside: "memory.max")
        memoryReservation = memory
        swappiness = false
        memoryKiller = false
        processorShares = controllers.contains("cpu")
        processorQuota = has("cpu", ["cpu.max"], beside: "cpu.weight")
        processorSets = controllers.contains("cpuset")
        processes = controllers.contains("pids")
        blockIOWeight = has("io", ["io.weight", "io.bfq.weight"], beside: "io.stat")
    }
}
