import EngineInterface
import Faults
import Glibc
import LinuxSystem

/// Parts of volumes that containers have instead of the whole. What a subpath leads to is found within the volume, and bound to a place of
/// the engine's own, so that nobody who has the volume can lead the runtime elsewhere meanwhile. The places are needed until the
/// runtime has made the container, which has mounts of its own then.
struct SubpathMounts: Sendable {
    let directory: String

    /// - Parameters:
    ///   - wanted: Places in the container, with the volume's directory and the path in it.
    ///   - body: Gets what is to be mounted at each of them.
    func with<Value: Sendable>(
        _ requested: [(destination: String, volume: String, subpath: String)], of container: String,
        _ body: ([String: String]) async throws -> Value
    ) async throws -> Value {
        guard !requested.isEmpty else { return try await body([:]) }
        let top = "\(directory)/\(container)"
        do {
            let sources = try await onThread { try bind(requested, below: top) }
            let value = try await body(sources)
            try await remove(top)
            return value
        } catch {
            // Heeds no cancellation: a thread does it.
            try await remove(top)
            throw error
        }
    }

    private func bind(_ requested: [(destination: String, volume: String, subpath: String)], below top: String) throws
        -> [String: String]
    {
        var sources: [String: String] = [:]
        for (index, item) in requested.enumerated() {
            let found: Descriptor?
            do { found = try RootedDirectory(item.volume).naming(item.subpath) } catch {
                throw VolumeError.subpathUnreachable(volume: item.volume, subpath: item.subpath, cause: Cause(error))
            }
            guard let found else {
                throw VolumeError.subpathMissing(volume: item.volume, subpath: item.subpath)
            }
            let place = "\(top)/\(index)"
            if try found.status().st_mode & S_IFMT == S_IFDIR {
                try Files.makeDirectories(place)
            } else {
                try Files.makeDirectories(top)
                try Files.rewrite("", in: place, mode: 0o600)
            }
            try Mounts.bind(found.path, to: place, recursive: true)
            sources[item.destination] = place
        }
        return sources
    }

    private func remove(_ top: String) async throws {
        try await onThread {
            try Mounts.unmountAll(below: top, lazily: true)
            try Files.removeTree(top)
        }
    }

    /// Takes away what a killed daemon has left.
    func sweep() async throws { try await remove(directory) }
}
