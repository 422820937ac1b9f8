import Glibc
package import LinuxSystem

/// The programs that do the work, by their paths.
package struct RuntimePrograms: Sendable, Equatable {
    /// Path of conmon.
    package var conmon: String
    /// At least one.
    package var runtimes: [RuntimeName: String]

    package init(conmon: String, runtimes: [RuntimeName: String]) {
        self.conmon = conmon
        self.runtimes = runtimes
    }

    /// What containers are made with when nobody says; `nil` when there is none.
    package var preferred: RuntimeName? { RuntimeName.allCases.first { runtimes[$0] != nil } }

    /// The installed runtimes that work on this machine.
    package static func installed(in layout: CgroupLayout) throws -> [RuntimeName: String] {
        var found: [RuntimeName: String] = [:]
        for name in RuntimeName.allCases where try name != .crun || crunWorks(in: layout) {
            found[name] = Processes.find(name.rawValue)
        }
        return found
    }

    /// With controllers in both versions of cgroups crun refuses to make a container, and asks to "drop all controllers
    /// from cgroupv2".
    private static func crunWorks(in layout: CgroupLayout) throws -> Bool {
        guard layout.mode == .hybrid, let unified = layout.unified else { return true }
        return try (Files.text(unified + "/cgroup.controllers") ?? "").trimmed.isEmpty
    }
}
