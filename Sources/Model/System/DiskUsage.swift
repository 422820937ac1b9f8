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
    /// Only of `apusd`.
    package var logs: LogUsage?
    package init() {}
}

/// What the logs of a node take, as `GET /system/df` tells it in `Logs`.
package struct LogUsage: Codable, Sendable, Equatable {
    /// Bytes of all files, what removed containers have left and what cannot be read among them.
    package var size: Int64 = 0
    /// Bytes of what removed containers have left to be sent, and of what of it cannot be read.
    package var spool: Int64 = 0
    /// Bytes that all of them may have.
    package var quota: Int64
    /// Containers with a log.
    package var containers = 0

    package init(quota: Int64) { self.quota = quota }
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
