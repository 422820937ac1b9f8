package import EngineInterface
import Faults
import LinuxSystem
package import Model

/// Who has volumes, as their service needs to know it.
protocol VolumeUsers: Sendable {
    /// Ids of the containers that have a volume, sorted.
    func users(ofVolume name: String) -> [String]
    /// How many containers have each volume, of those that any has.
    func volumeUseCounts() -> [String: Int]
}

/// Docker's volume calls.
package final class VolumeService: VolumeBackend {
    private let volumes: Volumes
    private let users: any VolumeUsers
    private let events: EventLog

    init(volumes: Volumes, users: any VolumeUsers, events: EventLog) {
        self.events = events
        self.users = users
        self.volumes = volumes
    }

    package func listVolumes(_ filters: Filters) async throws -> [VolumeResource] {
        try filters.allow(["dangling", "driver", "label", "name"])
        let dangling = try filters.flag("dangling")
        let used = usedVolumes
        return volumes.all.filter { volume in
            filters.match("name", [volume.name]) && filters.any("driver") { $0 == volume.driver }
                && filters.labelsMatch(volume.labels ?? [:])
                && dangling.map { $0 != used.contains(volume.name) } ?? true
        }.sorted { $0.name < $1.name }
    }

    private var usedVolumes: Set<String> { Set(users.volumeUseCounts().keys) }

    package func createVolume(_ request: VolumeRequest) async throws -> VolumeResource {
        try await volumes.create(request)
    }

    package func inspectVolume(_ name: String) async throws -> VolumeResource { try volumes.find(name) }

    package func removeVolume(_ name: String, force: Bool) async throws {
        do { _ = try volumes.find(name) } catch let refusal as any Fault where force && refusal.kind == .notFound {
            return
        }
        try await volumes.remove(name) { [users] in users.users(ofVolume: name) }
    }

    package func pruneVolumes(_ filters: Filters) async throws -> (removed: [String], reclaimedBytes: Int64) {
        try filters.allow(["all", "label", "label!"])
        let used = usedVolumes
        // Without `all` only anonymous volumes go: those whose names nobody chose.
        let all = filters["all"].contains { ["1", "true"].contains($0) }
        var removed: [String] = []
        var reclaimed: Int64 = 0
        for volume in volumes.all where !used.contains(volume.name) && filters.labelsMatch(volume.labels ?? [:]) {
            // Wanted labels are matched above; here the unwanted ones.
            let unwanted = filters["label!"].map { Filters(["label": [$0]]) }
            guard !unwanted.contains(where: { $0.labelsMatch(volume.labels ?? [:]) }) else { continue }
            guard all || (volume.name.count == 64 && volume.name.allSatisfy(\.isHexDigit)) else { continue }
            let place = volume.mountpoint
            let isElsewhere = volume.options?.isEmpty == false
            let bytes = isElsewhere ? 0 : try await onThread { try TreeSize.bytes(place) }
            do {
                try await volumes.remove(volume.name) { [users] in users.users(ofVolume: volume.name) }
            } catch let refusal as any Fault where refusal.kind == .conflict {
                continue  // Of a container that came meanwhile.
            }
            reclaimed += bytes
            removed.append(volume.name)
        }
        events.publish("volume", "prune", "", ["reclaimed": String(reclaimed)])
        return (removed, reclaimed)
    }

    /// Removes those of a container's volumes that nobody has named or uses.
    /// - Parameter id: The container, which does not count as a user.
    func removeAnonymousVolumes(_ mounts: [MountPoint], of id: String) async throws {
        for name in Set(mounts.compactMap(\.name)).sorted() where volumes.isAnonymous(name) {
            do {
                try await volumes.remove(name) { [users] in users.users(ofVolume: name).filter { $0 != id } }
            } catch let refusal as any Fault where refusal.kind == .conflict {
                continue  // Another container has it, too.
            }
        }
    }

    /// All volumes with what is in them, and who has them.
    func usage() async throws -> [VolumeResource] {
        let counts = users.volumeUseCounts()
        var rows = try await listVolumes(Filters())
        for index in rows.indices {
            let path = rows[index].mountpoint
            // What a volume's options name is elsewhere, and may be a server's: -1, as Docker has it.
            let isElsewhere = rows[index].options?.isEmpty == false
            rows[index].usageData = VolumeUsage(
                size: isElsewhere ? -1 : try await onThread { try Files.treeBytes(path) },
                refCount: counts[rows[index].name] ?? 0)
        }
        return rows
    }
}
