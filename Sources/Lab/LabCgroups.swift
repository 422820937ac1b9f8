import LinuxSystem

/// A lab's part of every cgroup hierarchy.
enum LabCgroups {
    struct Group: Sendable {
        let mountPoint: String
        let directory: String
    }

    /// Every hierarchy's mount point, once each.
    private static func hierarchies() throws -> [String] {
        var found: [String] = []
        for mount in try Mounts.list() where mount.type == "cgroup" || mount.type == "cgroup2" {
            if !found.contains(mount.target) { found.append(mount.target) }
        }
        return found
    }

    /// Makes a group in every hierarchy, ready to have groups with processes below it, or as a leaf processes.
    static func create(_ path: String, isLeaf: Bool = false) throws -> [Group] {
        try hierarchies().map { root in
            var directory = root
            for part in path.split(separator: "/") {
                try enableControllers(for: directory)
                let parent = directory
                directory += "/" + part
                try Files.makeDirectories(directory, mode: 0o755)
                try copyCPUs(from: parent, to: directory)
            }
            if !isLeaf { try enableControllers(for: directory) }
            return Group(mountPoint: root, directory: directory)
        }
    }

    /// Version 2: children have only the controllers that their parent hands on. cgroups(7). Beside hierarchies of version
    /// 1 none are: what manages containers there is in those, and crun refuses to work with both.
    private static func enableControllers(for directory: String) throws {
        guard try Cgroups.layout().mode == .unified else { return }
        guard let text = try Files.text(directory + "/cgroup.controllers") else { return }
        for controller in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            try Files.write("+\(controller)", into: directory + "/cgroup.subtree_control")
        }
    }

    /// Version 1: a cpuset without CPUs and memory nodes takes no process. cpuset(7).
    private static func copyCPUs(from parent: String, to directory: String) throws {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            guard try Files.text(directory + "/" + file) == "\n",
                let value = try Files.text(parent + "/" + file)
            else { continue }
            try Files.write(value.filter { $0 != "\n" }, into: directory + "/" + file)
        }
    }

    /// Makes a group and moves a process into it.
    static func add(_ pid: Int32, to path: String) throws {
        for group in try create(path, isLeaf: true) {
            try Files.write("\(pid)", into: group.directory + "/cgroup.procs")
        }
    }

    /// Processes in a group and those below it.
    static func processes(in path: String) throws -> [Int32] {
        var found: Set<Int32> = []
        for root in try hierarchies() { try collect(root + path, into: &found) }
        return Array(found)
    }

    private static func collect(_ directory: String, into found: inout Set<Int32>) throws {
        guard let text = try Files.text(directory + "/cgroup.procs") else { return }
        for line in text.split(separator: "\n") {
            if let pid = Int32(line), pid > 0 { found.insert(pid) }
        }
        for name in try Files.list(directory) where Files.isDirectory("\(directory)/\(name)") {
            try collect("\(directory)/\(name)", into: &found)
        }
    }

    /// Removes a group with those below it from every hierarchy, and the common parent when it is empty then.
    static func remove(_ path: String) throws {
        let layout = CgroupLayout(
            unified: nil,
            controllers: Dictionary(
                uniqueKeysWithValues: try hierarchies().map { ($0, $0) }))
        try Cgroups.remove(path, in: layout)
        for root in layout.controllers.values {
            let all = root + LabPaths.allCgroups
            guard Files.isDirectory(all) else { continue }
            let hasOthers = try Files.list(all).contains { Files.isDirectory("\(all)/\($0)") }
            if !hasOthers { try Cgroups.remove(LabPaths.allCgroups, in: layout) }
        }
    }
}
