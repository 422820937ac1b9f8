import Concurrency
import EngineInterface
import Foundation
import LinuxSystem
import Logging
import NIOCore
package import OCI

extension ImageStore {
    /// Layers that are fetched and unpacked at a time, as Docker does.
    static let parallelLayers = 3
    /// Bytes collected before they are written.
    static let writeBytes = 1 << 20
    static let mostLayers = 512

    /// What one pull works with.
    private struct Pull: Sendable {
        let reference: ImageReference
        let endpoint: RegistryEndpoint
        let login: RegistryLogin?
        let relay: ProgressRelay
    }

    /// Fetches an image, unpacks it and gives it the name asked for; what is there already is not fetched again.
    /// - Parameters:
    ///   - reference: As the user wrote it; without tag or digest, `latest` is meant.
    ///   - platform: As in `linux/arm64`; `nil` for the node's own.
    /// - Throws: ``RegistryError`` with Docker's words, ``ImagesError`` when what came is not what was asked for.
    @discardableResult
    package func pull(
        _ reference: String, platform: String? = nil, login: RegistryLogin? = nil, progress: @escaping ProgressReceiver
    ) async throws -> PulledImage {
        let name = try ImageReference(reference).withDefaultTag
        var requested = self.platform
        if let platform, !platform.isEmpty {
            guard let parsed = Platform(platform) else {
                throw ImageError.invalidPlatform("\(platform)")
            }
            requested = parsed
        }
        let platform = requested
        return try await reporting(to: progress) { relay in try await self.pull(name, platform, login, relay) }
    }

    nonisolated private func pull(
        _ name: ImageReference, _ platform: Platform, _ login: RegistryLogin?, _ relay: ProgressRelay
    ) async throws -> PulledImage {
        let top = try await registry.manifest(name, login: login)
        // Before anything is said of the pull: what is not there for the platform has a status of its own.
        let chosen = try await choose(top, name, platform, login)
        relay.report(ProgressReport("Pulling from \(name.path)", id: name.digest?.description ?? name.tag))
        guard case .manifest(let manifest) = try RegistryDocument(chosen.bytes, mediaType: chosen.mediaType) else {
            throw ImagesError(.damaged, "the index for \(name.familiar) names another index")
        }
        let id = manifest.config.digest
        let blobs = [chosen.digest, id] + manifest.layers.map(\.digest)
        let pull = Pull(reference: name, endpoint: top.endpoint, login: login, relay: relay)
        let isNew = try await withPins(blobs) {
            try await self.obtain(manifest, chosen, names: [name, name.digested(top.digest)], pull)
        }
        relay.report(ProgressReport("Digest: \(top.digest)"))
        relay.report(
            ProgressReport(
                isNew
                    ? "Status: Downloaded newer image for \(name.familiar)"
                    : "Status: Image is up to date for \(name.familiar)"))
        return PulledImage(id: id, digest: top.digest, isNew: isNew)
    }

    /// Fetches what is missing of an image and names it. Tells whether the name stood for another before.
    nonisolated private func obtain(
        _ manifest: ImageManifest, _ chosen: FetchedManifest, names: [ImageReference], _ pull: Pull
    ) async throws -> Bool {
        let id = manifest.config.digest
        let name = pull.reference
        let configuration = try await configuration(manifest.config, pull)
        let diffIDs = configuration.rootFileSystem.diffIDs
        guard diffIDs.count == manifest.layers.count, diffIDs.count <= Self.mostLayers else {
            throw ImagesError(
                .damaged, "\(name.familiar) has \(manifest.layers.count) layers, its configuration \(diffIDs.count)")
        }
        let chains = configuration.rootFileSystem.chainIDs
        return try await withPins(chains) { [self] in
            try await obtainLayers(manifest.layers, diffIDs, chains, pull)
            try await keep(chosen.bytes)
            let isNew = await table.id(name) != id
            let record = ImageTable.Record(
                layers: manifest.layers, manifest: chosen.descriptor, lastTagged: Date().timeIntervalSince1970)
            try await add(id, record, names: names)
            return isNew
        }
    }

    /// The manifest for the platform, where the name stands for several.
    nonisolated private func choose(
        _ top: FetchedManifest, _ name: ImageReference, _ platform: Platform, _ login: RegistryLogin?
    ) async throws -> FetchedManifest {
        guard case .index(let index) = try RegistryDocument(top.bytes, mediaType: top.mediaType) else { return top }
        guard let fitting = index.manifest(for: platform) else {
            throw OCIError(.noMatchingPlatform, "no matching manifest for \(platform) in the manifest list entries")
        }
        return try await registry.manifest(name.digested(fitting.digest), login: login, first: top.endpoint)
    }

    nonisolated private func configuration(_ requested: ContentDescriptor, _ pull: Pull) async throws
        -> ImageConfiguration
    {
        let digest = requested.digest
        guard requested.size <= ContentStore.longestDocument else {
            throw ImagesError(.damaged, "the configuration of \(pull.reference.familiar) has \(requested.size) bytes")
        }
        return try await locks.runUnlessCancelled(.blob(digest)) {
            if let known = try await onThread({ [content] in try content.document(digest) }) {
                return try OCIDocument.decode(known)
            }
            let bytes = try await self.document(digest, limit: Int(clamping: requested.size), pull)
            let configuration: ImageConfiguration = try OCIDocument.decode(bytes)
            try await onThread { [content] in _ = try content.store(bytes) }
            return configuration
        }
    }

    /// A configuration's bytes, from whichever endpoint has them as they should be.
    nonisolated private func document(_ digest: Digest, limit: Int, _ pull: Pull) async throws -> [UInt8] {
        try await registry.anywhere(pull.reference, login: pull.login, first: pull.endpoint) { call in
            let collected = Collected()
            try await registry.blob(digest, call) { piece in try collected.append(piece, limit: limit) }
            guard Digest(of: collected.bytes) == digest else {
                throw ImagesError(.damaged, "image config verification failed for digest \(digest)")
            }
            return collected.bytes
        }
    }

    /// Keeps a document that is pinned. In its turn: a removal of before may still be going on.
    nonisolated func keep(_ document: [UInt8]) async throws {
        try await locks.runUnlessCancelled(.blob(Digest(of: document))) { [content] in
            try await onThread { _ = try content.store(document) }
        }
    }

    // MARK: Layers

    nonisolated private func obtainLayers(
        _ descriptors: [ContentDescriptor], _ diffIDs: [Digest], _ chains: [Digest], _ pull: Pull
    ) async throws {
        let present = try await onThread { [layers] in try chains.map { try layers.record($0) != nil } }
        for (index, descriptor) in descriptors.enumerated() {
            guard MediaType.isLayer(descriptor.mediaType), descriptor.mediaType != MediaType.dockerForeignLayer else {
                throw ImageError.unsupportedLayer(descriptor.mediaType)
            }
            let status = present[index] ? "Already exists" : "Pulling fs layer"
            pull.relay.report(ProgressReport(status, layer: descriptor.digest))
        }
        let missing = descriptors.indices.filter { !present[$0] }
        for index in missing.dropFirst(Self.parallelLayers) {
            pull.relay.report(ProgressReport("Waiting", layer: descriptors[index].digest))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Those that are there are looked at once more when it is their turn: a removal of before may still be going on.
            for (position, index) in (missing + descriptors.indices.filter { present[$0] }).enumerated() {
                if position >= Self.parallelLayers { try await group.next() }
                group.addTask {
                    try await self.obtainLayer(
                        descriptors[index], diffIDs[index], chains[index], pull, isTold: present[index])
                }
            }
            try await group.waitForAll()
        }
    }

    /// Fetches and unpacks a layer. A blob that was kept and turns out damaged is fetched again, once.
    /// - Parameter isTold: That it is there has been reported.
    nonisolated private func obtainLayer(
        _ descriptor: ContentDescriptor, _ diffID: Digest, _ chain: Digest, _ pull: Pull, isTold: Bool
    ) async throws {
        try await locks.runUnlessCancelled(.layer(chain)) { [self] in
            if try await onThread({ [layers] in try layers.record(chain) != nil }) {
                if !isTold { pull.relay.report(ProgressReport("Already exists", layer: descriptor.digest)) }
                return
            }
            let fetched = try await obtainBlob(descriptor, pull)
            do {
                try await unpack(descriptor, diffID, chain, pull.relay)
            } catch let error as ImagesError where !fetched && error.code != .refusedEntry {
                log.warning("a kept layer is damaged and is fetched again", metadata: ["blob": "\(descriptor.digest)"])
                try await locks.runUnlessCancelled(.blob(descriptor.digest)) { [content] in
                    try await onThread { try content.remove(descriptor.digest) }
                }
                _ = try await obtainBlob(descriptor, pull)
                try await unpack(descriptor, diffID, chain, pull.relay)
            }
            pull.relay.report(ProgressReport("Pull complete", layer: descriptor.digest))
        }
    }

    nonisolated private func unpack(
        _ descriptor: ContentDescriptor, _ diffID: Digest, _ chain: Digest, _ relay: ProgressRelay
    ) async throws {
        _ = try await stoppable { [layers, content] stop in
            try layers.unpack(
                content.path(descriptor.digest), blob: descriptor.digest, diffID: diffID, as: chain, stop: stop
            ) { relay.report(ProgressReport("Extracting", layer: descriptor.digest, $0, of: descriptor.size)) }
        }
    }

    /// False when the blob was there.
    nonisolated private func obtainBlob(_ descriptor: ContentDescriptor, _ pull: Pull) async throws -> Bool {
        try await locks.runUnlessCancelled(.blob(descriptor.digest)) { [self] in
            if content.has(descriptor.digest, size: descriptor.size) {
                pull.relay.report(ProgressReport("Download complete", layer: descriptor.digest))
                return false
            }
            try await registry.anywhere(pull.reference, login: pull.login, first: pull.endpoint) { call in
                try await self.download(descriptor, call, pull.relay)
            }
            return true
        }
    }

    nonisolated private func download(
        _ descriptor: ContentDescriptor, _ call: RegistryCall, _ relay: ProgressRelay
    ) async throws {
        let writer = try await onThread { [content] in try BlobWriter(in: content) }
        let collected = Collected()
        var digester = Digester()
        var received: Int64 = 0
        try await registry.blob(descriptor.digest, call) { piece in
            received += Int64(clamping: piece.readableBytes)
            guard received <= descriptor.size else { throw Self.damaged(descriptor) }
            piece.withUnsafeReadableBytes { digester.update($0) }
            try collected.append(piece, limit: .max)
            if collected.bytes.count >= Self.writeBytes {
                let bytes = collected.take()
                try await onThread { try writer.append(bytes) }
                relay.report(ProgressReport("Downloading", layer: descriptor.digest, received, of: descriptor.size))
            }
        }
        let rest = collected.take()
        relay.report(ProgressReport("Downloading", layer: descriptor.digest, received, of: descriptor.size))
        relay.report(ProgressReport("Verifying Checksum", layer: descriptor.digest))
        guard received == descriptor.size, digester.finish() == descriptor.digest else {
            throw Self.damaged(descriptor)
        }
        try await onThread {
            try writer.append(rest)
            try writer.commit(descriptor.digest)
        }
        relay.report(ProgressReport("Download complete", layer: descriptor.digest))
    }

    private static func damaged(_ descriptor: ContentDescriptor) -> ImagesError {
        ImagesError(.damaged, "filesystem layer verification failed for digest \(descriptor.digest)")
    }

    // MARK: Distribution

    /// What a registry has under a name, without fetching it: its descriptor and the platforms it is for.
    package func distribution(_ reference: String, login: RegistryLogin? = nil) async throws -> (
        descriptor: ContentDescriptor, platforms: [Platform]
    ) {
        let name = try ImageReference(reference).withDefaultTag
        let top = try await registry.manifest(name, login: login)
        switch try RegistryDocument(top.bytes, mediaType: top.mediaType) {
        case .index(let index): return (top.descriptor, index.manifests.compactMap(\.platform))
        case .manifest(let manifest):
            let pull = Pull(reference: name, endpoint: top.endpoint, login: login, relay: ProgressRelay())
            let bytes = try await document(manifest.config.digest, limit: ContentStore.longestDocument, pull)
            let configuration: ImageConfiguration = try OCIDocument.decode(bytes)
            return (top.descriptor, [configuration.platform])
        }
    }
}

/// Bytes that come in pieces, used by one task.
final class Collected {
    private(set) var bytes: [UInt8] = []

    func append(_ piece: ByteBuffer, limit: Int) throws {
        guard bytes.count + piece.readableBytes <= limit else {
            throw ImagesError(.damaged, "a document is longer than it should be")
        }
        bytes.append(contentsOf: piece.readableBytesView)
    }

    func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }
}
