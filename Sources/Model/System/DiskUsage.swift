/// What `GET /system/df` can tell of.
package enum DiskUsageKind: String, Sendable, CaseIterable {
    case container, image, volume
    case buildCache = "build-cache"
}

/// The answer to `GET /system/df`; what was not asked for is `nil`.
package struct DiskUsage: Encodable, Sendable {
    /// Bytes of all layers, each counted once.
    package var layersSize: Int64?
    package var images: [ImageSummary]?
    package var containers: [ContainerSummary]?
    package var volumes: [VolumeResource]?
    /// Always empty: nothing is built here.
    package var buildCache: [String]?
    package init() {}
}

/// How much a volume takes, as `GET /system/df` tells it.
package struct VolumeUsage: Codable, Sendable, Equatable {
    /// Bytes.
    package var size: Int64
    /// Containers that use it.
    package var refCount: Int

    package init(size: Int64, refCount: Int) {
        self.refCount = refCount
        self.size = size
    }
}
