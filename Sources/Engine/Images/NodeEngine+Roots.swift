import Concurrency
import EngineInterface
import Faults
import Glibc
import Images
import LinuxSystem
import Model
import OCI

/// Containers' root file systems.
extension NodeEngine {
    /// - Parameter text: The platform that the image has to be for, if any.
    func imageDefaults(_ reference: String, platform text: String? = nil) async throws -> ImageDefaults {
        var wanted: Platform?
        if let text, !text.isEmpty {
            guard let platform = Platform(text) else {
                throw APIError(
                    .invalidInput, "\"\(text)\": unknown operating system or architecture: invalid argument")
            }
            wanted = platform
        }
        let image = try await images.image(reference)
        if let wanted, !image.configuration.platform.fits(wanted) {
            throw APIError(
                .notFound,
                "image with reference \(reference) was found but does not provide the specified platform (\(wanted))")
        }
        return ImageDefaults(id: image.id.description, configuration: Self.configuration(image.configuration.config))
    }

    func imageCount() async -> Int { await images.images().count }

    func makeRoot(_ record: ContainerRecord) async throws {
        guard let image = Digest(record.imageID) else {
            throw APIError(.internalError, "container \(record.id) has no image: \(record.imageID)")
        }
        _ = try await images.prepareRootFilesystem(
            container: record.id, image: image, isVolatile: record.hostConfig.autoRemove)
    }

    /// Mounts the root; what volumes are mounted over is copied into those that are new and empty.
    func mountRoot(_ record: ContainerRecord) async throws {
        let root = try await images.mountRootFilesystem(container: record.id).merged
        for name in Set(record.mounts.compactMap(\.name)).sorted() { try await volumes.attach(name, to: record.id) }
        for mount in record.mounts
        where mount.type == "volume" && !mount.mode.contains("nocopy") && record.details(of: mount).subpath == nil {
            // Containers that start at the same time may have the volume in common: the first one fills it.
            try await volumes.turns.run(mount.name ?? mount.source) {
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

    func rootDirectory(of record: ContainerRecord) async throws -> String {
        try await images.rootFilesystem(container: record.id).merged
    }

    /// Where the container's own changes are, and its image's layers below them, topmost first.
    func layers(of record: ContainerRecord) async throws -> (upper: String, lower: [String]) {
        let root = try await images.rootFilesystem(container: record.id)
        return (root.upper, root.lower)
    }

    /// Unmounts the root, and the volumes that no other container needs.
    func unmountRoot(_ id: String) async throws {
        try await images.unmountRootFilesystem(container: id)
        for name in Set((containers.record(id)?.mounts ?? []).compactMap(\.name)).sorted() {
            try await volumes.detach(name, from: id)
        }
    }

    func removeRoot(_ id: String) async throws { try await images.removeRootFilesystem(container: id) }

    func graphDriver(_ record: ContainerRecord) async throws -> GraphDriver {
        GraphDriver(name: "overlay2", data: try await images.rootFilesystem(container: record.id).graphDriverData)
    }

    /// Removes root file systems of containers that are no more.
    func sweepRoots() async throws {
        for id in try await images.containersWithRootFilesystem() where containers.record(id) == nil {
            try await images.removeRootFilesystem(container: id)
        }
    }
}
