import Concurrency
import LinuxSystem
import Model
import Synchronization

/// Volumes whose content is mounted: there from the first container that uses one to the last. The kernel knows what is mounted; here is
/// only who needs it.
extension Volumes {
    /// Makes a volume's content be at its place for a container, until ``detach(_:from:)``. A plain directory needs nothing.
    /// - Throws: ``VolumeError/notMounted(place:reason:)`` with the kernel's reason.
    func attach(_ name: String, to container: String) async throws {
        guard let volume = self.volume(name), let options = try LocalVolumeOptions(volume.options) else { return }
        let place = volume.mountpoint
        try await locks.run(name) {
            users.withLock { _ = $0[name, default: []].insert(container) }
            do {
                try await onThread {
                    if !Mounts.isMountPoint(place) { try options.mount(at: place) }
                }
            } catch {
                users.withLock { _ = $0[name]?.remove(container) }
                throw error
            }
        }
    }

    /// The container does not need the volume any more: its content goes from its place with the last one that did.
    func detach(_ name: String, from container: String) async throws {
        guard let volume = self.volume(name), try LocalVolumeOptions(volume.options) != nil else { return }
        try await locks.run(name) {
            let isLast = users.withLock { users in
                users[name]?.remove(container)
                guard users[name]?.isEmpty ?? true else { return false }
                users[name] = nil
                return true
            }
            if isLast { try await unmount(volume.mountpoint) }
        }
    }

    /// Goes on from what an earlier instance of the daemon has left: what nobody uses any more is unmounted.
    /// - Parameter present: Running containers and their volumes.
    func adopt(_ present: [(container: String, volumes: [String])]) async throws {
        for (container, names) in present {
            for name in names where volume(name)?.options?.isEmpty == false {
                users.withLock { _ = $0[name, default: []].insert(container) }
            }
        }
        for volume in all where volume.options?.isEmpty == false && users.withLock({ $0[volume.name] == nil }) {
            try await unmount(volume.mountpoint)
        }
    }

    /// Takes away what is mounted at a volume's place: also while a program of the host's is in it, as Docker does.
    func unmount(_ place: String) async throws {
        try await onThread { while Mounts.isMountPoint(place) { try Mounts.unmount(place, lazily: true) } }
    }
}
