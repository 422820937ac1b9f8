import Glibc
package import LinuxSystem

/// A program that makes containers, by the name under which a user asks for it (`docker run --runtime`). The order is
/// that of preference: crun is a small C program and takes a third of runc's time.
package enum RuntimeName: String, Sendable, Hashable, Codable, CaseIterable {
    case crun
    case runc
}

/// The programs that do the work, by their paths.
package struct RuntimePrograms: Sendable, Equatable {
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
