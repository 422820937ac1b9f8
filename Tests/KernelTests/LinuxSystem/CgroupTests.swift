import Glibc
import LinuxSystem
import TestKit
import Testing

@Suite struct CgroupTests {
    private func withGroup(_ body: (String, CgroupLayout) async throws -> Void) async throws {
        try requireRoot()
        let layout = try Cgroups.layout()
        let group = "/apus-test-\(RandomID.hex(bytes: 6))"
        try Cgroups.create(group, in: layout)
        try await cleaningUp {
            try await body(group, layout)
        } by: {
            try Cgroups.kill(group, in: layout)
            try await eventually("the group is removed") {
                try Cgroups.remove(group, in: layout)
                return true
            }
        }
    }

    @Test func `a process is born in a group, in every hierarchy`() async throws {
        try await withGroup { group, layout in
            let child = try Processes.spawn(
                SpawnRequest(
                    executable: "/bin/sleep", arguments: ["1000"], cgroup: Cgroups.entry(group, in: layout)))
            defer { child.signal(SIGKILL) }
            // Without waiting for anything: it is there before its program is.
            let lines = try (Files.text("/proc/\(child.pid)/cgroup") ?? "").split(separator: "\n")
            for line in lines where !line.contains("cpuset") && !line.contains("name=") {
                #expect(line.hasSuffix(group), "\(line)")
            }
            #expect(lines.count > 0)
            child.signal(SIGKILL)
            #expect(try await child.wait() == .signalled(SIGKILL))
        }
    }

    @Test func `a program that cannot be born in a group is told of, and none is left`() async throws {
        try await withGroup { group, layout in
            #expect(throws: SystemError.self) {
                _ = try Processes.spawn(
                    SpawnRequest(
                        executable: "/bin/sleep", arguments: ["1000"],
                        cgroup: Cgroups.entry(group + "/nosuch", in: layout)))
            }
            #expect(throws: SystemError.self) {
                _ = try Processes.spawn(
                    SpawnRequest(executable: "/bin/nosuch", cgroup: Cgroups.entry(group, in: layout)))
            }
            let left = try Cgroups.processes(in: group, of: layout)
            #expect(left == [])
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a process that is born in a frozen group waits alone`() async throws {
        try await withGroup { group, layout in
            try Cgroups.setFrozen(true, group, in: layout)
            async let frozen = onThread {
                try Processes.spawn(SpawnRequest(executable: "/bin/true", cgroup: Cgroups.entry(group, in: layout)))
            }
            try await eventually("it is in the group") { try !Cgroups.processes(in: group, of: layout).isEmpty }
            let other = try Processes.spawn(SpawnRequest(executable: "/bin/true"))
            #expect(try await other.wait() == .exited(0))
            Processes.reapOrphans()
            try Cgroups.setFrozen(false, group, in: layout)
            #expect(try await frozen.wait() == .exited(0))
        }
    }

    @Test func `a process is moved into a group, counted there, and killed with it`() async throws {
        try await withGroup { group, layout in
            // The children are started only when the shell is in its group.
            let gate = try Descriptor.pipe()
            let child = try Processes.spawn(
                SpawnRequest(
                    executable: "/bin/sh", arguments: ["-c", "read x; sleep 1000 & sleep 1000 & wait"],
                    descriptors: [(gate.reading.raw, 0)]))
            defer { child.signal(SIGKILL) }
            try Cgroups.move(child.pid, to: group, in: layout)
            try gate.writing.writeAll(Array("x\n".utf8))
            try await eventually("the group has three processes") {
                try Cgroups.processes(in: group, of: layout).count == 3
            }
            #expect(try Cgroups.processes(in: group, of: layout).contains(child.pid))
            let statistics = try Cgroups.statistics(of: group, in: layout)
            #expect(statistics.processes.map { $0 >= 1 } != false)
            #expect(statistics.memoryLimitBytes == nil)
            #expect(statistics.cpuNanoseconds != nil)
            try Cgroups.kill(group, in: layout)
            #expect(try await child.wait() == .signalled(SIGKILL))
            try await eventually("the group is empty") { try Cgroups.processes(in: group, of: layout).isEmpty }
        }
    }

    @Test func `a group that others made in a hierarchy with but a name is removed too`() async throws {
        try await withGroup { group, layout in
            let made = layout.named.map { $0 + group }
            for directory in made { try Files.makeDirectories(directory + "/below") }
            try Cgroups.remove(group, in: layout)
            #expect(made.filter(Files.exists).isEmpty)
        }
    }

    @Test func `a missing group has no processes, empty statistics, and is removed at once`() throws {
        let layout = try Cgroups.layout()
        #expect(try Cgroups.processes(in: "/apus-test-missing", of: layout).isEmpty)
        #expect(try Cgroups.statistics(of: "/apus-test-missing", in: layout) == CgroupStatistics())
        try Cgroups.remove("/apus-test-missing", in: layout)
        try Cgroups.kill("/apus-test-missing", in: layout)
    }
}
