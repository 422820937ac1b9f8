import OCI

extension SpecificationBuilder {
    /// Docker's `getMemoryResources`, `getCPUResources` and `getPidsLimit`; what the kernel cannot limit is left out
    /// with Docker's warning.
    static func resources(_ requested: ContainerResources, host: HostFacts, warnings: inout [String])
        -> RuntimeResources
    {
        var result = RuntimeResources()
        result.memory = memory(requested, host: host, warnings: &warnings)
        var cpu = RuntimeCPU()
        if let shares = positive(requested.cpuShares) { cpu.shares = UInt64(clamping: shares) }
        if let nano = positive(requested.nanoCPUs) {
            cpu.period = 100_000
            cpu.quota = max(1000, nano / 10_000)
        } else {
            if let period = positive(requested.cpuPeriod) { cpu.period = UInt64(clamping: period) }
            if let quota = requested.cpuQuota, quota != 0 { cpu.quota = quota }
        }
        if let cpus = requested.cpus, !cpus.isEmpty { cpu.cpus = cpus }
        if let nodes = requested.memoryNodes, !nodes.isEmpty { cpu.mems = nodes }
        if cpu != RuntimeCPU() { result.cpu = cpu }
        if let processes = positive(requested.processes) { result.pids = RuntimePIDs(limit: processes) }
        if let weight = requested.blockIOWeight, weight > 0 {
            var block = RuntimeBlockIO()
            block.weight = weight
            result.blockIO = block
        }
        return result
    }

    private static func memory(_ requested: ContainerResources, host: HostFacts, warnings: inout [String])
        -> RuntimeMemory?
    {
        var memory = RuntimeMemory()
        if let limit = positive(requested.memory) {
            memory.limit = limit
            let swap = requested.memorySwap ?? 0
            if host.limitsSwap {
                memory.swap = swap == 0 ? min(limit, .max / 2) * 2 : swap
            } else if swap != -1 {
                warnings.append(
                    "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited "
                        + "without swap.")
            }
        }
        if let reservation = positive(requested.memoryReservation) { memory.reservation = reservation }
        if let swappiness = requested.memorySwappiness, swappiness >= 0 {
            if host.limitsSwappiness {
                memory.swappiness = UInt64(clamping: swappiness)
            } else {
                warnings.append(
                    "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory "
                        + "swappiness discarded.")
            }
        }
        if requested.disableOutOfMemoryKiller {
            if host.cgroupVersion == 1 {
                memory.disableOOMKiller = true
            } else {
                warnings.append("Your kernel does not support OomKillDisable. OomKillDisable discarded.")
            }
        }
        return memory == RuntimeMemory() ? nil : memory
    }

    private static func positive(_ value: Int64?) -> Int64? { value.flatMap { $0 > 0 ? $0 : nil } }

    /// runc fails on a limit above this process' own hard one unless we hold CAP_SYS_RESOURCE, so it is cut to it.
    static func limits(_ requested: [ProcessLimit], host: HostFacts, warnings: inout [String]) throws -> [RuntimeLimit]
    {
        try requested.map { limit in
            let name = limit.name.lowercased()
            guard HostFacts.limitNumbers[name] != nil else {
                throw RuntimeError(.invalidSpecification, "invalid ulimit type: \(limit.name)")
            }
            func number(_ value: Int64) -> UInt64 { value < 0 ? .max : UInt64(clamping: value) }
            var hard = number(limit.hard)
            var soft = number(limit.soft)
            guard soft <= hard else {
                throw RuntimeError(
                    .invalidSpecification,
                    "ulimit soft limit must be less than or equal to hard limit: \(limit.soft) > \(limit.hard)")
            }
            if let own = host.hardLimits[name], hard > own, !host.hasSysResource {
                warnings.append("ulimit \(name) was cut to \(own), the limit of this daemon, which may not raise it.")
                hard = own
                soft = min(soft, own)
            }
            return RuntimeLimit(type: "RLIMIT_" + name.uppercased(), hard: hard, soft: soft)
        }
    }

    /// Lowering the score below our own needs CAP_SYS_RESOURCE.
    static func outOfMemoryScore(_ requested: Int, host: HostFacts, warnings: inout [String]) -> Int? {
        if requested == host.outOfMemoryScore { return nil }
        if requested < host.outOfMemoryScore, !host.hasSysResource {
            if requested != 0 {
                warnings.append("oom-score-adj \(requested) was discarded: this daemon may not lower its own.")
            }
            return nil
        }
        return requested
    }
}
