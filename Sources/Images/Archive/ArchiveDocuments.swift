import OCI

/// Names in an archive of images: Docker's `manifest.json` beside an OCI image layout (image-spec, image-layout.md).
enum ArchiveNames {
    static let blobs = "blobs/sha256/"
    static let index = "index.json"
    static let layout = "oci-layout"
    static let manifest = "manifest.json"
    /// The annotation with the whole name of an image, as Docker and containerd write it.
    static let nameAnnotation = "io.containerd.image.name"
    /// The annotation with a tag, or by some tools a whole name (image-spec, annotations.md).
    static let tagAnnotation = "org.opencontainers.image.ref.name"

    static func blob(_ digest: Digest) -> String { blobs + digest.hex }
}

/// An entry of `manifest.json`.
struct SavedImage: Codable, Sendable, Equatable {
    /// Path of the configuration.
    var config: String
    var repoTags: [String]?
    /// Paths of the layers' archives, lowest first.
    var layers: [String]?

    private enum CodingKeys: String, CodingKey {
        case config = "Config"
        case repoTags = "RepoTags"
        case layers = "Layers"
    }
}

/// `oci-layout`
struct LayoutMark: Codable, Sendable {
    var imageLayoutVersion = "1.0.0"
}
