import EngineInterface
import Model

enum InheritedMounts {
    /// The mounts that `--volumes-from` takes from other containers, each place once.
    /// - Throws: ``MountError``.
    static func read(_ host: HostConfiguration, from containers: ContainerTable) throws -> [(
        point: MountPoint, details: ContainerRecord.MountDetails
    )] {
        var points: [(point: MountPoint, details: ContainerRecord.MountDetails)] = []
        for text in host.volumesFrom ?? [] {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let mode = parts.count == 2 ? parts[1] : ""
            guard !parts[0].isEmpty, ["", "ro", "rw", "z", "Z"].contains(mode) else {
                throw MountError.unknownMode(mode)
            }
            let other = try containers.find(parts[0])
            for mount in other.mounts where mount.type != "tmpfs" {
                var point = mount
                // What is read-only there stays so here.
                point.rw = mount.rw && mode != "ro"
                if !mode.isEmpty { point.mode = mode }
                points.removeAll { $0.point.destination == point.destination }
                points.append((point, other.details(of: mount)))
            }
        }
        return points
    }
}
