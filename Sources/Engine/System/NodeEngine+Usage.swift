import EngineInterface
import Images
import LinuxSystem
package import Model
import OCI

/// What takes how much disk.
extension NodeEngine {
    package func diskUsage(_ kinds: Set<DiskUsageKind>) async throws -> DiskUsage {
        var usage = DiskUsage()
        if kinds.contains(.image) {
            usage.layersSize = await images.usage().layers
            usage.images = try await listImages(Filters(), all: true, sharedSize: true)
        }
        if kinds.contains(.container) {
            var query = ContainerQuery()
            query.all = true
            query.size = true
            usage.containers = try await listContainers(query)
        }
        if kinds.contains(.volume) { usage.volumes = try await volumeUsage() }
        if kinds.contains(.buildCache) { usage.buildCache = [] }
        return usage
    }

    /// Bytes that a container wrote, and those together with its image's.
    func sizes(of record: ContainerRecord) async throws -> (written: Int64?, whole: Int64?) {
        let written = try await images.writtenBytes(container: record.id)
        // An image may be removed by force while its container is there.
        let image = try? await images.image(record.imageID)
        return (written, written + (image?.size ?? 0))
    }

    private func volumeUsage() async throws -> [VolumeResource] {
        let users = containers.all.reduce(into: [String: Int]()) { counts, record in
            for name in Set(record.mounts.compactMap(\.name)) { counts[name, default: 0] += 1 }
        }
        var rows = try await listVolumes(Filters())
        for index in rows.indices {
            let path = rows[index].mountpoint
            // What a volume's options name is elsewhere, and may be a server's: -1, as Docker has it.
            let isElsewhere = rows[index].options?.isEmpty == false
            rows[index].usageData = VolumeUsage(
                size: isElsewhere ? -1 : try await onThread { try Files.treeBytes(path) },
                refCount: users[rows[index].name] ?? 0)
        }
        return rows
    }
}
