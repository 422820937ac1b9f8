import Concurrency
import ContainerRuntime
import EngineInterface
import Model

/// Lays a request's limits over a container's. Pure.
struct ResourceUpdate {
    private let before: HostConfiguration

    init(_ before: HostConfiguration) { self.before = before }

    /// - Throws: ``ContainerOptionError``, ``LimitError``.
    func applying(_ changes: HostConfiguration) throws -> HostConfiguration {
        var host = before
        try UnsupportedFeatures.checkResources(changes)
        if changes.nanoCpus != 0, before.cpuPeriod != 0 || before.cpuQuota != 0 {
            throw LimitError.processorsAfterPeriod
        }
        if changes.cpuPeriod != 0 || changes.cpuQuota != 0, before.nanoCpus != 0 {
            throw LimitError.periodAfterProcessors
        }
        if changes.memory != 0, before.memorySwap > 0, changes.memory > before.memorySwap, changes.memorySwap == 0 {
            throw LimitError.memoryAboveSwap
        }
        if changes.memory != 0 { host.memory = changes.memory }
        if changes.memoryReservation != 0 { host.memoryReservation = changes.memoryReservation }
        if changes.memorySwap != 0 { host.memorySwap = changes.memorySwap }
        if changes.nanoCpus != 0 { host.nanoCpus = changes.nanoCpus }
        if changes.cpuShares != 0 { host.cpuShares = changes.cpuShares }
        if changes.cpuPeriod != 0 { host.cpuPeriod = changes.cpuPeriod }
        if changes.cpuQuota != 0 { host.cpuQuota = changes.cpuQuota }
        if !changes.cpusetCpus.isEmpty { host.cpusetCpus = changes.cpusetCpus }
        if !changes.cpusetMems.isEmpty { host.cpusetMems = changes.cpusetMems }
        if changes.blkioWeight != 0 { host.blkioWeight = changes.blkioWeight }
        // Nothing and anything negative is no limit, which is on record as nothing.
        if let limit = changes.pidsLimit { host.pidsLimit = max(0, limit) }
        let policy = changes.restartPolicy
        if !policy.name.isEmpty {
            if host.autoRemove, policy.name != "no" {
                throw ContainerOptionError.updatedRestartOfTemporary
            }
            host.restartPolicy = policy
            try ContainerPlanner.checkRestartPolicy(host)
        }
        return host
    }

    /// What the runtime is to change. The memory's limits depend on each other and go together.
    static func resources(_ changes: HostConfiguration, in host: HostConfiguration) -> ContainerResources {
        var resources = SpecificationMapping.resources(changes)
        if changes.memory != 0 || changes.memorySwap != 0 {
            resources.memory = host.memory == 0 ? nil : host.memory
            resources.memorySwap = host.memorySwap == 0 ? nil : host.memorySwap
        }
        return resources
    }
}
