import Concurrency
import EngineInterface
import LinuxSystem
import LocalStore
import Model
import Synchronization

/// The node's named volumes: directories below the engine's root.
final class Volumes: Sendable {
    /// A directory that is being removed; no volume has such a name.
    private static let removedPrefix = ".removed-"

    /// Containers that need a volume's content to be mounted.
    let users = Mutex<[String: Set<String>]>([:])
    private let known = Mutex<[String: VolumeResource]>([:])
    /// Volumes of containers that are being created, and of how many: no container's record has them yet.
    private let held = Mutex<[String: Int]>([:])
    /// Making, filling and removing a volume follow one another, by its name.
    let locks = KeyedLock<String>()
    private let store: NodeStore
    private let directory: String
    private let events: EventLog

    /// - Parameter events: Told of every volume that comes and goes, whoever has asked for it.
    init(store: NodeStore, directory: String, events: EventLog) {
        self.directory = directory
        self.events = events
        self.store = store
    }

    func load() async throws {
        for volume in try await store.restore(VolumeResource.self, kind: .volumes).map(\.value) {
            known.withLock { $0[volume.name] = volume }
        }
        // What a killed daemon was removing.
        try await onThread { [directory] in
            for name in try Files.list(directory) where name.hasPrefix(Self.removedPrefix) {
                try Files.removeTree("\(directory)/\(name)")
            }
        }
    }

    var all: [VolumeResource] { known.withLock { Array($0.values) } }

    func volume(_ name: String) -> VolumeResource? { known.withLock { $0[name] } }

    func find(_ name: String) throws -> VolumeResource {
        guard let volume = known.withLock({ $0[name] }) else {
            throw VolumeError.notFound(name)
        }
        return volume
    }

    /// Whether there is such a volume and nobody has chosen its name.
    func isAnonymous(_ name: String) -> Bool {
        known.withLock { $0[name]?.labels?["com.docker.volume.anonymous"] != nil }
    }

    /// Creates a volume; one of that name is answered as it is.
    func create(_ request: VolumeRequest) async throws -> VolumeResource {
        let name = request.name.isEmpty ? RandomID.docker() : request.name
        guard ContainerNames.isValid(name) else {
            throw VolumeError.invalidName(name)
        }
        do throws(VolumeOptionError) {
            try VolumeDrivers.check(request.driver)
            _ = try LocalVolumeOptions(request.driverOpts)
        } catch { throw VolumeError.notCreated(name: name, reason: error) }
        return try await locks.run(name) { try await make(name, request) }
    }

    private func make(_ name: String, _ request: VolumeRequest) async throws -> VolumeResource {
        if let volume = known.withLock({ $0[name] }) { return volume }
        var volume = VolumeResource()
        volume.name = name
        volume.createdAt = .now
        volume.labels = request.labels
        if let options = request.driverOpts, !options.isEmpty { volume.options = options }
        volume.mountpoint = "\(directory)/\(name)/_data"
        let mountpoint = volume.mountpoint
        try await onThread {
            try Files.makeDirectories(Files.parent(of: mountpoint))
            try Files.makeDirectories(mountpoint, mode: 0o755)
        }
        try await store.save(volume, kind: .volumes, id: name)
        known.withLock { $0[name] = volume }
        events.publish("volume", "create", name, ["driver": volume.driver])
        return volume
    }

    /// Keeps volumes, there or not, from being removed until ``release(_:)``.
    func hold(_ names: [String]) { held.withLock { held in for name in names { held[name, default: 0] += 1 } } }

    func release(_ names: [String]) {
        held.withLock { held in
            for name in names { held[name] = held[name].flatMap { $0 > 1 ? $0 - 1 : nil } }
        }
    }

    /// Removes a volume with all that is in it.
    /// - Parameter users: Ids of the containers that have it, asked when nobody can begin to use it any more.
    /// - Throws: 409 when it has users, or a container that is being created will have it.
    func remove(_ name: String, users: @Sendable () -> [String]) async throws {
        try await locks.run(name) {
            // In this order: who lets go of it has become a user before.
            let isHeld = held.withLock { $0[name] != nil }
            let users = users() + (isHeld ? ["a container that is being created"] : [])
            guard users.isEmpty else {
                throw VolumeError.inUse(name: name, users: users)
            }
            // What is mounted there is not the volume's to remove.
            if let volume = volume(name), volume.options?.isEmpty == false {
                try await unmount(volume.mountpoint)
            }
            try await store.delete(kind: .volumes, id: name)
            known.withLock { _ = $0.removeValue(forKey: name) }
            let path = "\(directory)/\(name)"
            let aside = "\(directory)/\(Self.removedPrefix)\(RandomID.hex(bytes: 8))"
            try await onThread {
                // First its name: one of the same name that is made later has nothing of this one, whatever happens.
                guard Files.exists(path) else { return }
                try Files.rename(path, to: aside)
                try Files.removeTree(aside)
            }
            events.publish("volume", "destroy", name, ["driver": "local"])
        }
    }
}

/// Which drivers of volumes there are.
enum VolumeDrivers {
    /// - Throws: ``VolumeError``, ``VolumeOptionError`` when there is none of the name.
    static func check(_ name: String) throws(VolumeOptionError) {
        guard ["", "local"].contains(name) else {
            throw VolumeOptionError.unknownDriver(name)
        }
    }
}
