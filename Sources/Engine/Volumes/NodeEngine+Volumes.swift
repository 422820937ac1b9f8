package import EngineInterface
import Faults
import LinuxSystem
package import Model

/// Docker's volume calls.
extension NodeEngine: VolumeBackend {
    package func listVolumes(_ filters: Filters) async throws -> [VolumeResource] {
        try filters.allow(["dangling", "driver", "label", "name"])
        let dangling = try filters.flag("dangling")
        let used = usedVolumes
        return volumes.all.filter { volume in
            filters.any("name") { volume.name.contains($0) } && filters.any("driver") { $0 == volume.driver }
                && filters.labelsMatch(volume.labels ?? [:])
                && dangling.map { $0 != used.contains(volume.name) } ?? true
        }.sorted { $0.name < $1.name }
    }

    private var usedVolumes: Set<String> { Set(containers.all.flatMap { $0.mounts.compactMap(\.name) }) }

    package func createVolume(_ request: VolumeRequest) async throws -> VolumeResource {
        let volume = try await volumes.create(request)
        events.publish("volume", "create", volume.name, ["driver": "local"])
        return volume
    }

    package func inspectVolume(_ name: String) async throws -> VolumeResource { try volumes.find(name) }

    package func removeVolume(_ name: String, force: Bool) async throws {
        do { _ = try volumes.find(name) } catch let refusal as Refusal where force && refusal.kind == .notFound {
            return
        }
        let users = containers.all.filter { $0.mounts.contains { $0.name == name } }.map(\.id).sorted()
        guard users.isEmpty else {
            throw Refusal(.conflict, "remove \(name): volume is in use - [\(users.joined(separator: ", "))]")
        }
        try await volumes.remove(name)
        events.publish("volume", "destroy", name, ["driver": "local"])
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
            reclaimed += try await onThread { try TreeSize.bytes(place) }
            try await volumes.remove(volume.name)
            events.publish("volume", "destroy", volume.name, ["driver": "local"])
            removed.append(volume.name)
        }
        events.publish("volume", "prune", "", ["reclaimed": String(reclaimed)])
        return (removed, reclaimed)
    }
}
