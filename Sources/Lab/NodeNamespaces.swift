import CLinux
import Faults
import Glibc
import LinuxSystem

/// The mount and UTS namespaces of a node, held by names so that they outlive every process.
struct NodeNamespaces: Sendable {
    let paths: LabPaths
    let node: String

    /// Where a node sees its own data, on this machine an empty directory.
    static let dataMountPoint = "/var/lib/apus"

    /// Makes them: the node sees its own directories at `/run`, `/run/apus` and `/var/lib/apus`, its own `/etc/resolv.conf`
    /// and `/etc/hostname`, the links of its own network in `/sys`, its own part of every cgroup hierarchy in place of the
    /// whole, and no other node's files.
    func create(resolvConf: String) async throws {
        try Files.makeDirectories(paths.nodeRuntime(node), mode: 0o755)
        try Files.makeDirectories(paths.nodeRun(node) + "/apus", mode: 0o755)
        try Files.makeDirectories(paths.nodeRun(node) + "/lock", mode: 0o1777)
        try Files.makeDirectories(paths.nodeData(node), mode: 0o711)
        try Files.makeDirectories(paths.nodeEtc(node), mode: 0o755)
        try Files.writeAtomically(resolvConf, to: paths.nodeEtc(node) + "/resolv.conf", mode: 0o644)
        try Files.writeAtomically(node + "\n", to: paths.nodeEtc(node) + "/hostname", mode: 0o644)
        try Files.makeDirectories(Self.dataMountPoint, mode: 0o711)
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
        discardThread()
        if let processor {
            // Refused for a CPU that this process may not use: then it is one attempt more without a choice.
            _ = clinux_pin_thread(CInt(processor))
        }
        try check(clinux_unshare(clinux_clone_newns | clinux_clone_newuts), "unshare the node's namespaces")
        try Mounts.setPropagation(.private, of: "/")
        try check(clinux_hostname(node), "set the hostname")
        try replaceSystem()
        for group in groups { try replace(group) }
        for file in ["resolv.conf", "hostname"] { try replace(etc: file) }
        // The node's own /run waits where its data will be, as what is below the machine's goes: what is bound stays, the
        // names of the other members' files go.
        try Mounts.bind(paths.nodeRun(node), to: Self.dataMountPoint)
        try Mounts.bind(paths.nodeRuntime(node), to: Self.dataMountPoint + "/apus")
        try Mounts.unmountAll(below: LabPaths.allRuntime, lazily: true)
        try check(clinux_mount(Self.dataMountPoint, "/run", nil, clinux_ms_move, nil), "move to /run")
        try Mounts.bind(paths.nodeData(node), to: Self.dataMountPoint)
        let mounts = try Descriptor.open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC)
        let hostname = try Descriptor.open("/proc/thread-self/ns/uts", O_RDONLY | O_CLOEXEC)
        return (mounts.release(), hostname.release())
    }

    /// Puts a file of the node's own in the place of one in `/etc`, if there is one. It may be a link into `/run`, where
    /// systemd-resolved keeps it: then the node's `/run` gets a copy.
    private func replace(etc file: String) throws {
        guard let found = realpath("/etc/" + file, nil) else { return }
        defer { free(found) }
        let (own, target) = ("\(paths.nodeEtc(node))/\(file)", String(cString: found))
        guard target.hasPrefix("/run/") else { return try Mounts.bind(own, to: target) }
        let copy = paths.nodeRun(node) + target.dropFirst("/run".count)
        try Files.makeDirectories(Files.parent(of: copy), mode: 0o755)
        try Files.writeAtomically(try Files.text(own) ?? "", to: copy, mode: 0o644)
    }

    /// A sysfs shows the links of the network namespace that it was mounted in: the node gets one of its own. What is
    /// mounted in the machine's is taken along.
    private func replaceSystem() throws {
        try paths.network(node).enter()
        let fresh = paths.nodeEtc(node) + "/sys"
        try Files.makeDirectories(fresh, mode: 0o755)
        try Mounts.mount(type: "sysfs", at: fresh, flags: clinux_ms_nosuid | clinux_ms_nodev | clinux_ms_noexec)
        var moved: [String] = []
        for mount in try Mounts.list() where mount.target.hasPrefix("/sys/") {
            guard !moved.contains(where: { mount.target.hasPrefix($0 + "/") }) else { continue }
            let target = fresh + mount.target.dropFirst("/sys".count)
            try check(clinux_mount(mount.target, target, nil, clinux_ms_move, nil), "move \(mount.target)")
            moved.append(mount.target)
        }
        try Mounts.unmount("/sys", lazily: true)
        try check(clinux_mount(fresh, "/sys", nil, clinux_ms_move, nil), "move \(fresh)")
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
        discardThread()
        try paths.network(node).enter()
        // A thread that shares its root and working directory with others cannot change its mount namespace.
        try check(clinux_unshare(clinux_clone_fs), "unshare the working directory")
        let hostname = try Descriptor.open(paths.hostname(node), O_RDONLY | O_CLOEXEC)
        let mounts = try Descriptor.open(paths.mounts(node), O_RDONLY | O_CLOEXEC)
        try check(clinux_setns(hostname.raw, clinux_clone_newuts), "enter the node's hostname")
        try check(clinux_setns(mounts.raw, clinux_clone_newns), "enter the node's mounts")
    }
}
