import ContainerRuntime
import EngineInterface
import LinuxSystem
import Model

/// Takes out of a request what the node's control groups cannot limit, as Docker does: it is told, and not on record. Pure. Source of rules and
/// words: moby, `daemon/daemon_unix.go`, `verifyPlatformContainerResources`.
struct LimitSupport {
    let known: CgroupLimits

    /// - Returns: What the user is told.
    /// - Throws: ``LimitError/processorsUnsupported``: the one limit that is refused.
    func discard(from host: inout HostConfiguration) throws(LimitError) -> [String] {
        let memory = discardMemory(from: &host)
        let processors = try discardProcessors(from: &host)
        return memory + processors + discardOthers(from: &host)
    }

    private func discardMemory(from host: inout HostConfiguration) -> [String] {
        var told: [LimitWarning] = []
        if host.memory > 0, !known.memory {
            told.append(.memory)
            (host.memory, host.memorySwap) = (0, -1)
        }
        if host.memory > 0, host.memorySwap != -1, !known.swap {
            told.append(.swap)
            host.memorySwap = -1
        }
        if host.memorySwappiness != nil, !known.swappiness {
            // The command line sends -1 where it was asked for nothing.
            if host.memorySwappiness != -1 { told.append(.swappiness) }
            host.memorySwappiness = nil
        }
        if host.memoryReservation > 0, !known.memoryReservation {
            told.append(.memoryReservation)
            host.memoryReservation = 0
        }
        if let isDisabled = host.oomKillDisable, !known.memoryKiller {
            if isDisabled { told.append(.memoryKiller) }
            host.oomKillDisable = nil
        }
        if host.oomKillDisable == true, host.memory == 0 { told.append(.memoryKillerWithoutLimit) }
        return told.map(\.rawValue)
    }

    private func discardProcessors(from host: inout HostConfiguration) throws(LimitError) -> [String] {
        var told: [LimitWarning] = []
        if host.nanoCpus > 0, !known.processorQuota { throw .processorsUnsupported }
        if host.cpuShares > 0, !known.processorShares {
            told.append(.processorShares)
            host.cpuShares = 0
        }
        if host.cpuPeriod != 0 || host.cpuQuota != 0, !known.processorQuota {
            told.append(.processorQuota)
            (host.cpuPeriod, host.cpuQuota) = (0, 0)
        }
        if !host.cpusetCpus.isEmpty || !host.cpusetMems.isEmpty, !known.processorSets {
            told.append(.processorSets)
            (host.cpusetCpus, host.cpusetMems) = ("", "")
        }
        return told.map(\.rawValue)
    }

    private func discardOthers(from host: inout HostConfiguration) -> [String] {
        var told: [LimitWarning] = []
        if let limit = host.pidsLimit, !known.processes {
            if limit > 0 { told.append(.processes) }
            host.pidsLimit = nil
        }
        if host.blkioWeight > 0, !known.blockIOWeight {
            told.append(.blockIOWeight)
            host.blkioWeight = 0
        }
        return told.map(\.rawValue)
    }
}
