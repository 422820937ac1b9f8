import LinuxSystem
import TestKit
import Testing

/// What is read of hierarchies that lack files, laid out as directories.
@Suite struct CgroupLimitTests {
    private func withFiles(_ files: [String], _ body: (String) throws -> Void) async throws {
        try await withTemporaryDirectory { root in
            for file in files {
                let path = "\(root)/\(file)"
                try Files.makeDirectories(path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
                try Files.writeAtomically(
                    file.hasSuffix("controllers") ? "cpu io memory pids\n" : "", to: path, mode: 0o644)
            }
            try body(root)
        }
    }

    @Test func `of version 1, what has no file is not known`() async throws {
        try await withFiles([
            "memory/memory.soft_limit_in_bytes", "memory/memory.oom_control", "cpu/cpu.shares",
            "blkio/blkio.throttle.read_bps_device",
        ]) { root in
            let names = ["memory", "cpu", "blkio"]
            let layout = CgroupLayout(
                unified: nil, controllers: Dictionary(uniqueKeysWithValues: names.map { ($0, "\(root)/\($0)") }))
            let limits = try CgroupLimits(layout)
            #expect(limits.memory && limits.memoryReservation && limits.memoryKiller && limits.processorShares)
            #expect(!limits.swap && !limits.swappiness && !limits.processorQuota && !limits.blockIOWeight)
            #expect(!limits.processorSets && !limits.processes)
        }
    }

    @Test func `of version 2, a group that has the controller shows what there is`() async throws {
        try await withFiles([
            "cgroup.controllers", "one/io.stat", "one/cpu.weight", "one/cpu.max", "one/memory.max",
            "two/memory.max",
        ]) { root in
            let limits = try CgroupLimits(CgroupLayout(unified: root, controllers: [:]))
            #expect(limits.memory && limits.memoryReservation && limits.processorShares && limits.processorQuota)
            #expect(limits.processes && !limits.processorSets)
            #expect(!limits.swap && !limits.swappiness && !limits.memoryKiller && !limits.blockIOWeight)
        }
        try await withFiles(["cgroup.controllers", "one/io.stat", "one/io.bfq.weight"]) { root in
            let limits = try CgroupLimits(CgroupLayout(unified: root, controllers: [:]))
            // Nobody has the memory controller yet: then it is as usual.
            #expect(limits.blockIOWeight && limits.swap)
        }
    }
}
