import CLinux
import Faults
import Glibc
import LinuxSystem

/// The mount and UTS namespaces of a node, held by names so that they outlive every process.
struct NodeNamespaces: Sendable {
    let paths: LabPaths
    let node: String

    /// Where a node sees its own directories.
    static let mountPoints = ["/run/apus", "/var/lib/apus"]

    /// Makes them: the node sees its own directories at `/run/apus` and `/var/lib/apus`, its own `/etc/resolv.conf` and
    /// `/etc/hostname`, its own part of every cgroup hierarchy in place of the whole, and no other node's files.
    func create(resolvConf: String) async throws {
        try Files.makeDirectories(paths.nodeRuntime(node), mode: 0o755)
        try Files.makeDirectories(paths.nodeData(node), mode: 0o711)
        try Files.makeDirectories(paths.nodeEtc(node), mode: 0o755)
        try Files.writeAtomically(resolvConf, to: paths.nodeEtc(node) + "/resolv.conf", mode: 0o644)
        try Files.writeAtomically(node + "\n", to: paths.nodeEtc(node) + "/hostname", mode: 0o644)
        for directory in Self.mountPoints { try Files.makeDirectories(directory, mode: 0o711) }
        let groups = try LabCgroups.create(paths.cgroup + "/" + node)
        // The kernel binds a mount namespace only in one with a lower number, lest they hold each other. Numbers are given
        // out in blocks to each CPU (6.18), so in a container a new namespace may have a lower number than our own; one
        // made on the CPU that ours was made on never has.
        let processors = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
        for processor in 0...processors {
            do {
                try await bind(try await onThread { try make(groups, on: processor < processors ? processor : nil) })
                return
            } catch let error as SystemError where error.errno == EINVAL && processor < processors {
                try await NetworkNamespace(path: paths.hostname(node)).remove()
            }
        }
    }

    private func bind(_ made: (mounts: CInt, hostname: CInt)) async throws {
        for (descriptor, path) in [(made.hostname, paths.hostname(node)), (made.mounts, paths.mounts(node))] {
            let owned = Descriptor(owning: descriptor)
            try Files.makeDirectories(Files.parent(of: path), mode: 0o755)
            let file = try Descriptor.open(path, O_RDONLY | O_CREAT | O_CLOEXEC, mode: 0o444)
            _ = consume file
            try check(
                clinux_mount("/proc/self/fd/\(owned.raw)", path, nil, clinux_ms_bind, nil), "bind namespace \(path)")
        }
    }

    /// On a thread that is thrown away: its namespaces are the node's from here on.
    private func make(_ groups: [LabCgroups.Group], on processor: Int?) throws -> (mounts: CInt, hostname: CInt) {
        if let processor {
            // Refused for a CPU that this process may not use: then it is one attempt more without a choice.
            _ = clinux_pin_thread(CInt(processor))
        }
        try check(clinux_unshare(clinux_clone_newns | clinux_clone_newuts), "unshare the node's namespaces")
        try Mounts.setPropagation(.private, of: "/")
        try check(clinux_hostname(node), "set the hostname")
        try Mounts.bind(paths.nodeRuntime(node), to: "/run/apus")
        try Mounts.bind(paths.nodeData(node), to: "/var/lib/apus")
        for file in ["resolv.conf", "hostname"] where access("/etc/" + file, F_OK) == 0 {
            try Mounts.bind("\(paths.nodeEtc(node))/\(file)", to: "/etc/" + file)
        }
        for group in groups { try replace(group) }
        // What is bound stays; the names of the other members' files go.
        try Mounts.unmountAll(below: LabPaths.allRuntime, lazily: true)
        let mounts = try Descriptor.open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC)
        let hostname = try Descriptor.open("/proc/thread-self/ns/uts", O_RDONLY | O_CLOEXEC)
        return (mounts.release(), hostname.release())
    }

    /// Puts a group in the place of its hierarchy's root. The root is unmounted before, not covered: runc takes the
    /// first mount of a hierarchy that mountinfo lists.
    private func replace(_ group: LabCgroups.Group) throws {
        let aside = paths.nodeEtc(node) + "/cgroup"
        try Files.makeDirectories(aside, mode: 0o755)
        try Mounts.bind(group.directory, to: aside)
        try Mounts.unmount(group.mountPoint, lazily: true)
        try check(clinux_mount(aside, group.mountPoint, nil, clinux_ms_move, nil), "move \(aside)")
    }

    /// Puts the calling thread into the node: only on a thread that is thrown away, or about to execute a program.
    func enter() throws {
        try paths.network(node).enter()
        // A thread that shares its root and working directory with others cannot change its mount namespace.
        try check(clinux_unshare(clinux_clone_fs), "unshare the working directory")
        let hostname = try Descriptor.open(paths.hostname(node), O_RDONLY | O_CLOEXEC)
        let mounts = try Descriptor.open(paths.mounts(node), O_RDONLY | O_CLOEXEC)
        try check(clinux_setns(hostname.raw, clinux_clone_newuts), "enter the node's hostname")
        try check(clinux_setns(mounts.raw, clinux_clone_newns), "enter the node's mounts")
    }
}
