import Concurrency
import EngineInterface
import LinuxSystem
import OCI

extension ImageStore {
    /// Removes a name, or the image when the name was its last or its id was given. Rules and words are Docker's.
    /// - Parameters:
    ///   - platform: What the image has to be for, as of ``image(_:platform:)``; nothing is removed of another.
    ///   - uses: All containers of this node.
    /// - Returns: What was done, in order.
    package func remove(
        _ reference: String, platform: String? = nil, force: Bool = false, uses: [ImageUse]
    ) async throws -> [ImageRemovalStep] {
        let wanted = try Self.wanted(platform)
        let id = try resolve(reference)
        try require(wanted, of: id, named: reference)
        var steps: [ImageRemovalStep] = []
        let uses = uses.filter { $0.image == id }
        // What is no reference is no name.
        let isName = (try? table.id(ImageReference(reference))) != nil
        if ImageTable.isIDPrefix(reference, of: id), !isName {
            let names = table.names(of: id)
            guard Self.isSingle(names) else {
                if force {
                    try refuseInUse(id, uses, force: true)
                    return try await delete(id, untagging: names)
                }
                throw ImageError.severalRepositories(id.short)
            }
            try refuseInUse(id, uses, force: force)
            return try await delete(id, untagging: names)
        }
        let name = try ImageReference(reference).stored
        let names = table.names(of: id)
        if !force, Self.isSingle(names), let use = uses.first {
            throw ImageError.nameInUse(reference: reference, container: "\(use.container.prefix(12))", image: id.short)
        }
        table.forget(name)
        steps.append(.untagged(name.familiar, of: id))
        if name.digest == nil, !table.names(of: id).contains(where: { $0.name == name.name && $0.digest == nil }) {
            // The last tag of a repository takes the repository's digests with it.
            for other in table.names(of: id) where other.name == name.name {
                table.forget(other)
                steps.append(.untagged(other.familiar, of: id))
            }
        }
        // An image that is still named, or that a container was made from, stays: without a name in the latter case.
        guard table.names(of: id).isEmpty, uses.isEmpty else {
            try await commit()
            return steps
        }
        return steps + (try await delete(id, untagging: []))
    }

    /// Removes images without a tag or, with `all`, every one that no container uses; then whatever blobs and layers nothing
    /// needs, as a killed pull leaves them.
    /// - Parameter chosen: Which of them.
    package func prune(all: Bool = false, uses: [ImageUse], where chosen: (StoredImage) -> Bool = { _ in true })
        async throws -> (steps: [ImageRemovalStep], bytes: Int64)
    {
        var steps: [ImageRemovalStep] = []
        var bytes: Int64 = 0
        for image in images() where chosen(image) && !uses.contains(where: { $0.image == image.id }) {
            guard all || image.tags.isEmpty, let known = usable[image.id] else { continue }
            let done = try await delete(image.id, untagging: table.names(of: image.id))
            let removed = done.compactMap { if case .deletedLayer(let chain) = $0 { chain } else { nil } }
            for (chain, size) in zip(known.chainIDs, known.layerSizes) where removed.contains(chain) { bytes += size }
            steps += done
        }
        return (steps, bytes + (try await sweep()))
    }

    /// Collects blobs and layers that belong to nothing.
    /// - Returns: Bytes of the layers' files.
    private func sweep() async throws -> Int64 {
        let (blobs, chains) = try await onThread { [content, layers] in
            (
                try content.list(),
                try layers.list().map { (chain: $0, size: try layers.record($0)?.size ?? 0) }
            )
        }
        for blob in blobs { try await collect(blob: blob) }
        var bytes: Int64 = 0
        for (chain, size) in chains where try await collect(layer: chain) { bytes += size }
        return bytes
    }

    /// Collects layers that a container's root file system held, from the top.
    func collectLayers(_ chains: [Digest]) async throws {
        for chain in chains.reversed() { _ = try await collect(layer: chain) }
    }

    private static func isSingle(_ names: [ImageReference]) -> Bool {
        names.count { $0.digest == nil } <= 1 && Set(names.map(\.name)).count <= 1
    }

    private func refuseInUse(_ id: Digest, _ uses: [ImageUse], force: Bool) throws {
        if let running = uses.first(where: \.isRunning) {
            throw ImageError.usedByRunning(image: id.short, container: "\(running.container.prefix(12))")
        }
        if !force, let stopped = uses.first {
            throw ImageError.usedByStopped(image: id.short, container: "\(stopped.container.prefix(12))")
        }
    }

    /// Forgets an image on disk first, then collects what nothing needs any more.
    private func delete(_ id: Digest, untagging names: [ImageReference]) async throws -> [ImageRemovalStep] {
        var steps = names.map { ImageRemovalStep.untagged($0.familiar, of: id) }
        let chains = usable[id]?.chainIDs ?? []
        var blobs = [id] + (table.record(id)?.layers.map(\.digest) ?? [])
        if let manifest = table.record(id)?.manifest { blobs.append(manifest.digest) }
        table.remove(id)
        usable[id] = nil
        try await commit()
        steps.append(.deletedImage(id))
        for chain in chains.reversed() where try await collect(layer: chain) { steps.append(.deletedLayer(chain)) }
        for blob in blobs { try await collect(blob: blob) }
        return steps
    }

    func collect(layer chain: Digest) async throws -> Bool {
        try await locks.run(.layer(chain)) { [self] in
            if isPinned(chain) { return false }
            if usable.values.contains(where: { $0.chainIDs.contains(chain) }) { return false }
            return try await onThread { [snapshots, layers] in
                for container in try snapshots.list() {
                    if try snapshots.needs(chain, container) { return false }
                }
                try layers.remove(chain)
                return true
            }
        }
    }

    func collect(blob: Digest) async throws {
        try await locks.run(.blob(blob)) { [self] in
            if isPinned(blob) { return }
            let needed = table.images.contains { id, record in
                id == blob.description || record.manifest?.digest == blob
                    || record.layers.contains { $0.digest == blob }
            }
            if needed { return }
            try await onThread { [content] in try content.remove(blob) }
        }
    }
}
