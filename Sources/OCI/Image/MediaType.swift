/// Media types of registry documents (image-spec, media-types.md; Docker's image manifest version 2, schema 2).
package enum MediaType {
    package static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
    package static let ociIndex = "application/vnd.oci.image.index.v1+json"
    package static let ociConfiguration = "application/vnd.oci.image.config.v1+json"
    package static let ociLayer = "application/vnd.oci.image.layer.v1.tar"
    package static let ociLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
    package static let ociLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd"
    package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    package static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    package static let dockerConfiguration = "application/vnd.docker.container.image.v1+json"
    package static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"
    package static let dockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    package static let dockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

    /// Those we ask a registry for, best first.
    package static let manifests = [dockerManifest, dockerList, ociIndex, ociManifest]

    /// Whether a document names manifests for several platforms.
    package static func isIndex(_ type: String) -> Bool { type == ociIndex || type == dockerList }
    /// Whether a document is one image's.
    package static func isManifest(_ type: String) -> Bool { type == ociManifest || type == dockerManifest }
    /// Whether a blob is a layer's archive, packed or not; foreign ones are, too, though registries do not have them.
    package static func isLayer(_ type: String) -> Bool {
        [ociLayer, ociLayerGzip, ociLayerZstd, dockerLayer, dockerLayerGzip, dockerForeignLayer].contains(type)
    }
}
