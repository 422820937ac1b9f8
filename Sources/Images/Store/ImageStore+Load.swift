import Concurrency
import Foundation
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
        try await turns.runUnlessCancelled(.layer(chain)) { [self] in
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
        try await turns.runUnlessCancelled(.blob(file.digest)) { [content] in
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
