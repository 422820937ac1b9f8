package import OCI

/// An image as it is in the store, ready to run.
package struct StoredImage: Sendable, Equatable {
    /// Digest of the configuration.
    package let id: Digest
    package let configuration: ImageConfiguration
    /// In the familiar form, sorted: `nginx:latest`.
    package let tags: [String]
    /// In the familiar form, sorted: `nginx@sha256:…`.
    package let digests: [String]
    /// Bytes in regular files of each layer, lowest first.
    package let layerSizes: [Int64]
    /// Directories of the layers' files, lowest first.
    package let layerDirectories: [String]
    /// Seconds since 1970.
    package let lastTagged: Double

    /// Bytes in regular files of all layers.
    package var size: Int64 { layerSizes.reduce(0, +) }

    /// What `inspect` of an image shows as `GraphDriver.Data`.
    package var graphDriverData: [String: String] {
        guard let top = layerDirectories.last else { return [:] }
        var data = ["UpperDir": top]
        if layerDirectories.count > 1 {
            data["LowerDir"] = layerDirectories.dropLast().reversed().joined(separator: ":")
        }
        return data
    }
}

/// One step of an image's making, newest first in a list of them.
package struct HistoryStep: Sendable, Equatable {
    /// The image's id for its newest step; `nil` (Docker shows `<missing>`) for those before.
    package let id: Digest?
    package let step: ImageConfiguration.History
    /// Bytes.
    package let size: Int64
    /// In the familiar form; none but for the newest step.
    package let tags: [String]
}

/// What a pull has come to.
package struct PulledImage: Sendable, Equatable {
    package let id: Digest
    /// Of the manifest or index that the name stands for.
    package let digest: Digest
    /// False when the name stood for this image before.
    package let isNew: Bool
}

/// An image that an archive held.
package struct LoadedImage: Sendable, Equatable {
    package let id: Digest
    /// In the familiar form; none for an image without a name.
    package let tags: [String]
}

/// A container, as far as its image is concerned.
package struct ImageUse: Sendable, Equatable {
    /// The image's id.
    package let image: Digest
    /// The container's id.
    package let container: String
    package let isRunning: Bool

    package init(image: Digest, container: String, isRunning: Bool) {
        self.image = image
        self.container = container
        self.isRunning = isRunning
    }
}

/// One thing that removing an image has done.
package enum ImageRemovalStep: Sendable, Equatable {
    /// A name, in the familiar form, and the image it stood for.
    case untagged(String, of: Digest)
    /// An image's id or a layer's chain id.
    case deletedImage(Digest)
    case deletedLayer(Digest)
}
