import Concurrency
import EngineInterface
import LinuxSystem
import Logging
package import OCI

/// A tag that a registry has got.
package struct PushedTag: Sendable, Equatable {
    /// Without the name of the repository.
    package let tag: String
    /// Of the manifest.
    package let digest: Digest
    /// Bytes of the manifest.
    package let size: Int64
}

extension ImageStore {
    /// Blobs that are sent at a time, as Docker does.
    static let parallelUploads = 5
    /// Repositories of which a registry is asked to take layers over.
    private static let mostSources = 2

    private struct Push: Sendable {
        let call: RegistryCall
        /// For each layer, repositories of the registry that have it.
        let sources: [Digest: [String]]
        let relay: ProgressRelay
    }

    /// Sends an image to the registry that its name says.
    /// - Parameters:
    ///   - reference: As the user wrote it.
    ///   - tag: `nil` for all tags of the name, unless it has one of its own.
    ///   - platform: What each has to be for, as of ``image(_:platform:)``.
    /// - Returns: What was sent, in order.
    /// - Throws: ``RegistryError`` in the registry's words; 404 when there is no such tag here.
    package func push(
        _ reference: String, tag: String?, platform: String? = nil, login: RegistryLogin? = nil,
        progress: @escaping ProgressReceiver, pushed: @escaping @Sendable (PushedTag) async throws -> Void
    ) async throws {
        let wanted = try Self.wanted(platform)
        var name = try ImageReference(reference)
        guard name.digest == nil else { throw OCIError(.badReference, "cannot push a digest reference") }
        if let tag, !tag.isEmpty {
            guard ImageReference.isTag(tag) else { throw OCIError(.badReference, "invalid tag format") }
            name = name.tagged(tag)
        }
        let names = name.isNameOnly ? table.tags(of: name).map(\.name) : [name]
        for name in names {
            if let id = table.id(name) { try require(wanted, of: id, named: name.familiar) }
        }
        try await progress(ProgressReport("The push refers to repository [\(name.name)]"))
        guard !names.isEmpty, let first = names.first, names.allSatisfy({ table.id($0) != nil }) else {
            throw ImageError.nothingToPush(name.familiarName)
        }
        let endpoint = try await registry.ping(first.domain, login: nil)
        for name in names {
            let result = try await reporting(to: progress) { relay in
                try await self.push(name, endpoint, login, relay)
            }
            try await pushed(result)
        }
    }

    private func push(
        _ name: ImageReference, _ endpoint: RegistryEndpoint, _ login: RegistryLogin?, _ relay: ProgressRelay
    ) async throws -> PushedTag {
        guard let id = table.id(name), usable[id] != nil else {
            throw ImageError.nothingToPush(name.familiarName)
        }
        try await packLayers(of: id)
        guard let record = table.record(id) else { throw Self.missing(name.familiar) }
        var sources: [Digest: [String]] = [:]
        for layer in record.layers { sources[layer.digest] = repositories(with: layer.digest, besides: name) }
        let offered = Array(Set(sources.values.flatMap { $0 })).sorted()
        let call = RegistryCall(name, at: endpoint, login: login, actions: "pull,push", sources: offered)
        let work = Push(call: call, sources: sources, relay: relay)
        let result = try await withPins([id] + Self.blobs(record)) { [self] in
            let image = try await saving(id, [name])
            let diffIDs = await usable[id]?.configuration.rootFileSystem.diffIDs ?? []
            try await send(zip(image.layers, diffIDs).reversed(), work)
            let configuration = ContentDescriptor(
                mediaType: MediaType.ociConfiguration, digest: id, size: Int64(clamping: image.configuration.count))
            _ = try await registry.push(
                configuration, file: content.path(id), sources: [], call, progress: { _ in })
            let descriptor = image.manifest.descriptor
            try await registry.push(
                image.manifest.bytes, mediaType: descriptor.mediaType, tag: name.tag ?? "latest", call)
            return PushedTag(tag: name.tag ?? "latest", digest: descriptor.digest, size: descriptor.size)
        }
        relay.report(ProgressReport("\(result.tag): digest: \(result.digest) size: \(result.size)"))
        try await remember(name.digested(result.digest), id)
        return result
    }

    /// The registry's name for an image is one of its names from now on.
    private func remember(_ name: ImageReference, _ id: Digest) async throws {
        guard usable[id] != nil, table.id(name) != id else { return }
        table.pointWithoutTagging(name, at: id)
        try await commit()
    }

    /// Other repositories of the same registry that one of our images came from, or went to, with this layer.
    private func repositories(with layer: Digest, besides name: ImageReference) -> [String] {
        var found: Set<String> = []
        for (id, record) in table.images where record.layers.contains(where: { $0.digest == layer }) {
            guard let id = Digest(id) else { continue }
            // Only a name with a digest is one that the registry has for sure.
            for other in table.names(of: id)
            where other.digest != nil && other.domain == name.domain && other.path != name.path {
                found.insert(other.path)
            }
        }
        return Array(found.sorted().prefix(Self.mostSources))
    }

    nonisolated private func send(_ layers: [(ContentDescriptor, Digest)], _ push: Push) async throws {
        for (_, diffID) in layers { push.relay.report(ProgressReport("Preparing", layer: diffID)) }
        for (_, diffID) in layers.dropFirst(Self.parallelUploads) {
            push.relay.report(ProgressReport("Waiting", layer: diffID))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (position, (layer, diffID)) in layers.enumerated() {
                if position >= Self.parallelUploads { try await group.next() }
                group.addTask { try await self.send(layer, diffID, push) }
            }
            try await group.waitForAll()
        }
    }

    nonisolated private func send(_ layer: ContentDescriptor, _ diffID: Digest, _ push: Push) async throws {
        let done = try await registry.push(
            layer, file: content.path(layer.digest), sources: push.sources[layer.digest] ?? [], push.call
        ) { push.relay.report(ProgressReport("Pushing", layer: diffID, $0, of: layer.size)) }
        switch done {
        case .wasThere: push.relay.report(ProgressReport("Layer already exists", layer: diffID))
        case .mounted(let source): push.relay.report(ProgressReport("Mounted from \(source)", layer: diffID))
        case .uploaded: push.relay.report(ProgressReport("Pushed", layer: diffID))
        }
    }

    /// Packs layers that are kept plain, as those of a loaded archive may be: registries get them packed. The image has the
    /// packed ones from then on.
    private func packLayers(of id: Digest) async throws {
        guard let record = table.record(id) else { return }
        let isPlain: @Sendable (ContentDescriptor) -> Bool = { layer in
            [MediaType.ociLayer, MediaType.dockerLayer].contains(layer.mediaType)
        }
        guard record.layers.contains(where: isPlain) else { return }
        var pinned = Self.blobs(record)
        pin(pinned)
        defer { unpin(pinned) }
        var packed = record
        packed.manifest = nil
        for (index, layer) in record.layers.enumerated() where isPlain(layer) {
            let (blob, writer) = try await stoppable { [content] stop in
                try LayerCompression.gzip(layer, in: content, stop: stop)
            }
            // Before it has its name: until the table has it, a prune would take it for nobody's.
            pin([blob.digest])
            pinned.append(blob.digest)
            try await locks.runUnlessCancelled(.blob(blob.digest)) {
                try await onThread { try writer.commit(blob.digest) }
            }
            packed.layers[index] = blob
        }
        try await replace(record, with: packed, of: id)
        unpin(pinned)
        pinned = []
        for blob in Self.blobs(record) { try await collect(blob: blob) }
    }

    private func replace(_ old: ImageTable.Record, with new: ImageTable.Record, of id: Digest) async throws {
        guard let present = table.record(id) else { throw Self.missing(id.description) }
        // Another push may have done it meanwhile.
        guard present.layers == old.layers else { return }
        var new = new
        new.lastTagged = present.lastTagged
        table.put(id, new)
        try await commit()
    }

    /// Whether a registry takes a login.
    /// - Throws: ``RegistryError`` `unauthorized` when not.
    package func checkLogin(_ domain: String, _ login: RegistryLogin) async throws {
        try await registry.ping(domain, login: login)
    }
}
