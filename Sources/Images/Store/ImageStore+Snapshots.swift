import LinuxSystem
package import OCI

extension ImageStore {
    /// Makes a container's root file system of an image, without mounting it. What is there already stays.
    /// - Parameter isVolatile: Writes are never synced to disk: for containers that are removed when they end.
    @discardableResult
    package func prepareRootFilesystem(container: String, image id: Digest, isVolatile: Bool = false) async throws
        -> RootFilesystem
    {
        guard let known = usable[id] else { throw Self.missing(id.description) }
        pin(known.chainIDs)
        defer { unpin(known.chainIDs) }
        let record = Snapshots.Record(image: id, chainIDs: known.chainIDs, isVolatile: isVolatile)
        return try await onThread { [snapshots] in try snapshots.create(container, record) }
    }

    /// Where a container's root file system is put together, mounted or not.
    package func rootFilesystem(container: String) async throws -> RootFilesystem {
        try await onThread { [snapshots] in try snapshots.layout(container) }
    }

    /// Mounts it; one that is mounted stays so.
    @discardableResult
    package func mountRootFilesystem(container: String) async throws -> RootFilesystem {
        try await onThread { [snapshots] in try snapshots.mount(container) }
    }

    /// Unmounts it; one that is not mounted is fine. Waits for dirty pages unless it is volatile.
    package func unmountRootFilesystem(container: String) async throws {
        try await onThread { [snapshots] in try snapshots.unmount(container) }
    }

    /// Unmounts and removes it with all that the container wrote, and the layers that only it held: those of an image that
    /// was removed meanwhile. A missing one is fine.
    package func removeRootFilesystem(container: String) async throws {
        let record = try await onThread { [snapshots] in
            let record: Snapshots.Record?
            do { record = try snapshots.record(container) } catch let error as ImagesError where error.code == .damaged
            {
                // `prune` takes its layers, which nobody knows.
                record = nil
            }
            try snapshots.remove(container)
            return record
        }
        guard let record, usable[record.image] == nil else { return }
        try await collectLayers(record.chainIDs)
    }

    /// Bytes in what a container wrote.
    package func writtenBytes(container: String) async throws -> Int64 {
        try await onThread { [snapshots] in try Files.treeBytes(try snapshots.changes(container)) }
    }

    /// Where what a container wrote is, also when it is not known any more what was below.
    package func changesDirectory(container: String) async throws -> String {
        try await onThread { [snapshots] in try snapshots.changes(container) }
    }

    /// Containers that have a root file system here, so that those of no known container can be removed.
    package func containersWithRootFilesystem() async throws -> [String] {
        try await onThread { [snapshots] in try snapshots.list() }
    }
}
