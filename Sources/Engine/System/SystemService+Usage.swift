import EngineInterface
import Images
import LinuxSystem
package import Model
import OCI

/// What takes how much disk.
extension SystemService {
    package func diskUsage(_ kinds: Set<DiskUsageKind>) async throws -> DiskUsage {
        var usage = DiskUsage()
        if kinds.contains(.image) {
            usage.layersSize = await images.layerBytes()
            usage.images = try await images.listImages(Filters(), all: true, sharedSize: true)
        }
        if kinds.contains(.container) {
            var query = ContainerQuery()
            query.all = true
            query.size = true
            usage.logs = try await quota.usage()
            usage.containers = try await listing.listContainers(query)
        }
        if kinds.contains(.volume) { usage.volumes = try await volumes.usage() }
        if kinds.contains(.buildCache) { usage.buildCache = [] }
        return usage
    }
}
