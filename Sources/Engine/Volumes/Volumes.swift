import EngineInterface
import Faults
import LinuxSystem
import LocalStore
import Model
import Synchronization

/// The node's named volumes: directories below the engine's root.
final class Volumes: Sendable {
    private let known = Mutex<[String: VolumeResource]>([:])
    private let store: LocalStore
    private let directory: String

    init(store: LocalStore, directory: String) {
        self.directory = directory
        self.store = store
    }

    func load() async throws {
        for volume in try await store.loadAll(VolumeResource.self, kind: .volumes).map(\.value) {
            known.withLock { $0[volume.name] = volume }
        }
    }

    var all: [VolumeResource] { known.withLock { Array($0.values) } }

    func find(_ name: String) throws -> VolumeResource {
        guard let volume = known.withLock({ $0[name] }) else {
            throw Refusal(.notFound, "get \(name): no such volume")
        }
        return volume
    }

    /// Creates a volume; one of that name is answered as it is.
    func create(_ request: VolumeRequest) async throws -> VolumeResource {
        if !["", "local"].contains(request.driver) {
            throw Refusal(
                .notFound, "error looking up volume plugin \(request.driver): plugin \"\(request.driver)\" not found")
        }
        if let option = (request.driverOpts ?? [:]).keys.sorted().first {
            throw Refusal(.notImplemented, "volume option \(option) is not implemented by apus yet")
        }
        let name = request.name.isEmpty ? RandomID.docker() : request.name
        guard ContainerNames.isValid(name) else {
            throw Refusal(
                .invalidInput,
                "create \(name): \"\(name)\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" "
                    + "are allowed. If you intended to pass a host directory, use absolute path")
        }
        if let volume = known.withLock({ $0[name] }) { return volume }
        var volume = VolumeResource()
        volume.name = name
        volume.createdAt = .now
        volume.labels = request.labels
        volume.mountpoint = "\(directory)/\(name)/_data"
        let mountpoint = volume.mountpoint
        try await onThread { try Files.makeDirectories(mountpoint, mode: 0o755) }
        try await store.save(volume, kind: .volumes, id: name)
        return known.withLock { known in
            if let winner = known[name] { return winner }
            known[name] = volume
            return volume
        }
    }

    func remove(_ name: String) async throws {
        try await store.delete(kind: .volumes, id: name)
        known.withLock { _ = $0.removeValue(forKey: name) }
        let path = "\(directory)/\(name)"
        try await onThread { try Files.removeTree(path) }
    }
}
