import Concurrency
import ContainerRuntime
import EngineInterface
import Faults
import Glibc
import Images
import LinuxSystem
import Model
import OCI

/// Containers' root file systems.
struct ContainerRoots: Sendable {
    let images: ImageStore
    let volumes: Volumes
    let containers: ContainerTable

    func make(_ record: ContainerRecord) async throws {
        guard let image = Digest(record.imageID) else {
            throw ContainerError.imageGone(id: record.id, image: record.imageID)
        }
        _ = try await images.prepareRootFilesystem(
            container: record.id, image: image, isVolatile: record.hostConfig.autoRemove)
    }

    /// Mounts the root and its volumes; what volumes are mounted over is copied into those that are new and empty. All of it or, when it throws,
    /// nothing; what cannot be unmounted again is told of with why.
    func mount(_ record: ContainerRecord) async throws {
        do { try await mountAll(record) } catch {
            let failure = error
            do { try await uncancelled { try await unmount(record.id) } } catch let fault {
                var both = FaultList()
                both.add(failure)
                both.add(fault)
                throw both
            }
            throw failure
        }
    }

    private func mountAll(_ record: ContainerRecord) async throws {
        let root = try await images.mountRootFilesystem(container: record.id).merged
        for name in Set(record.mounts.compactMap(\.name)).sorted() { try await volumes.attach(name, to: record.id) }
        for mount in record.mounts
        where mount.type == "volume" && !mount.mode.contains("nocopy") && record.details(of: mount).subpath == nil {
            // Containers that start at the same time may have the volume in common: the first one fills it.
            try await volumes.locks.run(mount.name ?? mount.source) {
                try await onThread(stackBytes: deepThreadStackBytes) {
                    do {
                        try VolumeSeed.fill(mount.source, from: root, mount.destination)
                    } catch let error as SystemError where error.errno == EROFS {
                        // What the volume's options mount read-only stays as it is.
                    }
                }
            }
        }
    }

    func directory(of record: ContainerRecord) async throws -> String {
        try await images.rootFilesystem(container: record.id).merged
    }

    /// Where the container's own changes are, and its image's layers below them, topmost first.
    func layers(of record: ContainerRecord) async throws -> (upper: String, lower: [String]) {
        let root = try await images.rootFilesystem(container: record.id)
        return (root.upper, root.lower)
    }

    /// Unmounts the root, and the volumes that no other container needs. What cannot be unmounted keeps none of the rest, and the first of it is
    /// thrown.
    func unmount(_ id: String) async throws {
        var first: (any Error)?
        do { try await images.unmountRootFilesystem(container: id) } catch { first = error }
        for name in Set((containers.record(id)?.mounts ?? []).compactMap(\.name)).sorted() {
            do { try await volumes.detach(name, from: id) } catch { first = first ?? error }
        }
        if let first { throw first }
    }

    func remove(_ id: String) async throws { try await images.removeRootFilesystem(container: id) }

    func graphDriver(_ record: ContainerRecord) async throws -> GraphDriver {
        let data = try await unlessRemoved(record.id) {
            try await images.rootFilesystem(container: record.id).graphDriverData
        }
        return GraphDriver(name: "overlay2", data: data ?? [:])
    }

    /// What is asked of a root that may be taken away meanwhile: `nil` then, as who lists containers, or waits until one is gone, wants no error.
    private func unlessRemoved<Answer>(_ id: String, _ body: () async throws -> Answer) async throws -> Answer? {
        do { return try await body() } catch let error where !(error is CancellationError) {
            guard let record = containers.record(id), !record.phase.isBeingRemoved else { return nil }
            throw error
        }
    }

    /// Removes root file systems of containers that are no more.
    /// - Parameter unread: Containers whose records cannot be read.
    func sweep(keeping unread: Set<String>) async throws {
        for id in try await images.containersWithRootFilesystem()
        where containers.record(id) == nil && !unread.contains(id) {
            try await images.removeRootFilesystem(container: id)
        }
    }

    /// Bytes that a container wrote, and those together with its image's.
    func sizes(of record: ContainerRecord) async throws -> (written: Int64?, whole: Int64?) {
        let written = try await unlessRemoved(record.id) { try await images.writtenBytes(container: record.id) } ?? 0
        // An image may be removed by force while its container is there.
        let image = try? await images.image(record.imageID)
        return (written, written + (image?.size ?? 0))
    }

    /// Bytes of what the container has written into its root file system.
    func writtenBytes(_ record: ContainerRecord) async throws -> Int64 {
        let written = try await unlessRemoved(record.id) {
            let upper = try await images.changesDirectory(container: record.id)
            return try await onThread { try TreeSize.bytes(upper) }
        }
        return written ?? 0
    }

    /// Who that is in the container's own files.
    func user(_ text: String, additional groups: [String] = [], in record: ContainerRecord) async throws
        -> ContainerUser
    {
        let root = try await directory(of: record)
        return try await onThread { try UserResolver(rootDirectory: root).resolve(text, additional: groups) }
    }
}
