import Glibc
import LinuxSystem

/// Lets an exec's process inherit its container's cgroup rather than be moved into it.
///
/// With version 1 of cgroups crun moves the process it has made, and the first move after a while waits for a grace
/// period of RCU: 4 to 20 ms, half of an exec. So conmon is born in the container's cgroup, and crun and the process come
/// to be there too; crun is shown a copy of its notes of the container with no cgroup in it, so that it moves nothing.
/// conmon is moved to the other conmons when the command lasts. With version 2 crun's processes are born in their cgroup.
struct InheritedCgroup: Sendable {
    /// What crun takes for its `--root`.
    let root: String
    let group: CgroupEntry

    /// A command that is over sooner is not worth the move.
    static let timeout = Duration.milliseconds(20)

    /// `nil` where it cannot be done. Blocks for a moment.
    init?(of container: String, paths: RuntimePaths, layout: CgroupLayout, otherwise other: CgroupEntry) throws {
        guard layout.version == 1 else { return nil }
        let cgroup = ContainerSpecification.cgroup(of: container)
        root = paths.bundle(container) + "/inherited"
        group = Cgroups.present(cgroup, in: layout, otherwise: other)
        let state = "\(root)/\(container)"
        if Files.exists(state + "/status") { return }
        let own = paths.state(container, of: .crun)
        let named = "\"cgroup-path\": \"\(cgroup)\""
        // Other words than crun 1.8's: then crun moves the process.
        guard let text = try Files.text(own + "/status"), let range = text.firstRange(of: named) else { return nil }
        try Files.makeDirectories(state)
        for file in ["config.json", "seccomp.bpf"] where symlink("\(own)/\(file)", "\(state)/\(file)") != 0 {
            if errno != EEXIST { throw SystemError(errno: errno, attempting: "link \(state)/\(file)") }
        }
        let changed = text.replacingCharacters(in: range, with: "\"cgroup-path\": \"\"")
        try PlainFile.replace(Array(changed.utf8), at: state + "/status")
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
