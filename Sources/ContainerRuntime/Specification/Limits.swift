import LinuxSystem
import OCI

extension SpecificationBuilder {
    /// Docker's `getMemoryResources`, `getCPUResources` and `getPidsLimit`; what the kernel cannot limit is left out
    /// with Docker's warning.
    static func resources(_ requested: ContainerResources, host: HostFacts, warnings: inout [String])
        -> RuntimeResources
    {
        let known = host.limits
        var result = RuntimeResources()
        result.memory = memory(requested, known, &warnings)
        result.cpu = processors(requested, known, &warnings)
        if let processes = positive(requested.processes), isKnown(known.processes, .processes, &warnings) {
            result.pids = RuntimePIDs(limit: processes)
        }
        if let weight = requested.blockIOWeight, weight > 0, isKnown(known.blockIOWeight, .blockIOWeight, &warnings) {
            var block = RuntimeBlockIO()
            block.weight = weight
            result.blockIO = block
        }
        return result
    }

    private static func isKnown(_ isKnown: Bool, _ warning: LimitWarning, _ warnings: inout [String]) -> Bool {
        if !isKnown { warnings.append(warning.rawValue) }
        return isKnown
    }

    private static func processors(
        _ requested: ContainerResources, _ known: CgroupLimits, _ warnings: inout [String]
    ) -> RuntimeCPU? {
        var cpu = RuntimeCPU()
        if let shares = positive(requested.cpuShares), isKnown(known.processorShares, .processorShares, &warnings) {
            cpu.shares = UInt64(clamping: shares)
        }
        let nano = positive(requested.nanoCPUs)
        let period = positive(requested.cpuPeriod)
        let quota = requested.cpuQuota.flatMap { $0 == 0 ? nil : $0 }
        let wantsQuota = nano != nil || period != nil || quota != nil
        if wantsQuota, isKnown(known.processorQuota, .processorQuota, &warnings) {
            if let nano {
                cpu.period = 100_000
                cpu.quota = max(1000, nano / 10_000)
            } else {
                if let period { cpu.period = UInt64(clamping: period) }
                cpu.quota = quota
            }
        }
        let cpus = requested.cpus ?? ""
        let nodes = requested.memoryNodes ?? ""
        if !cpus.isEmpty || !nodes.isEmpty, isKnown(known.processorSets, .processorSets, &warnings) {
            if !cpus.isEmpty { cpu.cpus = cpus }
            if !nodes.isEmpty { cpu.mems = nodes }
        }
        return cpu == RuntimeCPU() ? nil : cpu
    }

    private static func memory(
        _ requested: ContainerResources, _ known: CgroupLimits, _ warnings: inout [String]
    ) -> RuntimeMemory? {
        var memory = RuntimeMemory()
        if let limit = positive(requested.memory), isKnown(known.memory, .memory, &warnings) {
            memory.limit = limit
            let swap = requested.memorySwap ?? 0
            if known.swap {
                memory.swap = swap == 0 ? min(limit, .max / 2) * 2 : swap
            } else if swap != -1 {
                warnings.append(LimitWarning.swap.rawValue)
            }
        }
        if let reservation = positive(requested.memoryReservation),
            isKnown(known.memoryReservation, .memoryReservation, &warnings)
        {
            memory.reservation = reservation
        }
        if let swappiness = requested.memorySwappiness, swappiness >= 0,
            isKnown(known.swappiness, .swappiness, &warnings)
        {
            memory.swappiness = UInt64(clamping: swappiness)
        }
        if requested.disableOutOfMemoryKiller, isKnown(known.memoryKiller, .memoryKiller, &warnings) {
            memory.disableOOMKiller = true
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
