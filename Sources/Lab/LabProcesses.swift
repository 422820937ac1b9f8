import Faults
import Glibc
import LinuxSystem

/// Finding and ending every process of a lab.
enum LabProcesses {
    /// How long processes may take to end after SIGKILL.
    static let killDeadline: Duration = .seconds(20)
    /// How often it is looked whether they have.
    static let killInterval: Duration = .milliseconds(50)

    /// The processes in a lab's namespaces or cgroups, and their descendants: containers have namespaces of their own.
    static func find(_ paths: LabPaths) throws -> Set<pid_t> {
        var namespaces: Set<String> = []
        for kind in ["net", "mnt", "uts"] {
            let directory = "\(paths.runtime)/namespaces/\(kind)"
            for name in try Files.list(directory) {
                let path = "\(directory)/\(name)"
                guard NetworkNamespace(path: path).exists(), let status = try Files.status(path) else { continue }
                namespaces.insert("\(kind):[\(status.st_ino)]")
            }
        }
        var children: [pid_t: [pid_t]] = [:]
        var found = Set(try LabCgroups.processes(in: paths.cgroup))
        for pid in try Files.list("/proc").compactMap({ pid_t($0) }) {
            if let parent = parent(of: pid) { children[parent, default: []].append(pid) }
            let isMember = ["net", "mnt", "uts"].contains { kind in
                guard let link = link("/proc/\(pid)/ns/\(kind)") else { return false }
                return namespaces.contains(link)
            }
            if isMember { found.insert(pid) }
        }
        var open = Array(found)
        while let pid = open.popLast() {
            for child in children[pid] ?? [] where found.insert(child).inserted { open.append(child) }
        }
        found.remove(getpid())
        return found
    }

    /// Kills until none is left.
    static func killAll(_ paths: LabPaths) async throws {
        let end = ContinuousClock.now + killDeadline
        while true {
            let left = try find(paths)
            if left.isEmpty { return }
            for pid in left { _ = kill(pid, SIGKILL) }
            guard ContinuousClock.now < end else {
                throw APIError(.internalError, "processes of lab \"\(paths.name)\" do not end: \(left.sorted())")
            }
            try await Task.sleep(for: killInterval)
        }
    }

    /// Field 4 of proc_pid_stat(5); `nil` for a process that has gone.
    private static func parent(of pid: pid_t) -> pid_t? {
        // A process may end between being listed and being read.
        guard let text = try? Files.text("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 1 ? pid_t(fields[1]) : nil
    }

    /// What a symbolic link says, at most 4 KiB of it; `nil` for none.
    static func link(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            let count = readlink(path, start, buffer.count)
            guard count > 0 else { return nil }
            return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
