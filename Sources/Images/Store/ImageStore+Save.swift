import FoundationEssentials
import LinuxSystem
package import NIOCore
package import OCI

/// An image to be written to an archive: its documents, and where its blobs are.
struct SavingImage: Sendable {
    let id: Digest
    /// Tags that go along.
    let names: [ImageReference]
    let manifest: (bytes: [UInt8], descriptor: ContentDescriptor)
    let configuration: [UInt8]
    let layers: [ContentDescriptor]
    /// Seconds since 1970.
    let created: Int64
}

extension ImageStore {
    /// Takes pieces of an archive, in order; throwing ends the writing.
    package typealias ArchiveSink = @Sendable (ByteBuffer) async throws -> Void

    private static let pieceBytes = 1 << 20

    /// Writes images as an archive: an OCI image layout with Docker's `manifest.json` beside it, as Docker writes since
    /// version 25. Blobs are those that were pulled, pushed or loaded, packed as they are.
    /// - Parameters:
    ///   - references: A name with tag gives the image with that tag; a name alone gives all its tags; an id gives an image
    ///     without a name.
    ///   - sink: Called for the first time when all images were found and their documents read.
    /// - Returns: The ids of the images written.
    /// - Throws: 404 for an image that is not there; ``ImagesError`` `damaged` when a blob is not what it should be: what
    ///   was written is no whole archive then.
    @discardableResult
    package func save(_ references: [String], to sink: @escaping ArchiveSink) async throws -> [Digest] {
        var wanted: [(id: Digest, names: [ImageReference])] = []
        for reference in references {
            for (id, names) in try named(reference) {
                guard let index = wanted.firstIndex(where: { $0.id == id }) else {
                    wanted.append((id, names))
                    continue
                }
                wanted[index].names += names.filter { !wanted[index].names.contains($0) }
            }
        }
        let blobs = wanted.flatMap { wish in [wish.id] + (table.record(wish.id).map(Self.blobs) ?? []) }
        let list = wanted
        try await withPins(blobs) { [self] in
            var images: [SavingImage] = []
            for wish in list { images.append(try await saving(wish.id, wish.names)) }
            try await write(images, to: sink)
        }
        return wanted.map(\.id)
    }

    static func blobs(_ record: ImageTable.Record) -> [Digest] {
        record.layers.map(\.digest) + (record.manifest.map { [$0.digest] } ?? [])
    }

    /// What a reference in a save or push means: images with those of their tags that it names.
    private func named(_ reference: String) throws -> [(id: Digest, names: [ImageReference])] {
        // What is no name may still be an id.
        if let name = try? ImageReference(reference), name.isNameOnly {
            let tags = table.tags(of: name)
            if !tags.isEmpty {
                return Dictionary(grouping: tags, by: \.id).map { ($0.key, $0.value.map(\.name)) }
                    .sorted { $0.0 < $1.0 }
            }
        }
        let id = try resolve(reference)
        guard let name = try? ImageReference(reference), name.digest == nil, table.id(name) == id else {
            return [(id, [])]  // As above.
        }
        return [(id, [name.withDefaultTag])]
    }

    /// Reads an image's documents. One that came without a manifest gets one.
    func saving(_ id: Digest, _ names: [ImageReference]) async throws -> SavingImage {
        guard let record = table.record(id) else { throw Self.missing(id.description) }
        return try await onThread { [content] in
            guard let configuration = try content.document(id) else {
                throw ImagesError(.missing, "the configuration of image \(id.short) is missing or damaged")
            }
            let parsed: ImageConfiguration = try OCIDocument.decode(configuration)
            let created = parsed.created.flatMap { try? Date($0, strategy: .iso8601) }  // None is as good.
            for layer in record.layers where !content.has(layer.digest, size: layer.size) {
                throw ImagesError(.missing, "layer \(layer.digest) of image \(id.short) is missing or damaged")
            }
            let manifest: (bytes: [UInt8], descriptor: ContentDescriptor)
            if let descriptor = record.manifest {
                guard let bytes = try content.document(descriptor.digest) else {
                    throw ImagesError(.missing, "the manifest of image \(id.short) is missing or damaged")
                }
                manifest = (bytes, descriptor)
            } else {
                manifest = try ImageManifest.document(
                    configuration: id, size: Int64(clamping: configuration.count), layers: record.layers)
            }
            return SavingImage(
                id: id, names: names, manifest: manifest, configuration: configuration, layers: record.layers,
                created: created.flatMap { Int64(exactly: $0.timeIntervalSince1970.rounded(.down)) } ?? 0)
        }
    }

    nonisolated private func write(_ images: [SavingImage], to sink: ArchiveSink) async throws {
        var written: Set<Digest> = []
        try await sink(ByteBuffer(bytes: directoryHeader("blobs/")))
        try await sink(ByteBuffer(bytes: directoryHeader("blobs/sha256/")))
        for image in images {
            for document in [image.manifest.bytes, image.configuration] {
                let digest = Digest(of: document)
                guard written.insert(digest).inserted else { continue }
                try await write(document, as: ArchiveNames.blob(digest), image.created, to: sink)
            }
            for layer in image.layers where written.insert(layer.digest).inserted {
                try await write(layer, image.created, to: sink)
            }
        }
        var index = ImageIndex(mediaType: MediaType.ociIndex, manifests: [])
        for image in images {
            var plain = image.manifest.descriptor
            plain.annotations = nil
            if image.names.isEmpty { index.manifests.append(plain) }
            for name in image.names {
                plain.annotations = [
                    ArchiveNames.nameAnnotation: name.description, ArchiveNames.tagAnnotation: name.tag ?? "latest",
                ]
                index.manifests.append(plain)
            }
        }
        let saved = images.map { image in
            SavedImage(
                config: ArchiveNames.blob(image.id), repoTags: image.names.isEmpty ? nil : image.names.map(\.familiar),
                layers: image.layers.map { ArchiveNames.blob($0.digest) })
        }
        try await write(try OCIDocument.encode(index), as: ArchiveNames.index, 0, to: sink)
        try await write(try OCIDocument.encode(saved), as: ArchiveNames.manifest, 0, to: sink)
        try await write(try OCIDocument.encode(LayoutMark()), as: ArchiveNames.layout, 0, to: sink)
        try await sink(ByteBuffer(bytes: TarHeader.end))
    }

    nonisolated private func write(
        _ document: [UInt8], as name: String, _ modified: Int64, to sink: ArchiveSink
    ) async throws {
        let size = Int64(clamping: document.count)
        let header = fileHeader(name, size: size, modified: modified)
        try await sink(ByteBuffer(bytes: header + document + TarHeader.padding(after: UInt64(clamping: size))))
    }

    nonisolated private func write(_ layer: ContentDescriptor, _ modified: Int64, to sink: ArchiveSink) async throws {
        let path = content.path(layer.digest)
        let reader = try await onThread { try BlobReader(path, digest: layer.digest, size: layer.size) }
        let name = ArchiveNames.blob(layer.digest)
        try await sink(ByteBuffer(bytes: fileHeader(name, size: layer.size, modified: modified)))
        while let piece = try await onThread({ try reader.next(Self.pieceBytes) }) {
            try await sink(ByteBuffer(bytes: piece))
        }
        try await sink(ByteBuffer(bytes: TarHeader.padding(after: UInt64(clamping: layer.size))))
    }

    nonisolated private func directoryHeader(_ path: String) -> [UInt8] {
        var header = TarHeader(path: Array(path.utf8), kind: .directory)
        header.mode = 0o755
        return header.bytes
    }

    nonisolated private func fileHeader(_ path: String, size: Int64, modified: Int64) -> [UInt8] {
        var header = TarHeader(path: Array(path.utf8), kind: .regular)
        header.size = UInt64(clamping: size)
        header.modified = modified
        return header.bytes
    }
}

extension ImageManifest {
    /// The manifest of an image that came without one.
    static func document(configuration: Digest, size: Int64, layers: [ContentDescriptor]) throws -> (
        bytes: [UInt8], descriptor: ContentDescriptor
    ) {
        let manifest = ImageManifest(
            mediaType: MediaType.ociManifest,
            config: ContentDescriptor(mediaType: MediaType.ociConfiguration, digest: configuration, size: size),
            layers: layers)
        let bytes = try OCIDocument.encode(manifest)
        return (
            bytes,
            ContentDescriptor(
                mediaType: MediaType.ociManifest, digest: Digest(of: bytes), size: Int64(clamping: bytes.count))
        )
    }
}
