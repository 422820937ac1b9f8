import LinuxSystem
import OCI

/// What crun puts at `/sys/fs/cgroup` with version 1 of cgroups is every group of the machine. A container is to see its
/// own only, as runc shows it and as programs expect that look there for their limits: so the mounts are spelled out.
enum CgroupMounts {
    /// - Parameter cgroup: The container's, which is there in every hierarchy.
    static func spelledOut(_ mounts: [RuntimeMount], of cgroup: String, in layout: CgroupLayout) -> [RuntimeMount] {
        mounts.flatMap { mount in
            guard mount.type == "cgroup", layout.version == 1 else { return [mount] }
            let options = mount.options ?? []
            let tmpfs = RuntimeMount(
                destination: mount.destination, type: "tmpfs", source: "tmpfs",
                options: options + ["mode=755", "size=1024k"])
            return [tmpfs]
                + places(in: layout).map { place in
                    RuntimeMount(
                        destination: "\(mount.destination)/\(place.name)", type: "bind", source: place.mount + cgroup,
                        options: ["bind"] + options)
                }
        }
    }

    /// Every hierarchy of version 1 under its directory's name, and those of several controllers under each one's.
    private static func places(in layout: CgroupLayout) -> [(name: String, mount: String)] {
        var places: [String: String] = [:]
        for (controller, mount) in layout.controllers { places[controller] = mount }
        for mount in Array(layout.controllers.values) + layout.named {
            if let name = mount.split(separator: "/").last { places[String(name)] = mount }
        }
        return places.sorted { $0.key < $1.key }.map { (name: $0.key, mount: $0.value) }
    }
}
