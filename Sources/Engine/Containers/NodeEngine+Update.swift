import Concurrency
import ContainerRuntime
import EngineInterface
import Faults
import LinuxSystem
import Glibc
package import Model

/// Changing a container's limits and restart policy. Source: moby, `container/container_unix.go`, `UpdateContainer`.
extension NodeEngine {
    package func updateContainer(_ reference: String, _ changes: HostConfiguration) async throws -> [String] {
        let id = try containers.find(reference).id
        return try await serializer.run(id) {
            guard let before = containers.record(id) else {
                throw APIError(.notFound, "No such container: \(reference)")
            }
            if before.isBeingRemoved {
                throw APIError(.conflict, "container is marked for removal and cannot be \"update\"")
            }
            var host = try ResourceUpdate(before.hostConfig).applying(changes)
            try ContainerPlanner.checkLimits(&host, cpuCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            let wanted = host
            let record = try await containers.update(id, durably: true) { $0.hostConfig = wanted }
            if record.isUp {
                do {
                    try await runtime.update(id, ResourceUpdate.resources(changes, in: wanted))
                } catch {
                    try await containers.update(id, durably: true) { $0.hostConfig = before.hostConfig }
                    throw APIError(.internalError, "Cannot update container \(id): \(error)")
                }
            }
            events.publish("container", "update", id, record.eventAttributes)
            return []
        }
    }
}

/// Lays a request's limits over a container's. Pure.
struct ResourceUpdate {
    private let before: HostConfiguration

    init(_ before: HostConfiguration) { self.before = before }

    /// - Throws: ``APIError`` in Docker's words.
    func applying(_ changes: HostConfiguration) throws -> HostConfiguration {
        var host = before
        try UnsupportedFeatures.checkResources(changes)
        if changes.nanoCpus != 0, before.cpuPeriod != 0 || before.cpuQuota != 0 {
            throw APIError(
                .invalidInput,
                "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set.")
        }
        if changes.cpuPeriod != 0 || changes.cpuQuota != 0, before.nanoCpus != 0 {
            throw APIError(
                .invalidInput,
                "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set.")
        }
        if changes.memory != 0, before.memorySwap > 0, changes.memory > before.memorySwap, changes.memorySwap == 0 {
            throw APIError(
                .invalidInput,
                "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
            )
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
                throw APIError(
                    .invalidInput, "Restart policy cannot be updated because AutoRemove is enabled for the container")
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
