import Concurrency
import ContainerRuntime
import EngineInterface
import Faults
import LinuxSystem
import Glibc
package import Model

/// Changing what is on record of a container: its limits and restart policy (source: moby, `container/container_unix.go`,
/// `UpdateContainer`), its name, its links.
extension ContainerService {
    package func updateContainer(_ reference: String, _ changes: HostConfiguration) async throws -> [String] {
        let id = try containers.find(reference).id
        var known = changes
        let warnings = try limits.discard(from: &known)
        let wanted = known
        return try await containers.lock.run(id) {
            guard let before = containers.record(id) else {
                throw ContainerError.notFound(reference)
            }
            if before.phase.isBeingRemoved {
                throw ContainerError.updatedWhileRemoved
            }
            var host = try ResourceUpdate(before.hostConfig).applying(wanted)
            try ContainerPlanner.checkLimits(&host, cpuCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            // What it has had is none of this change's, also where the node has less by now.
            try await ProcessorSets.check(wanted)
            let requested = host
            let record = try await containers.update(id, durably: true) { $0.hostConfig = requested }
            if record.isUp {
                do {
                    try await runtime.update(id, ResourceUpdate.resources(wanted, in: requested))
                } catch {
                    // Heeds no cancellation: writes to the node's store go on to their end.
                    try await containers.update(id, durably: true) { $0.hostConfig = before.hostConfig }
                    throw ContainerError.notUpdated(id: id, cause: Cause(error))
                }
            }
            events.publish("container", "update", id, record.eventAttributes)
            return warnings
        }
    }

    package func renameContainer(_ reference: String, to name: String) async throws {
        let record = try containers.find(reference)
        let name = ContainerNames.bare(name)
        guard !name.isEmpty else { throw ContainerError.emptyName }
        guard ContainerNames.isValid(name) else {
            throw ContainerError.invalidName(name)
        }
        if record.name == name {
            throw ContainerError.unchangedName
        }
        try containers.reserve(name)
        let old = record.name
        let renamed: ContainerRecord
        do { renamed = try await containers.update(record.id, durably: true) { $0.name = name } } catch {
            // Removed meanwhile: the name is free again.
            containers.release(name)
            throw error
        }
        var attributes = renamed.eventAttributes
        attributes["oldName"] = "/" + old
        events.publish("container", "rename", record.id, attributes)
        try await surroundings.hasBeenRenamed(renamed)
    }

    package func removeLink(_ reference: String) async throws {
        let child = try containers.find(reference)
        guard let link = containers.link(reference) else { throw ContainerOptionError.noLink }
        try await containers.lock.run(link.parent.id) {
            let parent = try await containers.update(link.parent.id, durably: true) { $0.removeLink(link.alias) }
            try await surroundings.hasBeenUnlinked(parent, from: child, as: link.alias)
        }
    }
}
