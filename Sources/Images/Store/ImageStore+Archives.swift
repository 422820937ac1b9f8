import Concurrency
import Foundation
import FoundationEssentials
import LinuxSystem
import Logging
package import NIOCore
package import OCI

extension ImageStore {
    /// Reads an archive of images: what `docker save` writes, old or new, or an OCI image layout; plain or packed.
    ///
    /// The archive goes to disk as it comes, not into memory.
    /// - Returns: The images, in the archive's order.
    /// - Throws: ``ImagesError``: `badArchive` for what is no such archive, `damaged` for content with a wrong digest.
    package func load(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, progress: @escaping ProgressReceiver
    ) async throws -> [LoadedImage] {
        let spool = try await spool(archive)
        return try await reporting(to: progress) { relay in
            let images = try await self.stoppable {
                [content = self.content, platform = self.platform, bound = self.layers.bound] stop in
                let contents = try ArchiveContents(spool.temporary, in: content, bound: bound, stop: stop)
                return try ArchivedImage.all(in: contents, platform: platform)
            }
            guard !images.isEmpty else { throw ImagesError(.badArchive, "invalid archive: there is no image in it") }
            var loaded: [LoadedImage] = []
            for image in images { loaded.append(try await self.take(image, relay)) }
            return loaded
        }
    }

    /// Writes what comes into a file of its own.
    nonisolated func spool(_ bytes: some AsyncSequence<ByteBuffer, any Error> & Sendable) async throws -> BlobWriter {
        let writer = try await onThread { [content] in try BlobWriter(in: content) }
        var waiting: [UInt8] = []
        for try await piece in bytes {
            waiting += piece.readableBytesView
            guard waiting.count >= Self.writeBytes else { continue }
            let full = waiting
            waiting = []
            try await onThread { try writer.append(full) }
        }
        let rest = waiting
        try await onThread {
            try writer.append(rest)
            writer.finish()
        }
        return writer
    }

    /// Work that reports lines from many tasks, with its result.
    nonisolated func reporting<Answer: Sendable>(
        to progress: @escaping ProgressReceiver, _ work: @escaping @Sendable (ProgressRelay) async throws -> Answer
    ) async throws -> Answer {
        let relay = ProgressRelay()
        return try await withThrowingTaskGroup(of: Answer?.self) { group in
            group.addTask {
                try await relay.deliver(to: progress)
                return nil
            }
            group.addTask {
                defer { relay.finish() }
                return try await work(relay)
            }
            var result: Answer?
            while let ended = try await group.next() { result = ended ?? result }
            guard let result else { throw CancellationError() }
            return result
        }
    }

    /// Blocking work on a thread that is asked to stop when the task is cancelled.
    nonisolated func stoppable<Answer: Sendable>(_ work: @escaping @Sendable (StopFlag) throws -> Answer) async throws
        -> Answer
    {
        let stop = StopFlag()
        return try await withTaskCancellationHandler {
            try await onThread { try work(stop) }
        } onCancel: {
            stop.stop()
        }
    }

    /// Puts one image of an archive into the store.
    nonisolated private func take(_ image: ArchivedImage, _ relay: ProgressRelay) async throws -> LoadedImage {
        let configuration: ImageConfiguration = try OCIDocument.decode(image.configuration)
        let id = Digest(of: image.configuration)
        let diffIDs = configuration.rootFileSystem.diffIDs
        guard diffIDs.count == image.layers.count, diffIDs.count <= Self.mostLayers else {
            throw ImagesError(
                .badArchive,
                "invalid archive: image \(id.short) has \(image.layers.count) layers, its configuration \(diffIDs.count)"
            )
        }
        let chains = configuration.rootFileSystem.chainIDs
        let blobs = [id] + image.layers.map(\.digest) + (image.manifest.map { [$0.descriptor.digest] } ?? [])
        let tags = try await withPins(blobs + chains) { [self] in
            var record = ImageTable.Record(
                layers: image.layers.map(\.descriptor), manifest: image.manifest?.descriptor,
                lastTagged: Date().timeIntervalSince1970)
            if let known = await self.known(id) {
                // What is there has blobs and a manifest that belong together.
                record = known
            } else {
                for (index, file) in image.layers.enumerated() {
                    try await takeLayer(file, diffIDs[index], chains[index], relay)
                }
                try await keep(image.configuration)
                if let manifest = image.manifest { try await keep(manifest.bytes) }
            }
            for name in image.names {
                guard let old = await table.id(name), old != id else { continue }
                relay.report(
                    ProgressReport(
                        stream:
                            "The image \(name.familiar) already exists, renaming the old one with ID \(old) to empty string"
                    ))
            }
            try await add(id, record, names: image.names)
            return image.names.map(\.familiar)
        }
        return LoadedImage(id: id, tags: tags)
    }

    private func known(_ id: Digest) -> ImageTable.Record? { usable[id] == nil ? nil : table.record(id) }

    nonisolated private func takeLayer(
        _ file: ArchiveContents.File, _ diffID: Digest, _ chain: Digest, _ relay: ProgressRelay
    ) async throws {
        try await keep(file, anew: false)
        try await locks.runUnlessCancelled(.layer(chain)) { [self] in
            if try await onThread({ [layers] in try layers.record(chain) != nil }) { return }
            do {
                try await unpack(file, diffID, chain, relay)
            } catch let error as ImagesError where error.code == .damaged || error.code == .badArchive {
                // The blob that was kept may be at fault, and the archive's is as it should be.
                guard try await keep(file, anew: true) else { throw error }
                log.warning("a kept layer was damaged and is replaced", metadata: ["blob": "\(file.digest)"])
                try await unpack(file, diffID, chain, relay)
            }
        }
    }

    /// Makes an archive's file the store's blob, where there is none, or in any case.
    /// - Returns: False when nothing was done. The file may be another layer's, too: it was made a blob then.
    @discardableResult
    nonisolated private func keep(_ file: ArchiveContents.File, anew: Bool) async throws -> Bool {
        try await locks.runUnlessCancelled(.blob(file.digest)) { [content] in
            try await onThread {
                if !anew, content.has(file.digest, size: file.size) { return false }
                guard Files.exists(file.writer.temporary) else { return false }
                try file.writer.commit(file.digest)
                return true
            }
        }
    }

    nonisolated private func unpack(
        _ file: ArchiveContents.File, _ diffID: Digest, _ chain: Digest, _ relay: ProgressRelay
    ) async throws {
        _ = try await stoppable { [layers, content] stop in
            try layers.unpack(
                content.path(file.digest), blob: file.digest, diffID: diffID, as: chain, stop: stop
            ) { relay.report(ProgressReport("Loading layer", layer: diffID, $0, of: file.size)) }
        }
    }

    // MARK: Import

    /// Makes an image of an archive of files: one layer, no settings.
    /// - Parameters:
    ///   - name: As the user wrote it; `nil` for an image without a name.
    ///   - comment: What the image's history says of it.
    package func importImage(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, name: String?, comment: String
    ) async throws -> Digest {
        let name = try name.map { text throws(OCIError) in
            let name = try ImageReference(text)
            if name.digest != nil { throw OCIError(.badReference, "cannot import digest reference") }
            return name.withDefaultTag
        }
        let spool = try await spool(archive)
        let (packed, plain, size, beginning) = try await stoppable { [bound = layers.bound] stop in
            let reader = try LayerArchive(spool.temporary, stop: stop, bound: bound)
            while try reader.next() != nil {}
            let digests = try reader.finish()
            let file = try Descriptor.open(spool.temporary, O_RDONLY)
            return (digests.packed, digests.plain, reader.bytesRead, try file.readSome(8))
        }
        let layer = ArchiveContents.File(writer: spool, digest: packed, size: size, beginning: beginning)
        var configuration = ImageConfiguration(
            architecture: platform.architecture, os: platform.os, rootFileSystem: .init(diffIDs: [plain]))
        configuration.created = ISO8601DateFormatter().string(from: Date())
        configuration.comment = comment
        var step = ImageConfiguration.History(created: configuration.created)
        step.comment = comment
        configuration.history = [step]
        let image = ArchivedImage(
            configuration: try OCIDocument.encode(configuration), layers: [layer], names: name.map { [$0] } ?? [])
        return try await take(image, ProgressRelay()).id
    }
}

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
    ///   - platform: What each has to be for, as of ``image(_:platform:)``.
    ///   - sink: Called for the first time when all images were found and their documents read.
    /// - Returns: The ids of the images written.
    /// - Throws: 404 for an image that is not there; ``ImagesError`` `damaged` when a blob is not what it should be: what
    ///   was written is no whole archive then.
    @discardableResult
    package func save(
        _ references: [String], platform: String? = nil, to sink: @escaping ArchiveSink
    ) async throws -> [Digest] {
        let wanted = try Self.wanted(platform)
        var requested: [(id: Digest, names: [ImageReference])] = []
        for reference in references {
            for (id, names) in try named(reference) {
                try require(wanted, of: id, named: reference)
                guard let index = requested.firstIndex(where: { $0.id == id }) else {
                    requested.append((id, names))
                    continue
                }
                requested[index].names += names.filter { !requested[index].names.contains($0) }
            }
        }
        let blobs = requested.flatMap { image in [image.id] + (table.record(image.id).map(Self.blobs) ?? [])
        }
        let list = requested
        try await withPins(blobs) { [self] in
            var images: [SavingImage] = []
            for image in list { images.append(try await saving(image.id, image.names)) }
            try await write(images, to: sink)
        }
        return requested.map(\.id)
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
