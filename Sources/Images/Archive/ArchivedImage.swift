import OCI

/// One image of an archive: which of its files are which.
struct ArchivedImage: Sendable {
    let configuration: [UInt8]
    /// Lowest first.
    let layers: [ArchiveContents.File]
    let names: [ImageReference]
    /// Its manifest, where the archive has one that names just these blobs.
    let manifest: (bytes: [UInt8], descriptor: ContentDescriptor)?

    /// All images of an archive: those of Docker's `manifest.json` or, without it, of the OCI index.
    /// - Parameter platform: Decides where the index has an image for several.
    static func all(in contents: ArchiveContents, platform: Platform) throws -> [ArchivedImage] {
        let manifests = try contents.document(ArchiveNames.index).map { bytes in
            try Self.manifests(in: try OCIDocument.decode(bytes), contents, platform)
        }
        if let document = try contents.document(ArchiveNames.manifest) {
            let saved: [SavedImage] = try OCIDocument.decode(document)
            return try saved.map { try ArchivedImage($0, contents, manifests ?? []) }
        }
        guard let manifests else {
            throw ImagesError(.badArchive, "invalid archive: does not contain a manifest.json or an index.json")
        }
        return try manifests.map { try ArchivedImage($0, contents) }
    }

    private struct Indexed {
        var bytes: [UInt8]
        var descriptor: ContentDescriptor
        var manifest: ImageManifest
        var names: [ImageReference]
    }

    private static func manifests(in index: ImageIndex, _ contents: ArchiveContents, _ platform: Platform) throws
        -> [Indexed]
    {
        try index.manifests.compactMap { top in
            var descriptor = top
            var bytes = try contents.requiredDocument(ArchiveNames.blob(top.digest))
            // An image for several platforms: of one that is not ours alone, the archive may have nothing more.
            if case .index(let inner) = try RegistryDocument(bytes, mediaType: top.mediaType) {
                guard let fitting = inner.manifest(for: platform) else {
                    throw OCIError(.noMatchingPlatform, "no matching manifest for \(platform) in the archive")
                }
                descriptor = fitting
                bytes = try contents.requiredDocument(ArchiveNames.blob(fitting.digest))
            }
            guard case .manifest(let manifest) = try RegistryDocument(bytes, mediaType: descriptor.mediaType) else {
                throw ImagesError(.badArchive, "invalid archive: an index names an index that names an index")
            }
            // Attestations and other artifacts are no images.
            guard [MediaType.ociConfiguration, MediaType.dockerConfiguration].contains(manifest.config.mediaType) else {
                return nil
            }
            descriptor.annotations = nil
            return Indexed(bytes: bytes, descriptor: descriptor, manifest: manifest, names: names(top))
        }
    }

    /// What an index calls an image; what is no name is passed over.
    private static func names(_ descriptor: ContentDescriptor) -> [ImageReference] {
        let annotations = descriptor.annotations ?? [:]
        let texts = [annotations[ArchiveNames.nameAnnotation], annotations[ArchiveNames.tagAnnotation]]
        for text in texts.compactMap({ $0 }) where text.contains(":") || text.contains("/") {
            // Tools write what they like there.
            if let name = try? ImageReference(text), name.digest == nil { return [name.withDefaultTag] }
        }
        return []
    }

    private init(_ saved: SavedImage, _ contents: ArchiveContents, _ indexed: [Indexed]) throws {
        let bytes = try contents.requiredDocument(saved.config)
        let files = try (saved.layers ?? []).map { try contents.required($0) }
        let id = Digest(of: bytes)
        let known = indexed.first {
            $0.manifest.config.digest == id && $0.manifest.layers.map(\.digest) == files.map(\.digest)
        }
        self.init(
            configuration: bytes, layers: files,
            names: try (saved.repoTags ?? []).map { text in
                let name = try ImageReference(text)
                guard name.digest == nil else {
                    throw ImagesError(.badArchive, "invalid archive: \(text) is no tag")
                }
                return name.withDefaultTag
            }, manifest: known.map { ($0.bytes, $0.descriptor) })
    }

    private init(_ indexed: Indexed, _ contents: ArchiveContents) throws {
        self.init(
            configuration: try contents.requiredDocument(ArchiveNames.blob(indexed.manifest.config.digest)),
            layers: try indexed.manifest.layers.map { try contents.required(ArchiveNames.blob($0.digest)) },
            names: indexed.names, manifest: (indexed.bytes, indexed.descriptor))
    }

    init(
        configuration: [UInt8], layers: [ArchiveContents.File], names: [ImageReference],
        manifest: (bytes: [UInt8], descriptor: ContentDescriptor)? = nil
    ) {
        self.configuration = configuration
        self.layers = layers
        self.manifest = manifest
        self.names = names
    }
}

extension ArchiveContents.File {
    /// By the first bytes: gzip (RFC 1952), zstd (RFC 8878), else plain.
    var descriptor: ContentDescriptor {
        let type =
            beginning.starts(with: [0x1f, 0x8b])
            ? MediaType.ociLayerGzip
            : beginning.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) ? MediaType.ociLayerZstd : MediaType.ociLayer
        return ContentDescriptor(mediaType: type, digest: digest, size: size)
    }
}
