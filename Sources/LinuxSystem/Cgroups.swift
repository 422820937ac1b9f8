import CLinux
package import Glibc

/// The cgroup hierarchies of this machine (cgroups(7)): version 1, version 2 ("unified"), or both beside each other.
package struct CgroupLayout: Sendable, Hashable {
    /// Version 1 alone, version 1 with an empty version 2 hierarchy beside it, version 2 alone.
    package enum Mode: String, Sendable { case legacy, hybrid, unified }

    /// Mount point of the version 2 hierarchy.
    package let unified: String?
    /// Mount point by controller, version 1. Controllers mounted together have the same.
    package let controllers: [String: String]
    /// Mount points of version 1 hierarchies without a controller, as systemd's own.
    package let named: [String]

    package init(unified: String?, controllers: [String: String], named: [String] = []) {
        self.unified = unified
        self.controllers = controllers
        self.named = named
    }

    package var mode: Mode {
        if controllers.isEmpty { return .unified }
        return unified == nil ? .legacy : .hybrid
    }

    /// Docker's `CgroupVersion`: who manages memory and cpu.
    package var version: Int { controllers.isEmpty ? 2 : 1 }

    static let controllerNames: Set<String> = [
        "memory", "cpu", "cpuacct", "cpuset", "pids", "blkio", "devices", "freezer", "net_cls", "net_prio",
        "perf_event",
        "hugetlb", "rdma", "misc",
    ]

    package init(mounts: [MountEntry]) {
        var unified: String?
        var controllers: [String: String] = [:]
        var named: [String] = []
        for mount in mounts {
            if mount.type == "cgroup2", unified == nil { unified = mount.target }
            guard mount.type == "cgroup" else { continue }
            if mount.superOptions.contains(where: { $0.hasPrefix("name=") }) { named.append(mount.target) }
            for option in mount.superOptions where Self.controllerNames.contains(option) && controllers[option] == nil {
                controllers[option] = mount.target
            }
        }
        self.init(unified: unified, controllers: controllers, named: named)
    }

    /// The same without the version 2 hierarchy.
    package var onlyVersion1: CgroupLayout { CgroupLayout(unified: nil, controllers: controllers, named: named) }

    /// Every mount point of version 1, once each.
    var version1: [String] { Set(Array(controllers.values) + named).sorted() }

    /// Every hierarchy's directory of the group, once each.
    func directories(of group: String) -> [String] {
        (version1 + (unified.map { [$0] } ?? [])).map { $0 + group }
    }
}

/// A control group for a process to be born in (``SpawnRequest/cgroup``).
///
/// Moving a process that is there waits for a grace period of RCU, 4 to 20 ms, unless another was moved just before. One
/// that moves its only thread by itself, or is born in the group, does not (cgroup_procs_write_start in the kernel).
package struct CgroupEntry: Sendable, Hashable {
    /// `tasks` files of version 1.
    package let tasks: [String]
    /// Directory in the version 2 hierarchy.
    package let unified: String?
}

/// Control groups by their path below every hierarchy's root, as in `/apus/3f…`.
package enum Cgroups {
    /// How this machine has its hierarchies mounted. Blocks.
    package static func layout() throws -> CgroupLayout { CgroupLayout(mounts: try Mounts.list()) }

    /// Makes the group in every hierarchy; one that is there stays.
    package static func create(_ group: String, in layout: CgroupLayout) throws {
        for directory in layout.directories(of: group) { try Files.makeDirectories(directory, mode: 0o755) }
    }

    /// Moves a process into the group, in every hierarchy but cpuset of version 1, which takes no process until its
    /// cpus and memory nodes are set.
    package static func move(_ pid: pid_t, to group: String, in layout: CgroupLayout) throws {
        let cpuset = layout.controllers["cpuset"]
        for directory in layout.directories(of: group) where directory != cpuset.map({ $0 + group }) {
            try Files.write("\(pid)", into: directory + "/cgroup.procs")
        }
    }

    /// The same, and into `parent` in cpuset: out of any group of ``present(_:in:otherwise:)``.
    package static func move(_ pid: pid_t, to group: String, in layout: CgroupLayout, cpuset parent: String) throws {
        try move(pid, to: group, in: layout)
        if let cpuset = layout.controllers["cpuset"] {
            try Files.write("\(pid)", into: "\(cpuset)\(parent)/cgroup.procs")
        }
    }

    /// The group in every hierarchy but cpuset of version 1, as for ``move(_:to:in:)``.
    package static func entry(_ group: String, in layout: CgroupLayout) -> CgroupEntry {
        let cpuset = layout.controllers["cpuset"]
        return CgroupEntry(
            tasks: layout.version1.filter { $0 != cpuset }.map { "\($0)\(group)/tasks" },
            unified: layout.unified.map { $0 + group })
    }

    /// Wherever there is a group of that name, as a runtime has made for its container. Blocks for a moment.
    ///
    /// - Parameter other: The version 2 group to take where there is none.
    package static func present(_ group: String, in layout: CgroupLayout, otherwise other: CgroupEntry) -> CgroupEntry {
        CgroupEntry(
            tasks: layout.version1.map { "\($0)\(group)/tasks" }.filter { Files.exists($0) },
            unified: layout.unified.map { $0 + group }.flatMap { Files.isDirectory($0) ? $0 : nil } ?? other.unified)
    }

    /// Kills every process in the group and below it: `cgroup.kill` (5.14), or one after another where there is none.
    /// Missing is fine.
    package static func kill(_ group: String, in layout: CgroupLayout) throws {
        if let unified = layout.unified, Files.exists(unified + group + "/cgroup.kill") {
            try Files.write("1", into: unified + group + "/cgroup.kill")
        }
        for pid in try processes(in: group, of: layout) {
            // Gone in between is what we want.
            _ = Glibc.kill(pid, SIGKILL)
        }
    }

    /// The processes of the group and of those below it, in whichever hierarchy has them.
    package static func processes(in group: String, of layout: CgroupLayout) throws -> [pid_t] {
        var found: Set<pid_t> = []
        var directories = layout.directories(of: group)
        while let directory = directories.popLast() {
            guard let text = try Files.text(directory + "/cgroup.procs") else { continue }
            found.formUnion(text.split(separator: "\n").compactMap { pid_t($0) }.filter { $0 > 0 })
            directories += try Files.list(directory).map { "\(directory)/\($0)" }.filter(Files.isDirectory)
        }
        return found.sorted()
    }

    /// Removes the group and those below it, in every hierarchy; missing is fine, EBUSY while a process is in it.
    package static func remove(_ group: String, in layout: CgroupLayout) throws {
        for directory in layout.directories(of: group) { try remove(directory: directory) }
    }

    private static func remove(directory: String) throws {
        // To look what is in one makes the kernel an inode for every file of it: most have no group below.
        if rmdir(directory) == 0 || errno == ENOENT { return }
        guard Files.isDirectory(directory) else { return }
        for name in try Files.list(directory) where Files.isDirectory("\(directory)/\(name)") {
            try remove(directory: "\(directory)/\(name)")
        }
        if rmdir(directory) != 0, errno != ENOENT {
            throw SystemError(errno: errno, attempting: "remove cgroup \(directory)")
        }
    }

    /// Lets a group have as many processes as the machine.
    package static func liftProcessLimit(of group: String, in layout: CgroupLayout) throws {
        guard let directory = layout.controllers["pids"] ?? layout.unified else { return }
        try Files.write("max", into: "\(directory)\(group)/pids.max")
    }

    /// Thaws the group and all below it, in whichever hierarchy it may be frozen; missing is fine.
    package static func thaw(_ group: String, in layout: CgroupLayout) throws {
        if let unified = layout.unified, Files.exists(unified + group + "/cgroup.freeze") {
            try Files.write("0", into: unified + group + "/cgroup.freeze")
        }
        if let freezer = layout.controllers["freezer"], Files.exists(freezer + group + "/freezer.state") {
            try Files.write("THAWED", into: freezer + group + "/freezer.state")
        }
    }

    /// Freezes or thaws the group and all below it.
    package static func setFrozen(_ frozen: Bool, _ group: String, in layout: CgroupLayout) throws {
        if let unified = layout.unified, Files.exists(unified + group + "/cgroup.freeze") {
            try Files.write(frozen ? "1" : "0", into: unified + group + "/cgroup.freeze")
        } else if let freezer = layout.controllers["freezer"] {
            try Files.write(frozen ? "FROZEN" : "THAWED", into: freezer + group + "/freezer.state")
        }
    }
}
